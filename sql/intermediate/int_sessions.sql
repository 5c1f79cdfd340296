-- Sessions belong to the local day they begin on. The day before is read to know which sessions were
-- under way at midnight, the day after to see them end.
with sessions as (
    select
        session_id,
        user_id,
        min(event_time) as start_time,
        max(event_time) as end_time,
        count(*) as events,
        count(*) filter (where event = 'page_view') as page_views,
        -- What a session's conversion is; top_paths goes by it.
        count(*) filter (where event in ('pay', 'course_pay')) as conversions,
        first_value(platform order by event_time, event_id nulls first, source_object, source_offset) as platform,
        first_value(channel order by event_time, event_id nulls first, source_object, source_offset) as channel,
        first_value(page order by event_time, event_id nulls first, source_object, source_offset)
            filter (where event = 'page_view') as entry_page,
        last_value(page order by event_time, event_id nulls first, source_object, source_offset)
            filter (where event = 'page_view') as exit_page
    from int_session_events
    -- user_key first: the events come in that order, so sessions are done while reading
    group by user_key, user_id, session_id
)

select
    local_date(start_time) as date,
    session_id,
    user_id,
    platform,
    channel,
    start_time,
    end_time,
    events,
    page_views,
    conversions,
    page_views = 1 as is_bounce,
    entry_page,
    exit_page
from sessions
where local_date(start_time) between $start and $end
