-- Pages of a day: how often seen, entered, left.
select
    date,
    coalesce(nullif(page, ''), '(none)') as page,
    count(*) as views,
    count(distinct user_id) as visitors,
    count(*) filter (where is_entry) as entries,
    count(*) filter (where is_exit) as exits,
    count(*) filter (where is_bounce) as bounces,
    cast(count(*) filter (where is_exit) as double) / count(*) as exit_rate,
    cast(count(*) filter (where is_bounce) as double)
        / nullif(count(*) filter (where is_entry), 0) as bounce_rate,
    median(cast(dwell_us as double)) as median_dwell_us
from int_page_views
where date between $start and $end
group by date, coalesce(nullif(page, ''), '(none)')
