select date, platform, array_agg(distinct channel order by channel) as visitors
from events
where date between $start and $end
group by date, platform
