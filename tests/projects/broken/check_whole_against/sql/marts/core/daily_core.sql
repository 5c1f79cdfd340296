select date, platform, count(distinct user_id) as visitors
from events
group by date, platform
