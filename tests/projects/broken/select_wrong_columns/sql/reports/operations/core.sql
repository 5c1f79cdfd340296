select sum(visitors) as visitors, date
from daily_core
group by date
