select date, platform, count(distinct user_id) as visitors, min(channel) as channel
from events
where date between $start and $end
group by date, platform
