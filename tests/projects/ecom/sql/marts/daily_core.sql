with event_counts as (
    select
        date,
        count(distinct user_id) as visitors,
        count(*) as events,
        count(distinct user_id) filter (where event = 'purchase') as buyers,
        count(*) filter (where event = 'payment_error') as payment_errors
    from events
    where date between $start and $end
    group by date
),

session_counts as (
    select
        date,
        count(*) as sessions
    from int_sessions
    where date between $start and $end
    group by date
)

select
    event_counts.date,
    event_counts.visitors,
    coalesce(session_counts.sessions, 0) as sessions,
    event_counts.events,
    event_counts.buyers,
    event_counts.payment_errors,
    cast(event_counts.buyers as double) / nullif(event_counts.visitors, 0) as buyer_rate
from event_counts
left join session_counts on event_counts.date = session_counts.date
