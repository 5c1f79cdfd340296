select date, sum(visitors) as visitor
from daily_core
group by date
