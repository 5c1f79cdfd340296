select date, platform, sum(platform) as visitors
from events
where date between $start and $end
group by date, platform
