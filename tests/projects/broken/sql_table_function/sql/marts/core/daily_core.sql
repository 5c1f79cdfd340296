select date, platform, count(distinct user_id) as visitors
from read_csv('raw/events.csv')
where date between $start and $end
group by date, platform
