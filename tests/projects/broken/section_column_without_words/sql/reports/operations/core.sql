select date, sum(visitors) as visitors, max(visitors) as regulars
from daily_core
group by date
