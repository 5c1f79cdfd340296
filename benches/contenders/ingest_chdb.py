"""ClickHouse (chdb): gzipped NDJSON → deduplicated, sorted Parquet by local date.

Arguments: RAW OUT THREADS.

Lines are read as text and each goes through one `JSONExtract` into a typed tuple: every good line
survives. The `JSONEachRow` format decodes some 15% faster, but a line that is cut off within a text ends
the reading of its file (more than half of the good lines were lost, errors allowed or not), so that it
cannot do this work.

As with DuckDB: decode once into a table, find the few ids that stand there more than once, write each
date. One `insert … partition by` with `limit 1 by` over all sorted rows is slower.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from chdb import session

raw, out, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

PLAIN = ["event", "openid", "platform", "app_version", "channel"]
TYPES = {name: "Nullable(String)" for name in ["event_id", *PLAIN]}
TYPES |= {"scene": "Nullable(Int64)"}
TYPES |= {name: "Nullable(String)" for name in ["page", "product_id", "course_id", "order_id"]}
TYPES |= {"amount": "Nullable(Decimal(12, 2))"}
TYPES |= {name: "Nullable(String)" for name in ["props", "debug", "battery", "tags", "utm_content"]}

SETTINGS = f"""
    settings max_threads = {threads}, max_insert_threads = {threads},
    output_format_parquet_compression_method = 'zstd', output_format_compression_level = 1,
    output_format_parquet_row_group_size = 131072, output_format_parquet_string_as_string = 1
"""

fields = ", ".join(f"{name} {kind}" for name, kind in (TYPES | {"ts": "Nullable(String)"}).items())
parts = ", ".join(f"tupleElement(found, '{name}') as {name}" for name in TYPES)
decoded = f"""
    select {parts}, source_object,
           -- Best effort also makes a time of texts that are none, such as 刚刚.
           if(length(tupleElement(found, 'ts')) >= 20,
              parseDateTime64BestEffortOrNull(tupleElement(found, 'ts'), 6, 'UTC'), null) as event_time
    from (
        select JSONExtract(line, 'Tuple({fields})') as found, _path as source_object
        from file('{raw}/*/*/*.gz', 'LineAsString')
        where line != ''
    )
"""


def also(name, value):
    return f"""if({name} is null, '', concat(',"{name}":', {value}))"""


props = "concat('{\"props\":', props, " + ", ".join([
    also("debug", "assumeNotNull(debug)"), also("battery", "assumeNotNull(battery)"),
    also("tags", "assumeNotNull(tags)"), also("utm_content", "toJSONString(assumeNotNull(utm_content))"),
]) + ", '}')"  # fmt: skip

# Tables need a folder; the one of memory tables stays empty.
with tempfile.TemporaryDirectory() as folder:
    db = session.Session(folder)
    db.query("create database bench")
    started = time.perf_counter()
    db.query(f"""
        create table bench.decoded engine = Memory as
        select
            toDate32(event_time + 28800) as date, event_time, event, event_id, openid as user_id,
            if(openid is null, -9223372036854775808, reinterpretAsInt64(xxh3(assumeNotNull(openid)))) as user_key,
            platform, app_version, channel, scene, page, product_id, course_id, order_id, amount,
            {props} as props, source_object
        from ({decoded})
        {SETTINGS}
    """)
    decoded_at = time.perf_counter()
    good = "event_time is not null and event is not null"
    counts = str(db.query(f"select count(), countIf(not ({good})) from bench.decoded", "TSV")).split()
    lines, bad = map(int, counts)
    db.query(f"""
        create table bench.twice engine = Memory as
        select event_id from bench.decoded where {good} group by event_id having count() > 1 {SETTINGS}
    """)
    found = time.perf_counter()
    dates = str(db.query(f"select distinct toString(date) from bench.decoded where {good} order by 1", "TSV")).split()
    for date in dates:
        (out / f"dt={date}").mkdir(parents=True)
        db.query(f"""
            insert into function file('{out}/dt={date}/data.parquet', 'Parquet')
            select * from (
                select * from bench.decoded where date = '{date}' and {good} and event_id not in bench.twice
                union all
                select * from (
                    select * from bench.decoded where date = '{date}' and {good} and event_id in bench.twice
                    order by event_time, source_object limit 1 by event_id
                )
            )
            order by user_key, user_id nulls first, event_time, event_id
            {SETTINGS}
        """)
    ended = time.perf_counter()
    print(json.dumps({
        "seconds": ended - started, "decode": decoded_at - started, "duplicates": found - decoded_at,
        "write": ended - found, "lines": lines, "bad": bad,
    }))  # fmt: skip
