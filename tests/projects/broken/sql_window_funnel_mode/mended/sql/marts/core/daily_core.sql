select date, platform, window_funnel(interval '1 day', 'strict_once', event_time, event = 'a') as visitors
from events
where date between $start and $end
group by date, platform
