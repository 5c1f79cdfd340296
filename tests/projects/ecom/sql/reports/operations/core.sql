select
    date,
    visitors,
    sessions,
    buyers,
    buyer_rate,
    payment_errors
from daily_core
where date between $date - interval '13 days' and $date
order by date
