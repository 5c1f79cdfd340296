-- What the visitors of each channel are worth: not how many come but how many do something. Spend without
-- a visitor and visitors without spend keep their rows.
with bounds as (
    -- Declared: money for a channel with fewer effective users among its visitors is ineffective.
    select cast(0.05 as decimal(6, 4)) as least_effective_rate
),

came as (
    select
        date,
        channel,
        count(*) as visitors,
        count(*) filter (where is_effective) as effective_users,
        count(*) filter (where payments > 0) as payers,
        sum(paid) as revenue
    from int_traffic_users
    where date between $start and $end
    group by date, channel
),

cost as (
    select
        date,
        case
            when coalesce(channel, '') = '' then '(none)'
            when channel = 'all' then '(all)'
            else channel
        end as channel,
        sum(spend) as spend
    from spend
    where date between $start and $end
    group by 1, 2
),

joined as (
    select
        coalesce(came.date, cost.date) as date,
        coalesce(came.channel, cost.channel) as channel,
        coalesce(came.visitors, 0) as visitors,
        coalesce(came.effective_users, 0) as effective_users,
        coalesce(came.payers, 0) as payers,
        coalesce(came.revenue, 0) as revenue,
        coalesce(cost.spend, 0) as spend
    from came
    full join cost
        on came.date = cost.date
        and came.channel = cost.channel
)

select
    joined.date,
    joined.channel,
    joined.visitors,
    joined.effective_users,
    cast(joined.effective_users as double) / nullif(joined.visitors, 0) as effective_rate,
    joined.payers,
    cast(joined.revenue as decimal(18, 2)) as revenue,
    cast(joined.spend as decimal(18, 2)) as spend,
    joined.spend > 0
        and (
            joined.visitors = 0
            or joined.effective_users < bounds.least_effective_rate * joined.visitors
        ) as is_ineffective
from joined
cross join bounds
