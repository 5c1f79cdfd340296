select date, platform, count(distinct user_id) as visitors
from events tablesample (1 percent)
where date between $start and $stop
group by date, platform
