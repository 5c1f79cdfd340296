select date, platform, window_funnel(interval '1 day', 'default', event_time, event) as visitors
from events
where date between $start and $end
group by date, platform
