-- How deep the views of each page went. A scroll event belongs to the latest view of its page in the
-- session, and a view went as deep as the deepest of its scroll events; without any it stands at 0, the
-- top. A share outside 0 to 100 counts as the nearest of the two.
with session_events as (
    select
        user_key,
        user_id,
        session_id,
        event,
        event_time,
        event_id,
        coalesce(nullif(page, ''), '(none)') as page,
        scroll_pct,
        source_object,
        source_offset,
        first_value(event_time) over (
            partition by user_key, user_id, session_id
            order by event_time, event_id nulls first, source_object, source_offset
        ) as session_start_time
    from int_session_events
),

numbered as (
    select
        local_date(session_start_time) as date,
        user_key,
        user_id,
        session_id,
        page,
        case
            when event = 'scroll' and scroll_pct is not null then least(greatest(scroll_pct, 0), 100)
        end as depth_pct,
        sum(case when event = 'page_view' then 1 else 0 end) over (
            partition by user_key, user_id, session_id, page
            order by event_time, event_id nulls first, source_object, source_offset
            rows between unbounded preceding and current row
        ) as view_no
    from session_events
    where event in ('page_view', 'scroll')
        and local_date(session_start_time) between $start and $end
),

views as (
    select
        date,
        page,
        max(depth_pct) as depth_pct
    from numbered
    where view_no > 0
    group by user_key, user_id, session_id, date, page, view_no
)

select
    date,
    page,
    coalesce(depth_pct, 0) as depth_pct,
    count(*) as views,
    count(depth_pct) as scrolled_views
from views
group by date, page, coalesce(depth_pct, 0)
