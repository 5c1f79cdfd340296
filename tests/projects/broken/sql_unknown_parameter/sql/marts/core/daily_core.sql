select date, platform, count(distinct user_id) as visitors
from events
where date between $start and $stop
group by date, platform
