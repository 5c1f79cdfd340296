select date, platform, count(distinct user_id) as visitors
from events -- ÊÂ¼ş
where date between $start and $end
group by date, platform
