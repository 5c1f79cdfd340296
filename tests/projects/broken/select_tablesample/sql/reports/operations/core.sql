select date, sum(visitors) as visitors
from daily_core tablesample (5 percent)
group by date
