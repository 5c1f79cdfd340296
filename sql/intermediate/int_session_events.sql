-- Each event with its session. A pause of more than 30 minutes begins a new one, and so does another
-- channel; `true` as a sixth argument would cut at local midnight too. A session's rows follow from its
-- events and the local day before it, whatever dates are in sight. Partitioned and ordered as the table
-- is (nulls first), so that nothing needs sorting.
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
    scroll_pct,
    source_object,
    source_offset,
    sessionize(user_id, event_time, event_id, interval '30 minutes', nullif(channel, '')) over (
        partition by user_key, user_id
        order by event_time, event_id nulls first, source_object, source_offset
    ) as session_id
from stg_events
