select date, platform, count(distinct user_id) as visitors
from events
where date between $start and $end
  and event = 'page_view
group by date, platform
