-- What users did for the first time ever. Of its own table the model sees the dates before $start: who
-- reached a milestone there does not reach it again.
with reached as (
    select date, user_key, user_id, 'first_seen' as milestone, first_event_time as event_time, platform, channel
    from user_days
    where date between $start and $end
    union all
    select date, user_key, user_id, 'registration', registration_time, registration_platform, registration_channel
    from user_days
    where date between $start and $end
        and registration_time is not null
    union all
    select date, user_key, user_id, 'first_payment', payment_time, payment_platform, payment_channel
    from user_days
    where date between $start and $end
        and payment_time is not null
),

first_reached as (
    select
        min(date) as date,
        user_key,
        user_id,
        milestone,
        min(event_time) as event_time,
        first_value(platform order by date) as platform,
        first_value(channel order by date) as channel
    from reached
    group by user_key, user_id, milestone
)

select
    date,
    user_key,
    user_id,
    milestone,
    event_time,
    platform,
    channel
from first_reached
where not exists (
    select 1
    from user_milestones as earlier
    where earlier.user_key = first_reached.user_key
        and earlier.user_id = first_reached.user_id
        and earlier.milestone = first_reached.milestone
)
