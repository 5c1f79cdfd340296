-- Each event with its session: a pause of more than 30 minutes begins a new one. Partitioned and
-- ordered as the table is (nulls first), so that nothing needs sorting.
select
    date,
    event_time,
    event,
    event_id,
    user_key,
    user_id,
    platform,
    channel,
    page,
    source_object,
    source_offset,
    sessionize(user_id, event_time, event_id, interval '30 minutes') over (
        partition by user_key, user_id
        order by event_time, event_id nulls first, source_object, source_offset
    ) as session_id
from stg_events
