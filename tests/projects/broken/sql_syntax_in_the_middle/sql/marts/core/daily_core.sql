-- Visitors of each day.
with days as (
    select
        date,
        platform,
        user_id,
    from events
    where date between $start and $end
      and and event = 'page_view'
)
select date, platform, count(distinct user_id) as visitors
from days
group by date, platform
