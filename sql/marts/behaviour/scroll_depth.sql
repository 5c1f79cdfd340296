-- How many views of a page see how much of it. Pages without a single scroll event on the day are left
-- out: of them it is not known.
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

marks as (
    select unnest(range(0, 101, 10)) as scroll_pct
),

reached as (
    select
        depths.date,
        depths.page,
        marks.scroll_pct,
        sum(case when depths.depth_pct >= marks.scroll_pct then depths.views else 0 end) as views_reaching,
        min(depths.page_views) as views,
        min(depths.page_scrolled_views) as scrolled_views
    from depths
    cross join marks
    where depths.page_scrolled_views > 0
    group by depths.date, depths.page, marks.scroll_pct
)

select
    date,
    page,
    scroll_pct,
    views_reaching,
    views,
    scrolled_views,
    cast(views_reaching as double) / views as share
from reached
