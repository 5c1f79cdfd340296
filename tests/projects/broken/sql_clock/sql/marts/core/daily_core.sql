select date, platform, count(distinct user_id) as visitors
from events
where date between $start and $end
  and event_time < now()
  and date < current_date
  and event_time < current_timestamp
group by date, platform
