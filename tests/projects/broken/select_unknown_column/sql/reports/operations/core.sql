select date, sum(visitor) as visitors
from daily_core
group by date
