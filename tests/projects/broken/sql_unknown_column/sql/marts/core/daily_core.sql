-- Visitors of each day.
with days as (
    select date, platfrom, user_id
    from events
    where date between $start and $end
)
select date, platform, count(distinct user_id) as visitors
from days
group by date, platform
