-- Pages where most visits end, with the exit rate against the same weekday of the week before.
with today as (
    select page, exits, views, exit_rate
    from page_daily
    where date = $date
        and exits > 0
),

week_before as (
    select page, exit_rate
    from page_daily
    where date = $date - interval '7 days'
)

select
    today.page,
    today.exits,
    today.views,
    today.exit_rate,
    today.exit_rate - week_before.exit_rate as exit_rate_change
from today
left join week_before on today.page = week_before.page
order by today.exits desc, today.page
limit 8
