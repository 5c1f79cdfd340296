-- Taps of known users, in classes of screens (narrower than 375 CSS px, 375 to 429, 430 and wider) and on
-- a grid of 12 × 24 over the page. What was tapped outside the page goes to the nearest bin. A tap
-- without a place, or on a page whose size is unknown, is not placed.
with measured as (
    select
        date,
        user_key,
        user_id,
        source_object,
        source_offset,
        coalesce(nullif(page, ''), '(none)') as page,
        coalesce(nullif(element, ''), '(none)') as element,
        case
            when coalesce(screen_width, 0) < 1 then '(none)'
            when screen_width < 375 then 'compact'
            when screen_width < 430 then 'regular'
            else 'wide'
        end as screen_class,
        x,
        y,
        -- Sizes beyond any screen are no sizes.
        case when screen_width between 1 and 100000 then screen_width end as width,
        case when page_height between 1 and 10000000 then page_height end as height
    from stg_events
    where event = 'tap'
),

placed as (
    select
        *,
        x is not null and y is not null and width is not null and height is not null as is_placed
    from measured
)

select
    date,
    user_key,
    user_id,
    source_object,
    source_offset,
    page,
    element,
    screen_class,
    is_placed,
    case when is_placed then least(greatest(x, 0), width - 1) * 12 / width end as grid_x,
    case when is_placed then least(greatest(y, 0), height - 1) * 24 / height end as grid_y
from placed
