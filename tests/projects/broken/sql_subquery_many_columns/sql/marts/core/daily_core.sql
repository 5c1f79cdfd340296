select date, platform, count(distinct user_id) as visitors
from events
where date between $start and $end
  and user_id in (select user_id, event from events)
group by date, platform
