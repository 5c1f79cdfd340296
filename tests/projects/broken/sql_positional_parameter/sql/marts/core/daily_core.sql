select date, platform, count(distinct user_id) as visitors
from events
where date between $1 and ?
group by date, platform
