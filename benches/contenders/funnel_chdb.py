"""ClickHouse (chdb): five-step 24-hour funnel per user by platform over Parquet. Arguments: FILES THREADS KEY,
where KEY is the column to group by.

Prints JSON: seconds and users by platform and deepest step.
"""

import json
import sys
import time

import chdb

files, threads, key = sys.argv[1:]
# windowFunnel takes no DateTime64: microseconds as a number.
sql = f"""
    select platform, level, count() as users
    from (
        select any(platform) as platform,
               windowFunnel(86400000000)(
                   toUInt64(toUnixTimestamp64Micro(event_time)),
                   event = 'exposure', event = 'click', event in ('register', 'login'),
                   event = 'add_to_cart', event = 'pay') as level
        from file('{files}', 'Parquet',
                  'user_id Nullable(String), user_key Int64, platform Nullable(String), event String, event_time DateTime64(6, \\'UTC\\')')
        where user_id is not null and event in ('exposure', 'click', 'register', 'login', 'add_to_cart', 'pay')
        group by {key}
    )
    group by platform, level order by platform, level
    settings max_threads = {threads}
"""
started = time.perf_counter()
rows = [line.split("\t") for line in str(chdb.query(sql, "TSV")).strip().splitlines()]
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "users": [[platform, int(level), int(users)] for platform, level, users in rows]}))
