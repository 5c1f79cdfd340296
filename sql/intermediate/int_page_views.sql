-- Page views in their session, with the page that follows. The last one of a session has no dwell
-- time: when it was left is not known.
with views as (
    select
        session_id,
        user_id,
        event_time,
        event_id,
        page,
        platform,
        channel,
        source_object,
        source_offset
    from int_session_events
    where event = 'page_view'
),

session_starts as (
    select
        session_id,
        local_date(min(event_time)) as date
    from int_session_events
    group by session_id
),

session_ends as (
    select
        session_id,
        event_time,
        event_id,
        source_object,
        source_offset,
        lead(event_time) over (
            partition by session_id
            order by event_time, event_id, source_object, source_offset
        ) as next_event_time
    from int_session_events
),

sequenced as (
    select
        *,
        lead(page) over (
            partition by session_id
            order by event_time, event_id, source_object, source_offset
        ) as next_page,
        row_number() over (
            partition by session_id
            order by event_time, event_id, source_object, source_offset
        ) as view_no,
        count(*) over (partition by session_id) as session_views
    from views
)

select
    session_starts.date,
    sequenced.user_id,
    sequenced.session_id,
    sequenced.view_no,
    sequenced.event_time,
    sequenced.page,
    sequenced.platform,
    sequenced.channel,
    sequenced.next_page,
    arrow_cast(session_ends.next_event_time, 'Timestamp(Microsecond, None)')::bigint
        - arrow_cast(sequenced.event_time, 'Timestamp(Microsecond, None)')::bigint as dwell_us,
    sequenced.view_no = 1 as is_entry,
    sequenced.view_no = sequenced.session_views as is_exit,
    sequenced.session_views = 1 as is_bounce
from sequenced
join session_starts on sequenced.session_id = session_starts.session_id
join session_ends
    on sequenced.session_id = session_ends.session_id
    and sequenced.source_object = session_ends.source_object
    and sequenced.source_offset = session_ends.source_offset
where session_starts.date between $start and $end
