"""DuckDB: gzipped NDJSON → deduplicated, sorted Parquet by local date. Arguments: RAW OUT THREADS.

The fastest honest way that was found: decode once into a temporary table (lines that are no events are
counted there), find the few ids that stand there more than once, and write each date without the rows
that lose. A window over all rows (`qualify row_number()`) and one `copy … (partition_by)` are slower.
"""

import json
import sys
import time
from pathlib import Path

import duckdb

raw, out, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

db = duckdb.connect()
db.execute(f"set threads = {threads}")
# Rows are sorted anyway: DuckDB need not keep them in the files' order.
db.execute("set preserve_insertion_order = false")
started = time.perf_counter()

# Declared columns by type, `props` and every field that the generator sometimes adds as JSON text.
columns = {
    "event_id": "VARCHAR", "ts": "TIMESTAMPTZ", "event": "VARCHAR", "openid": "VARCHAR",
    "platform": "VARCHAR", "app_version": "VARCHAR", "channel": "VARCHAR", "scene": "BIGINT",
    "page": "VARCHAR", "product_id": "VARCHAR", "course_id": "VARCHAR", "order_id": "VARCHAR",
    "amount": "DECIMAL(12,2)",
    "props": "JSON", "debug": "JSON", "battery": "JSON", "tags": "JSON", "utm_content": "JSON",
}  # fmt: skip
# With ignore_errors a line that is no object, or a value of the wrong type, becomes null.
db.execute(f"""
    create temp table decoded as
    select
        -- The local day in Asia/Shanghai, which has no daylight saving: arithmetic is faster than the zone.
        date '1970-01-01' + cast((epoch_us(ts) + 28_800_000_000) // 86_400_000_000 as integer) as date,
        ts as event_time, event, event_id, openid as user_id, hash(openid) as user_key,
        platform, app_version, channel, scene, page, product_id, course_id, order_id, amount,
        '{{"props":' || props || coalesce(',"debug":' || debug, '') || coalesce(',"battery":' || battery, '')
            || coalesce(',"tags":' || tags, '') || coalesce(',"utm_content":' || utm_content, '') || '}}' as props,
        source_object
    from read_json('{raw}/*/*/*.gz', format = 'newline_delimited', columns = {columns}, ignore_errors = true,
                   filename = 'source_object', hive_partitioning = false)
""")
decoded = time.perf_counter()
lines, bad = db.execute(
    "select count(*), count(*) filter (where event_time is null or event is null) from decoded"
).fetchone()
db.execute("""
    create temp table loses as
    select row from (
        select rowid as row, row_number() over (partition by event_id, date order by event_time, source_object) as place
        from decoded
        where event_time is not null and event is not null
          and event_id in (select event_id from decoded group by event_id having count(*) > 1)
    ) where place > 1
""")
found = time.perf_counter()
dates = db.execute("select distinct date from decoded where event_time is not null and event is not null order by date")
rows = 0
for (date,) in dates.fetchall():
    folder = out / f"dt={date}"
    folder.mkdir(parents=True)
    rows += db.execute(f"""
        copy (
            select * from decoded
            where date = '{date}' and event is not null and rowid not in (from loses)
            order by user_key, user_id, event_time, event_id
        ) to '{folder}/data.parquet'
        (format parquet, compression zstd, compression_level 1, row_group_size 131_072)
    """).fetchone()[0]
ended = time.perf_counter()
print(json.dumps({
    "seconds": ended - started, "decode": decoded - started, "duplicates": found - decoded, "write": ended - found,
    "lines": lines, "bad": bad, "rows": rows,
}))  # fmt: skip
