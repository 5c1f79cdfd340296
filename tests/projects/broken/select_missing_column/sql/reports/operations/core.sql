select date
from daily_core
group by date
