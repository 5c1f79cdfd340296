-- Page views in their session, with the page that follows. The last one of a session has no dwell
-- time: when it was left is not known. Everything is partitioned by user first and ordered as the
-- events are stored, so that one pass over them is enough.
with session_events as (
    select
        user_key,
        user_id,
        session_id,
        event,
        event_time,
        event_id,
        page,
        platform,
        channel,
        source_object,
        source_offset,
        first_value(event_time) over (
            partition by user_key, user_id, session_id
            order by event_time, event_id nulls first, source_object, source_offset
        ) as session_start_time,
        lead(event_time) over (
            partition by user_key, user_id, session_id
            order by event_time, event_id nulls first, source_object, source_offset
        ) as next_event_time
    from int_session_events
),

sequenced as (
    select
        *,
        lead(page) over (
            partition by user_key, user_id, session_id
            order by event_time, event_id nulls first, source_object, source_offset
        ) as next_page,
        lead(event_time) over (
            partition by user_key, user_id, session_id
            order by event_time, event_id nulls first, source_object, source_offset
        ) as next_view_time,
        row_number() over (
            partition by user_key, user_id, session_id
            order by event_time, event_id nulls first, source_object, source_offset
        ) as view_no
    from session_events
    where event = 'page_view'
)

select
    local_date(session_start_time) as date,
    user_id,
    session_id,
    view_no,
    event_time,
    page,
    platform,
    channel,
    next_page,
    arrow_cast(next_event_time, 'Timestamp(Microsecond, None)')::bigint
        - arrow_cast(event_time, 'Timestamp(Microsecond, None)')::bigint as dwell_us,
    view_no = 1 as is_entry,
    next_view_time is null as is_exit,
    view_no = 1 and next_view_time is null as is_bounce
from sequenced
where local_date(session_start_time) between $start and $end
