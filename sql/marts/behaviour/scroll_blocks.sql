-- How many views of a page see each block of its outline (int_page_blocks). A block is reached where the
-- view went down to its upper edge or further.
with depths as (
    select
        date,
        page,
        depth_pct,
        views,
        sum(views) over (partition by date, page) as page_views,
        sum(scrolled_views) over (partition by date, page) as page_scrolled_views
    from int_scroll_depths
    where date between $start and $end
),

reached as (
    select
        depths.date,
        depths.page,
        int_page_blocks.block_no,
        int_page_blocks.block,
        int_page_blocks.from_pct,
        int_page_blocks.to_pct,
        min(depths.page_views) as views,
        sum(case when depths.depth_pct >= int_page_blocks.from_pct then depths.views else 0 end) as reached
    from depths
    join int_page_blocks on depths.page = int_page_blocks.page
    where depths.page_scrolled_views > 0
    group by
        depths.date,
        depths.page,
        int_page_blocks.block_no,
        int_page_blocks.block,
        int_page_blocks.from_pct,
        int_page_blocks.to_pct
)

select
    date,
    page,
    block_no,
    block,
    from_pct,
    to_pct,
    views,
    reached,
    cast(reached as double) / views as reached_share
from reached
