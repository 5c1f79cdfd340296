-- Where pages are tapped: a grid of 12 × 24 bins over the page, for each class of screens.
select
    date,
    page,
    screen_class,
    grid_x,
    grid_y,
    count(*) as taps,
    count(distinct user_id) as users
from int_taps
where date between $start and $end
    and is_placed
group by date, page, screen_class, grid_x, grid_y
