-- Events of known users, with the columns that models use.
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
    order_id,
    amount,
    source_object,
    source_offset
from events
where user_id is not null
