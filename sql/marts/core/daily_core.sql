-- Core numbers of each day, for each platform and for all together. What was opened in single-page mode
-- (scene 1154, which has no user) is left out: single_page_daily shows it.
with named_events as (
    select
        date,
        user_id,
        event,
        amount,
        -- 'all' stands for the sum, so no platform may have that name
        case
            when coalesce(platform, '') = '' then '(none)'
            when platform = 'all' then '(all)'
            else platform
        end as platform_name
    from events
    where date between $start and $end
        and not (user_id is null and coalesce(scene, 0) = 1154)
),

named_sessions as (
    select
        date,
        page_views,
        is_bounce,
        start_time,
        end_time,
        case
            when coalesce(platform, '') = '' then '(none)'
            when platform = 'all' then '(all)'
            else platform
        end as platform_name
    from int_sessions
    where date between $start and $end
),

-- Milestones count where they were reached, so that the platforms add up to all.
named_milestones as (
    select
        date,
        milestone,
        case
            when coalesce(platform, '') = '' then '(none)'
            when platform = 'all' then '(all)'
            else platform
        end as platform_name
    from user_milestones
    where date between $start and $end
),

event_counts as (
    select
        date,
        case when grouping(platform_name) = 1 then 'all' else platform_name end as platform,
        count(distinct user_id) as visitors,
        count(*) filter (where event = 'page_view') as page_views,
        count(distinct user_id) filter (where event = 'register') as registrations,
        count(distinct user_id) filter (where event = 'pay') as payers,
        count(*) filter (where event = 'pay') as orders,
        coalesce(sum(amount) filter (where event = 'pay'), 0) as paid_gmv,
        count(distinct user_id) filter (where event = 'exposure') as exposed
    from named_events
    group by grouping sets ((date, platform_name), (date))
),

session_counts as (
    select
        date,
        case when grouping(platform_name) = 1 then 'all' else platform_name end as platform,
        count(*) as sessions,
        count(*) filter (where page_views > 0) as sessions_with_pages,
        count(*) filter (where is_bounce) as bounces,
        sum(
            arrow_cast(end_time, 'Timestamp(Microsecond, None)')::bigint
            - arrow_cast(start_time, 'Timestamp(Microsecond, None)')::bigint
        ) as duration_us
    from named_sessions
    group by grouping sets ((date, platform_name), (date))
),

milestone_counts as (
    select
        date,
        case when grouping(platform_name) = 1 then 'all' else platform_name end as platform,
        count(*) filter (where milestone = 'first_seen') as new_users,
        count(*) filter (where milestone = 'registration') as new_registrations,
        count(*) filter (where milestone = 'first_payment') as new_payers
    from named_milestones
    group by grouping sets ((date, platform_name), (date))
)

select
    event_counts.date,
    event_counts.platform,
    event_counts.visitors,
    coalesce(milestone_counts.new_users, 0) as new_users,
    coalesce(session_counts.sessions, 0) as sessions,
    event_counts.page_views,
    event_counts.registrations,
    coalesce(milestone_counts.new_registrations, 0) as new_registrations,
    event_counts.payers,
    coalesce(milestone_counts.new_payers, 0) as new_payers,
    event_counts.orders,
    cast(event_counts.paid_gmv as decimal(18, 2)) as paid_gmv,
    event_counts.exposed,
    cast(event_counts.payers as double) / nullif(event_counts.exposed, 0) as pay_conversion,
    cast(session_counts.bounces as double) / nullif(session_counts.sessions_with_pages, 0) as bounce_rate,
    cast(session_counts.duration_us as double) / nullif(session_counts.sessions, 0) as dwell_us_per_session
from event_counts
left join session_counts
    on event_counts.date = session_counts.date
    and event_counts.platform = session_counts.platform
left join milestone_counts
    on event_counts.date = milestone_counts.date
    and event_counts.platform = milestone_counts.platform
