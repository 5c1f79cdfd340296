-- Where each page leads.
with flows as (
    select
        date,
        coalesce(nullif(page, ''), '(none)') as page,
        case when is_exit then '(exit)' else coalesce(nullif(next_page, ''), '(none)') end as next_page,
        count(*) as views
    from int_page_views
    where date between $start and $end
    group by 1, 2, 3
)

select
    date,
    page,
    next_page,
    views,
    cast(views as double) / sum(views) over (partition by date, page) as share
from flows
