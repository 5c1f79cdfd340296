select date, platform, count(distinct user_id) as visitors
from events
where date between $start and $end
  and random() < 0.1
  and uuid() <> event_id
group by date, platform
