-- How far down the product page its views came on the report's day: a row per block of the page, then a
-- row per tenth of its height.
with blocks as (
    select page, block, from_pct, to_pct, reached_share
    from scroll_blocks
    where date = $date
        and page = 'product'
),

depths as (
    select page, scroll_pct, views_reaching, share
    from scroll_depth
    where date = $date
        and page = 'product'
),

parts as (
    select
        page,
        block,
        from_pct,
        to_pct,
        cast(null as bigint) as scroll_pct,
        cast(null as bigint) as views_reaching,
        reached_share
    from blocks
    union all
    select
        page,
        cast(null as varchar) as block,
        cast(null as bigint) as from_pct,
        cast(null as bigint) as to_pct,
        scroll_pct,
        views_reaching,
        share as reached_share
    from depths
)

select
    page,
    block,
    from_pct,
    to_pct,
    scroll_pct,
    views_reaching,
    reached_share
from parts
order by page, scroll_pct nulls first, from_pct
