select date, sum(visitors) as visitors
from daily_core
where date between $start and $date
group by date
