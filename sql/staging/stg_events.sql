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
    element,
    x,
    y,
    screen_width,
    page_height,
    scroll_pct,
    source_object,
    source_offset
from events
where user_id is not null
