select date, sum(visitors) as visitors
from daily_core
group by date
