-- Two weeks, so that the latest day due on the mature basis is among them.
select
    date,
    funnel,
    basis,
    is_mature,
    step_no,
    step,
    reached,
    median_us,
    p90_us,
    median_from_entry_us,
    p90_from_entry_us
from funnel_steps
where funnel = 'shop'
    and breakdown = 'overall'
    and date between $date - interval '14 days' and $date
order by basis, date, step_no
