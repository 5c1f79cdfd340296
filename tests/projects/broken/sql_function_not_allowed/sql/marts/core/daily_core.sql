select date, repeat(platform, 1000000000) as platform, count(distinct user_id) as visitors
from events
where date between $start and $end
  and version() is not null
  and array_length(range(1, 1000000000)) > 0
  and array_length(generate_series($start, $end, interval '1 microsecond')) > 0
  and array_length(generate_series($start, $end, interval '1 day')) > 0
group by date, platform
