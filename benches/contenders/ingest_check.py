"""Tells what stands in a folder of canonical Parquet, so that two of them can be compared.

Arguments: FOLDER (with dt=…/data.parquet). Prints JSON: per date rows, sums and an order-independent hash
of the rows; and how many neighbours are out of order by (user_key, user_id, event_time, event_id).
"""

import json
import sys
from pathlib import Path

import duckdb

db = duckdb.connect()
# The object's path below raw/events/; values of props one by one, since the text of JSON is nobody's promise.
ROW = """
    event_id, epoch_us(event_time), event, user_id, platform, app_version, channel, scene, page, product_id,
    course_id, order_id, amount::decimal(12, 2), regexp_extract(source_object, 'dt=.*'),
    json_extract_string(props, ['$.props.network', '$.props.model', '$.props.city', '$.props.title',
                                '$.props.nickname', '$.debug', '$.battery', '$.tags[0]', '$.utm_content'])
"""
told = {}
unordered = 0
for file in sorted(Path(sys.argv[1]).glob("dt=*/data.parquet")):
    date = file.parent.name[3:]
    columns = {row[0] for row in db.execute("describe select * from read_parquet(?)", [str(file)]).fetchall()}
    wrong_date = f"count(*) filter (where date != '{date}')" if "date" in columns else "0"
    row = db.execute(
        f"""
        select count(*) as rows, count(distinct event_id) as ids, count(user_id) as with_user,
               coalesce(sum(amount), 0)::varchar as amount, sum(hash({ROW})::hugeint)::varchar as hash,
               {wrong_date} as wrong_date
        from read_parquet(?, hive_partitioning = false)
        """,
        [str(file)],
    ).fetchone()
    told[date] = list(row)
    unordered += db.execute(
        """
        select count(*) from (
            select row(user_key, coalesce(user_id, ''), event_time, event_id) as key,
                   lag(row(user_key, coalesce(user_id, ''), event_time, event_id)) over (order by file_row_number) as before
            from read_parquet(?, hive_partitioning = false, file_row_number = true)
        ) where before > key
        """,
        [str(file)],
    ).fetchone()[0]
print(json.dumps({"dates": told, "unordered": unordered}))
