-- Where the product page was tapped on the report's day: a row per tapped place and, for each class of
-- screens, a row per block of the page. The class with most taps comes first.
with places as (
    select page, screen_class, grid_x, grid_y, taps
    from tap_heat
    where date = $date
        and page = 'product'
),

screens as (
    select page, screen_class, sum(taps) as all_taps
    from places
    group by page, screen_class
),

blocks as (
    select page, block_no, block, from_pct, to_pct
    from scroll_blocks
    where date = $date
        and page = 'product'
),

parts as (
    select
        screens.page,
        screens.screen_class,
        blocks.block_no,
        blocks.block,
        blocks.from_pct,
        blocks.to_pct,
        cast(null as bigint) as grid_x,
        cast(null as bigint) as grid_y,
        cast(null as bigint) as taps
    from screens
    inner join blocks on screens.page = blocks.page
    union all
    select
        page,
        screen_class,
        cast(null as bigint) as block_no,
        cast(null as varchar) as block,
        cast(null as bigint) as from_pct,
        cast(null as bigint) as to_pct,
        grid_x,
        grid_y,
        taps
    from places
)

select
    parts.page,
    parts.screen_class,
    parts.block,
    parts.from_pct,
    parts.to_pct,
    parts.grid_x,
    parts.grid_y,
    parts.taps
from parts
inner join screens
    on parts.page = screens.page
    and parts.screen_class = screens.screen_class
order by screens.all_taps desc, parts.screen_class, parts.block_no nulls last, parts.grid_y, parts.grid_x
