-- The days before each marked date (int_marked_dates) and from it on, by channel, side by side. Only what is
-- due: no day of either side may be missing.
with compared as (
    select
        marks.mark,
        marks.marked_date,
        marks.days,
        quality.date,
        quality.date >= marks.marked_date as is_after,
        quality.channel,
        quality.visitors,
        quality.effective_users,
        quality.payers,
        quality.revenue,
        quality.spend
    from traffic_quality as quality
    join int_marked_dates as marks
        on arrow_cast(quality.date, 'Int32') >= arrow_cast(marks.marked_date, 'Int32') - marks.days
        and arrow_cast(quality.date, 'Int32') < arrow_cast(marks.marked_date, 'Int32') + marks.days
),

due as (
    select
        mark,
        max(date) as last_date
    from compared
    group by mark, days
    having count(distinct date) = 2 * days
)

select
    compared.mark,
    compared.marked_date,
    compared.days,
    due.last_date,
    compared.channel,
    sum(case when is_after then 0 else visitors end) as visitors_before,
    sum(case when is_after then visitors else 0 end) as visitors_after,
    sum(case when is_after then 0 else effective_users end) as effective_users_before,
    sum(case when is_after then effective_users else 0 end) as effective_users_after,
    sum(case when is_after then 0 else payers end) as payers_before,
    sum(case when is_after then payers else 0 end) as payers_after,
    sum(case when is_after then 0 else revenue end) as revenue_before,
    sum(case when is_after then revenue else 0 end) as revenue_after,
    sum(case when is_after then 0 else spend end) as spend_before,
    sum(case when is_after then spend else 0 end) as spend_after
from compared
join due on compared.mark = due.mark
group by compared.mark, compared.marked_date, compared.days, due.last_date, compared.channel
