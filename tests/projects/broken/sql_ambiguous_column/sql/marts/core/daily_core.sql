select date, a.platform, count(distinct a.user_id) as visitors
from events a
join events b on a.user_id = b.user_id
where a.date between $start and $end
group by a.date, a.platform
