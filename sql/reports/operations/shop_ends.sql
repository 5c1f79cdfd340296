-- Each step with those who came no further, by what became of them. Two weeks, so that the latest day due
-- on the mature basis is among them.
with steps as (
    select date, funnel, basis, is_mature, step_no, step, entrants, reached
    from funnel_steps
    where funnel = 'shop'
        and breakdown = 'overall'
        and date between $date - interval '14 days' and $date
),

ends as (
    select date, basis, step_no, end_state, next_event, entities
    from funnel_ends
    where funnel = 'shop'
        and breakdown = 'overall'
        and date between $date - interval '14 days' and $date
)

select
    steps.date,
    steps.funnel,
    steps.basis,
    steps.is_mature,
    steps.step_no,
    steps.step,
    steps.entrants,
    steps.reached,
    ends.end_state,
    ends.next_event,
    ends.entities
from steps
left join ends
    on steps.date = ends.date
    and steps.basis = ends.basis
    and steps.step_no = ends.step_no
order by steps.basis, steps.date, steps.step_no, ends.end_state, ends.next_event
