-- The ways into a visit: the first 6 pages of each session, a page that comes again at once counted
-- once, and which of them sessions that convert take more often than the others. Paths of fewer than
-- 10 sessions a day are folded.
with pages as (
    select
        date,
        session_id,
        view_no,
        coalesce(nullif(page, ''), '(none)') as page,
        lag(coalesce(nullif(page, ''), '(none)')) over (partition by date, session_id order by view_no) as page_before
    from int_page_views
    where date between $start and $end
),

steps as (
    select
        date,
        session_id,
        page,
        row_number() over (partition by date, session_id order by view_no) as step_no
    from pages
    where page is distinct from page_before
),

session_paths as (
    select
        date,
        session_id,
        string_agg(page, ' › ' order by step_no) as path,
        count(*) as length
    from steps
    where step_no <= 6
    group by date, session_id
),

paths as (
    select
        session_paths.date,
        session_paths.path,
        session_paths.length,
        count(*) as sessions,
        count(*) filter (where int_sessions.conversions > 0) as converted_sessions
    from session_paths
    join int_sessions
        on session_paths.date = int_sessions.date
        and session_paths.session_id = int_sessions.session_id
    group by session_paths.date, session_paths.path, session_paths.length
),

named as (
    select
        date,
        case when sessions >= 10 then path else '(other)' end as path,
        case when sessions >= 10 then length end as length,
        sum(sessions) as sessions,
        sum(converted_sessions) as converted_sessions
    from paths
    group by 1, 2, 3
),

totals as (
    select
        date,
        path,
        length,
        sessions,
        converted_sessions,
        sum(sessions) over (partition by date) as all_sessions,
        sum(converted_sessions) over (partition by date) as all_converted
    from named
)

select
    date,
    path,
    length,
    sessions,
    converted_sessions,
    cast(sessions as double) / all_sessions as share,
    cast(converted_sessions as double) / sessions as conversion_rate,
    cast(converted_sessions as double) / nullif(all_converted, 0) as share_of_converted,
    cast(sessions - converted_sessions as double)
        / nullif(all_sessions - all_converted, 0) as share_of_others,
    cast(converted_sessions * (all_sessions - all_converted) as double)
        / nullif(all_converted * (sessions - converted_sessions), 0) as lift
from totals
