-- What each user did on each local day. Events without a user id are nobody's.
with own_events as (
    select
        date,
        user_key,
        user_id,
        event_time,
        event,
        amount,
        event_id,
        source_object,
        source_offset,
        named_struct('platform', platform, 'channel', channel) as came_by
    from stg_events
    where date between $start and $end
),

days as (
    select
        date,
        user_key,
        user_id,
        count(*) as events,
        count(*) filter (where event = 'page_view') as page_views,
        count(*) filter (where event = 'pay') as payments,
        coalesce(sum(amount) filter (where event = 'pay'), 0) as paid,
        min(event_time) as first_event_time,
        max(event_time) as last_event_time,
        min(event_time) filter (where event = 'register') as registration_time,
        min(event_time) filter (where event = 'login') as login_time,
        min(event_time) filter (where event = 'pay') as payment_time,
        first_value(came_by order by event_time, event_id, source_object, source_offset) as came_by,
        first_value(came_by order by event_time, event_id, source_object, source_offset)
            filter (where event = 'register') as registered_by,
        first_value(came_by order by event_time, event_id, source_object, source_offset)
            filter (where event = 'pay') as paid_by
    from own_events
    group by date, user_key, user_id
)

select
    date,
    user_key,
    user_id,
    events,
    page_views,
    payments,
    cast(paid as decimal(18, 2)) as paid,
    first_event_time,
    last_event_time,
    came_by['platform'] as platform,
    came_by['channel'] as channel,
    registration_time,
    registered_by['platform'] as registration_platform,
    registered_by['channel'] as registration_channel,
    login_time,
    payment_time,
    paid_by['platform'] as payment_platform,
    paid_by['channel'] as payment_channel
from days
