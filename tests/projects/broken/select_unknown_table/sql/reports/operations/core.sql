select date, sum(visitors) as visitors
from core_daily
group by date
