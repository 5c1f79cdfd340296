select date, platform, row_number() over (partition by date) as visitors
from events
where date between $start and $end
