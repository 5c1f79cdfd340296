select date, platform, count(distinct user_id) as visitors
from 'raw/events.parquet'
where date between $start and $end
group by date, platform
