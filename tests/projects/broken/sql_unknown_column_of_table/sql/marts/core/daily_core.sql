select date, platform, count(distinct events.openid) as visitors
from events
where date between $start and $end
group by date, platform
