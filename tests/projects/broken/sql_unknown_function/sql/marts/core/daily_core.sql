select date, platform, count_distinct(user_id) as visitors
from events
where date between $start and $end
group by date, platform
