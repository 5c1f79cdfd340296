with sessionized as (
    select
        user_id,
        event,
        event_time,
        given_session_id,
        sessionize(user_id, event_time, event_id, interval '30 minutes') over (
            partition by user_key, user_id
            order by event_time, event_id, source_object, source_offset
        ) as session_id
    from events
)

select
    local_date(min(event_time)) as date,
    session_id,
    user_id,
    min(event_time) as start_time,
    max(event_time) as end_time,
    count(*) as events,
    count(distinct given_session_id) as given_sessions,
    min(given_session_id) as given_session_id,
    bool_or(event = 'purchase') as has_purchase
from sessionized
group by session_id, user_id
