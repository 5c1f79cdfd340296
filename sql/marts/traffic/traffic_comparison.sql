-- What a marked date changed (int_marked_dates): the days from it on against as many before it, by channel
-- and for all. The change of the effective rate is taken apart exactly, by channel, into who came (mix)
-- and what they did (rate), what both share going half to each:
--     mix  = change of the channel's share of visitors × (its mean rate − the mean rate of all)
--     rate = the channel's mean share of visitors × change of its rate
-- where a mean is that of before and after. A channel that came on one side only has no change of rate
-- of its own: all of it is mix.
with totals as (
    select
        mark,
        marked_date,
        days,
        last_date,
        sum(visitors_before) as visitors_before,
        sum(visitors_after) as visitors_after,
        sum(effective_users_before) as effective_users_before,
        sum(effective_users_after) as effective_users_after,
        sum(payers_before) as payers_before,
        sum(payers_after) as payers_after,
        sum(revenue_before) as revenue_before,
        sum(revenue_after) as revenue_after,
        sum(spend_before) as spend_before,
        sum(spend_after) as spend_after
    from traffic_spans
    group by mark, marked_date, days, last_date
),

rates as (
    select
        channels.*,
        cast(channels.effective_users_before as double) / nullif(channels.visitors_before, 0) as rate_before,
        cast(channels.effective_users_after as double) / nullif(channels.visitors_after, 0) as rate_after,
        cast(channels.visitors_before as double) / nullif(totals.visitors_before, 0) as share_before,
        cast(channels.visitors_after as double) / nullif(totals.visitors_after, 0) as share_after,
        cast(totals.effective_users_before as double) / nullif(totals.visitors_before, 0) as rate_of_all_before,
        cast(totals.effective_users_after as double) / nullif(totals.visitors_after, 0) as rate_of_all_after
    from traffic_spans as channels
    join totals on channels.mark = totals.mark
),

-- Decimals, so that they add up to the same whatever the order. Nobody on either side: nothing to explain.
effects as (
    select
        *,
        cast(
            (share_after - share_before)
            * (
                (coalesce(rate_before, rate_after, 0) + coalesce(rate_after, rate_before, 0)) / 2
                - (rate_of_all_before + rate_of_all_after) / 2
            ) as decimal(18, 12)
        ) as mix_effect,
        cast(
            (share_before + share_after) / 2
            * (coalesce(rate_after, rate_before, 0) - coalesce(rate_before, rate_after, 0)) as decimal(18, 12)
        ) as rate_effect
    from rates
),

of_all as (
    select
        mark,
        sum(mix_effect) as mix_effect,
        sum(rate_effect) as rate_effect
    from effects
    group by mark
),

together as (
    select
        mark,
        marked_date,
        days,
        last_date,
        channel,
        visitors_before,
        visitors_after,
        effective_users_before,
        effective_users_after,
        payers_before,
        payers_after,
        revenue_before,
        revenue_after,
        spend_before,
        spend_after,
        mix_effect,
        rate_effect
    from effects
    union all
    select
        totals.mark,
        totals.marked_date,
        totals.days,
        totals.last_date,
        'all',
        totals.visitors_before,
        totals.visitors_after,
        totals.effective_users_before,
        totals.effective_users_after,
        totals.payers_before,
        totals.payers_after,
        totals.revenue_before,
        totals.revenue_after,
        totals.spend_before,
        totals.spend_after,
        of_all.mix_effect,
        of_all.rate_effect
    from totals
    join of_all on totals.mark = of_all.mark
)

select
    mark,
    channel,
    marked_date,
    days,
    last_date,
    visitors_before,
    visitors_after,
    effective_users_before,
    effective_users_after,
    cast(effective_users_before as double) / nullif(visitors_before, 0) as effective_rate_before,
    cast(effective_users_after as double) / nullif(visitors_after, 0) as effective_rate_after,
    payers_before,
    payers_after,
    cast(revenue_before as decimal(18, 2)) as revenue_before,
    cast(revenue_after as decimal(18, 2)) as revenue_after,
    cast(spend_before as decimal(18, 2)) as spend_before,
    cast(spend_after as decimal(18, 2)) as spend_after,
    cast(
        cast(effective_users_after as double) / nullif(visitors_after, 0)
        - cast(effective_users_before as double) / nullif(visitors_before, 0) as decimal(18, 12)
    ) as change,
    cast(mix_effect as decimal(18, 12)) as mix_effect,
    cast(rate_effect as decimal(18, 12)) as rate_effect
from together
