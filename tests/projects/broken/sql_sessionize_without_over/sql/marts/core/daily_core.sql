select date, platform, sessionize(user_id, event_time, event_id, interval '30 minutes') as visitors
from events
where date between $start and $end
group by date, platform
