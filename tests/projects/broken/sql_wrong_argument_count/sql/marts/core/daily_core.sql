select date, platform, count(distinct user_id) as visitors
from events
where date between $start and $end
  and coalesce() = date and date_trunc('day') = date
group by date, platform
