-- Who came on each day, by the channel of the day's first event, and whether the visit was of use.
-- `is_effective` declares what that is: change the condition to have another.
with came as (
    select
        date,
        user_key,
        user_id,
        first_value(channel order by event_time, event_id nulls first, source_object, source_offset) as channel,
        count(*) filter (where event in ('register', 'login', 'article_open')) > 0 as is_effective,
        count(*) filter (where event = 'pay') as payments,
        coalesce(sum(amount) filter (where event = 'pay'), 0) as paid
    from stg_events
    group by date, user_key, user_id
)

select
    date,
    user_key,
    user_id,
    -- 'all' stands for the sum, so no channel may have that name
    case
        when coalesce(channel, '') = '' then '(none)'
        when channel = 'all' then '(all)'
        else channel
    end as channel,
    is_effective,
    payments,
    cast(paid as decimal(18, 2)) as paid
from came
