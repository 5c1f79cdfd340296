-- Two weeks, so that the latest day due on the mature basis is among them, with the same weekday before.
select
    date,
    funnel,
    basis,
    is_mature,
    step_no,
    step,
    entrants,
    reached,
    step_rate,
    overall_rate
from funnel_steps
where funnel = 'purchase'
    and breakdown = 'overall'
    and date between $date - interval '14 days' and $date
order by basis, date, step_no
