select date, platform, count(distinct user_id) as visitors
from events
where date between $start and $end
  and event_time > 5
group by date, platform
