select date, sum(visitors) as visitors
from daily_core
where date = current_date
group by date
