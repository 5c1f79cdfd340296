select date, platform, cast(count(distinct user_id) as varchar) as visitors
from events
where date between $start and $end
group by date, platform
