select cast(date as varchar) as date, cast(sum(visitors) as varchar) as visitors
from daily_core
group by date
