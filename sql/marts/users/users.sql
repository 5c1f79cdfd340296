-- Who is who. A user stands here from the first day with an event on.
select
    user_key,
    user_id,
    min(date) filter (where milestone = 'first_seen') as first_seen_date,
    min(event_time) filter (where milestone = 'first_seen') as first_seen_time,
    min(platform) filter (where milestone = 'first_seen') as first_platform,
    min(channel) filter (where milestone = 'first_seen') as first_channel,
    min(date) filter (where milestone = 'registration') as registration_date,
    min(event_time) filter (where milestone = 'registration') as registration_time,
    min(date) filter (where milestone = 'first_payment') as first_payment_date,
    min(event_time) filter (where milestone = 'first_payment') as first_payment_time
from user_milestones
group by user_key, user_id
