select date, first_value(platform) as platform, count(distinct user_id) as visitors
from events
where date between $start and $end
group by date
