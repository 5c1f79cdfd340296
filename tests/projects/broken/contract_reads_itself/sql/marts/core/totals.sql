select platform, count(*) as events
from events
where platform not in (select platform from totals)
group by platform
