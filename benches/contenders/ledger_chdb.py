"""ClickHouse (chdb): daily five-step 24-hour funnel with two breakdowns and the state every entrant ends in.
Arguments: FILES THREADS.

windowFunnel gives a level, but neither which chain nor what came after it, so the chain is found by
arrayFold over each user's sorted events, once per entry day. Prints JSON: seconds and rows of
(breakdown, segment, step, state, next, entrants).
"""

import json
import sys
import time

import chdb

files, threads = sys.argv[1:]
sql = f"""
    with
        86400000000 as window_us,
        (us) -> intDiv(us + 28800000000, 86400000000) as day_of
    select breakdown, segment, level, state, next, sum(entrants) as entrants from (
        select
            multiIf(grouping(platform) = 1, 'overall', grouping(channel) = 1, 'platform', 'platform,channel') as breakdown,
            multiIf(grouping(platform) = 1, 'all', grouping(channel) = 1, platform, concat(platform, ',', channel)) as segment,
            level, state, next, count() as entrants
        from (
            select
                platform, channel, chain.2 as level,
                chain.3 as start_us, chain.4 as reached_us,
                arrayFirst(x -> x.1 > reached_us and x.1 <= start_us + window_us, by_name) as other,
                arrayExists(x -> x.2 = level + 1 and x.1 > start_us + window_us
                    and day_of(x.1) <= day_of(start_us + window_us), events) as is_late,
                multiIf(level = 5, 'converted', is_late, 'timed_out', other.1 > 0, 'elsewhere', 'gone') as state,
                if(state = 'elsewhere', other.3, '') as next
            from (
                select
                    platform, channel, events, by_name, entry_day,
                    arrayFold((acc, x) ->
                        if(x.2 = 1,
                            if(day_of(x.1) = entry_day,
                                (arrayMap((s, i) -> if(i = 1, x.1, s), acc.1, [1, 2, 3, 4, 5]),
                                 if(acc.2 < 1, toUInt8(1), acc.2), if(acc.2 < 1, x.1, acc.3), if(acc.2 < 1, x.1, acc.4)),
                                acc),
                            if(acc.1[x.2 - 1] > 0 and x.1 - acc.1[x.2 - 1] <= window_us,
                                (arrayMap((s, i) -> if(i = x.2, acc.1[x.2 - 1], s), acc.1, [1, 2, 3, 4, 5]),
                                 if(acc.2 < x.2, x.2, acc.2), if(acc.2 < x.2, acc.1[x.2 - 1], acc.3), if(acc.2 < x.2, x.1, acc.4)),
                                acc)),
                        arrayFilter(x -> x.2 > 0 and day_of(x.1) >= entry_day and day_of(x.1) <= entry_day + 1, events),
                        ([toInt64(0), 0, 0, 0, 0], toUInt8(0), toInt64(0), toInt64(0))) as chain
                from (
                    select
                        any(platform) as platform, any(channel) as channel,
                        arraySort(groupArray((us, step, event))) as events,
                        arraySort(x -> (x.1, x.3), events) as by_name,
                        arrayDistinct(arrayMap(x -> day_of(x.1), arrayFilter(x -> x.2 = 1, events))) as entry_days
                    from (
                        select
                            user_id, assumeNotNull(platform) as platform, assumeNotNull(channel) as channel, event,
                            toInt64(toUnixTimestamp64Micro(event_time)) as us,
                            toUInt8(multiIf(event = 'exposure', 1, event = 'click', 2, event in ('register', 'login'), 3,
                                            event = 'add_to_cart', 4, event = 'pay', 5, 0)) as step
                        from file('{files}', 'Parquet',
                            'user_id Nullable(String), user_key Int64, platform Nullable(String), channel Nullable(String), event String, event_time DateTime64(6, \\'UTC\\')')
                        where user_id is not null
                    )
                    group by user_id
                )
                array join entry_days as entry_day
            )
        )
        group by grouping sets ((level, state, next), (level, state, next, platform), (level, state, next, platform, channel))
    )
    group by all order by all
    settings max_threads = {threads}
"""
started = time.perf_counter()
rows = [line.split("\t") for line in str(chdb.query(sql, "TSV")).strip().splitlines()]
seconds = time.perf_counter() - started
rows = [[breakdown, segment, int(level), state, following, int(entrants)] for breakdown, segment, level, state, following, entrants in rows]
print(json.dumps({"seconds": seconds, "rows": rows}))
