select date, sum(visitors) as visitors
from daily_cor
group by date
