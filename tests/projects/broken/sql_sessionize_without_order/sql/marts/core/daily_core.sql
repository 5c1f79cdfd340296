with sessions as (
    select
        date,
        platform,
        sessionize(user_id, event_time, event_id, interval '30 minutes') over (partition by user_id) as session_id
    from events
    where date between $start and $end
)
select date, platform, count(distinct session_id) as visitors
from sessions
group by date, platform
