select date, sum(visitors) as visitors
from daily_core
where date =
group by date
