select date, platform, count(distinct user_id) as visitors
from events
where date between $start and $end
  and date > date '2026-13-01'
group by date, platform
