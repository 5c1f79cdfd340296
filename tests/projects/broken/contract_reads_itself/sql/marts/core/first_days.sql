select min(date) as date, user_id
from events
where date between $start and $end
    and user_id not in (select user_id from first_days)
group by user_id
