select date, platform, sum(amount) as visitors
from events
where date between $start and $end
group by date, platform
