-- The report's day and the 13 before it: values, comparisons and the small lines come from these.
select
    date,
    paid_gmv,
    visitors,
    registrations,
    pay_conversion,
    payers,
    bounce_rate
from daily_core
where platform = 'all'
    and date between $date - interval '13 days' and $date
order by date
