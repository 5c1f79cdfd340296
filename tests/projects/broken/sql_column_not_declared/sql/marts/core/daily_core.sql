select date, platform, count(distinct user_id) as visitors, max(event_time) as last_time
from events
where date between $start and $end
group by date, platform
