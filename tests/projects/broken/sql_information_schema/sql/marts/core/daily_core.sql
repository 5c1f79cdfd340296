select date, platform, count(distinct user_id) as visitors
from information_schema.tables
where date between $start and $end
group by date, platform
