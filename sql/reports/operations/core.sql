-- The report's day and the 13 before it: values, comparisons and the small lines come from these.
-- The day's conversion is the shop funnel's own, so that the card and the picture below agree.
with conversions as (
    select
        date,
        overall_rate as day_conversion
    from funnel_steps
    where funnel = 'shop'
        and breakdown = 'overall'
        and basis = 'same_day'
        and step = 'pay'
)

select
    daily_core.date,
    daily_core.paid_gmv,
    daily_core.visitors,
    daily_core.new_users,
    conversions.day_conversion,
    daily_core.payers,
    daily_core.bounce_rate
from daily_core
left join conversions on daily_core.date = conversions.date
where daily_core.platform = 'all'
    and daily_core.date between $date - interval '13 days' and $date
order by daily_core.date
