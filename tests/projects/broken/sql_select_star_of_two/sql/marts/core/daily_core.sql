select *
from events
where date between $start and $end
