-- The report's day by platform, the platform with most entrants first.
select
    segment,
    breakdown,
    date,
    funnel,
    basis,
    is_mature,
    step_no,
    step,
    entrants,
    reached,
    step_rate,
    step_rate_low,
    step_rate_high,
    overall_rate,
    overall_rate_low,
    overall_rate_high
from funnel_steps
where funnel = 'shop'
    and breakdown = 'platform'
    and basis = 'same_day'
    and date = $date
order by entrants desc, segment, step_no
