select date, array_agg(visitors order by visitors) as visitors
from daily_core
where date = $date
group by date
