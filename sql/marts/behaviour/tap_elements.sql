-- What is tapped on each page, placed or not.
with tapped as (
    select
        date,
        page,
        screen_class,
        element,
        count(*) as taps,
        count(*) filter (where is_placed) as placed_taps,
        count(distinct user_id) as users
    from int_taps
    where date between $start and $end
    group by date, page, screen_class, element
)

select
    date,
    page,
    screen_class,
    element,
    taps,
    placed_taps,
    users,
    cast(taps as double) / sum(taps) over (partition by date, page, screen_class) as share
from tapped
