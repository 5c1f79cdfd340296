select date, platform, count(distinct user_id) as visitors
from events
where date between $start and $end
  and local_date(platform) = date
group by date, platform
