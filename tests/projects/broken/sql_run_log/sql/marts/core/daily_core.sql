select date, platform, count(distinct user_id) as visitors
from _loudou
where date between $start and $end
group by date, platform
