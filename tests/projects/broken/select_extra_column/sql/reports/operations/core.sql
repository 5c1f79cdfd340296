select date, sum(visitors) as visitors, count(*) as platforms
from daily_core
group by date
