"""DuckDB: five-step 24-hour funnel per user by platform over Parquet. Arguments: FILES THREADS.

Without a self-join: `s<k>` is, at each row, the latest start of a chain that has reached step k by then,
a running maximum over the user's rows. Rows of one moment are peers (`range`), as in windowFunnel.
Prints JSON: seconds and users by platform and deepest step.
"""

import json
import sys
import time

import duckdb

files, threads = sys.argv[1], sys.argv[2]
STEPS = ["event = 'exposure'", "event = 'click'", "event in ('register', 'login')", "event = 'add_to_cart'", "event = 'pay'"]
sql = f"""
    with step0 as (
        select user_key, user_id, platform, event, epoch_us(event_time) as us
        from read_parquet('{files}', hive_partitioning = false)
        where user_id is not null and event in ('exposure', 'click', 'register', 'login', 'add_to_cart', 'pay')
    )
"""
for number, condition in enumerate(STEPS, 1):
    start = "us" if number == 1 else f"case when us - s{number - 1} <= 86400000000 then s{number - 1} end"
    sql += f"""
    , step{number} as (
        select *, max(case when {condition} then {start} end) over (
            partition by user_key, user_id order by us range unbounded preceding) as s{number}
        from step{number - 1}
    )"""
sql += """
    , level as (
        select any_value(platform) as platform,
               case when max(s5) is not null then 5 when max(s4) is not null then 4 when max(s3) is not null then 3
                    when max(s2) is not null then 2 when max(s1) is not null then 1 else 0 end as level
        from step5 group by user_key, user_id
    )
    select platform, level, count(*) as users from level group by all order by all
"""
db = duckdb.connect()
db.execute(f"set threads = {threads}")
started = time.perf_counter()
rows = db.execute(sql).fetchall()
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "users": rows}))
