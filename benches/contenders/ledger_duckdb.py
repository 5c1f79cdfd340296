"""DuckDB: daily five-step 24-hour funnel with two breakdowns and the state every entrant ends in.
Arguments: FILES THREADS.

As in funnel_duckdb.py `s<k>` is the latest start of a chain that has reached step k, here once per user and
entry day; what came after the chain is then joined. Prints JSON: seconds and rows of
(breakdown, segment, step, state, next, entrants).
"""

import json
import sys
import time

import duckdb

files, threads = sys.argv[1], sys.argv[2]
WINDOW = 86_400_000_000
sql = f"""
    with events as (
        select user_key, user_id, platform, channel, event, epoch_us(event_time) as us,
               (epoch_us(event_time) + 28800000000) // 86400000000 as day,
               case when event = 'exposure' then 1 when event = 'click' then 2
                    when event in ('register', 'login') then 3 when event = 'add_to_cart' then 4
                    when event = 'pay' then 5 else 0 end as step
        from read_parquet('{files}', hive_partitioning = false)
        where user_id is not null
    )
    , entry_days as (select distinct user_key, user_id, day as entry_day from events where step = 1)
    , step0 as (
        select user_key, user_id, entry_day, step, us, day, platform, channel
        from events join entry_days using (user_key, user_id)
        where step > 0 and day between entry_day and entry_day + 1
    )
"""
for number in range(1, 6):
    condition = "step = 1 and day = entry_day" if number == 1 else f"step = {number}"
    start = "us" if number == 1 else f"case when us - s{number - 1} <= {WINDOW} then s{number - 1} end"
    sql += f"""
    , step{number} as (
        select *, max(case when {condition} then {start} end) over (
            partition by user_key, user_id, entry_day order by us range unbounded preceding) as s{number}
        from step{number - 1}
    )"""
reached = ", ".join(
    f"min(us) filter (where s{number} is not null) as t{number}, arg_min(s{number}, us) filter (where s{number} is not null) as b{number}"
    for number in range(1, 6)
)
level = " ".join(f"when t{number} is not null then {number}" for number in (5, 4, 3, 2, 1))
at = " ".join(f"when t{number} is not null then t{number}" for number in (5, 4, 3, 2, 1))
start = " ".join(f"when t{number} is not null then b{number}" for number in (5, 4, 3, 2, 1))
sql += f"""
    , reached as (
        select user_key, user_id, entry_day, any_value(platform) as platform, any_value(channel) as channel, {reached}
        from step5 group by user_key, user_id, entry_day
    )
    , chains as (
        select user_key, user_id, entry_day, platform, channel,
               case {level} end as level, case {at} end as reached_us, case {start} end as start_us
        from reached where t1 is not null
    )
    , after as (
        select user_key, user_id, entry_day,
               arg_min(event, (us, event)) filter (where us > reached_us and us <= start_us + {WINDOW}) as other,
               bool_or(step = level + 1 and us > start_us + {WINDOW}
                       and day <= (start_us + {WINDOW} + 28800000000) // 86400000000) as is_late
        from chains join events using (user_key, user_id)
        where level < 5 and us > reached_us
        group by user_key, user_id, entry_day
    )
    , ended as (
        select platform, channel, level,
               case when level = 5 then 'converted' when is_late then 'timed_out'
                    when other is not null then 'elsewhere' else 'gone' end as state,
               other
        from chains left join after using (user_key, user_id, entry_day)
    )
    select case when grouping(platform) = 1 then 'overall' when grouping(channel) = 1 then 'platform'
                else 'platform,channel' end as breakdown,
           case when grouping(platform) = 1 then 'all' when grouping(channel) = 1 then platform
                else platform || ',' || channel end as segment,
           level, state, case when state = 'elsewhere' then other else '' end as next, count(*) as entrants
    from ended
    group by grouping sets ((level, state, next), (level, state, next, platform), (level, state, next, platform, channel))
    order by all
"""
db = duckdb.connect()
db.execute(f"set threads = {threads}")
started = time.perf_counter()
rows = db.execute(sql).fetchall()
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "rows": rows}))
