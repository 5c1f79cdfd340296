select date, cast(sum(visitors) as decimal(12, 1)) as visitors
from daily_core
where date = $date
group by date
