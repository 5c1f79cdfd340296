"""Daily five-step funnel with two breakdowns and the ledger of end states, over the day partitions that
loudou published; the plain funnel beside it, on the same files."""

import json

from common import LOUDOU, THREADS, Failed, demand, fastest, in_turn, mb, measure, python, report, say
from data import LAST_DATE, Shape, warm
from funnel import SCALES as FUNNEL_SCALES
from funnel import published

SCALES = FUNNEL_SCALES
MEMORY_LIMIT = 1_073_741_824


def query(shape: Shape):
    return f"""
with paths as (
    select funnel_path('window 24h', date '{shape.first_date}', date '{LAST_DATE}', null, date, event_time, event,
                       named_struct('platform', platform, 'channel', channel), null, null,
                       event = 'exposure', event = 'click', event in ('register', 'login'),
                       event = 'add_to_cart', event = 'pay') as path
    from events
    where user_id is not null
    group by user_key, user_id
),
entries as (select unnest(path) as entry from paths),
cells as (
    select entry['first_value']['platform'] as platform, entry['first_value']['channel'] as channel,
           path_totals(entry) as totals
    from entries
    where entry['basis'] = 'mature'
    group by entry['first_value']['platform'], entry['first_value']['channel']
),
totals as (select platform, channel, unnest(totals) as total from cells),
ended as (
    select platform, platform || ',' || channel as both, total['step_no'] as level, total['end_state'] as state,
           coalesce(total['next'], '') as next, total['entities'] as entities
    from totals
    where total['end_state'] is not null
)
select case when grouping(platform) = 0 then 'platform' when grouping(both) = 0 then 'platform,channel' else 'overall' end as breakdown,
       coalesce(platform, both, 'all') as segment, level, state, next, sum(entities) as entrants
from ended
group by grouping sets ((level, state, next), (level, state, next, platform), (level, state, next, both))
order by 1, 2, 3, 4, 5
"""


def run(options):
    shape = SCALES[options.scale]
    say(f"\n== ledger ({options.scale})")
    project = published(shape)
    files = sorted((project / "warehouse/events").glob("dt=*/data.parquet"))
    say(f"{len(files)} day partitions, {mb(sum(path.stat().st_size for path in files))}")
    warm(project / "warehouse/events")
    pattern = f"{project}/warehouse/events/*/data.parquet"

    def loudou():
        measured = measure([LOUDOU, "-C", project, "query", "--format", "json", " ".join(query(shape).split())])
        measured.told = {"rows": [list(row.values()) for row in json.loads(measured.stdout)]}
        return measured

    contenders = {"loudou": loudou}
    if options.scale != "huge":
        contenders["duckdb"] = lambda: measure(python("ledger_duckdb.py", pattern, str(THREADS)))
    if options.chdb:
        contenders["clickhouse"] = lambda: measure(python("ledger_chdb.py", pattern, str(THREADS)))
        contenders["clickhouse, plain funnel"] = lambda: measure(python("funnel_chdb.py", pattern, str(THREADS), "user_id"))
    results = in_turn(contenders, options.rounds)
    say("\nstatement: for loudou the whole process, for the others the SQL without start and import")
    seconds_of = lambda name, one: one.seconds if name == "loudou" else one.told["seconds"]  # noqa: E731
    report(results, seconds_of)

    expected = sorted(results["loudou"][0].told["rows"])
    for name, all_measured in results.items():
        for one in all_measured:
            rows = one.told.get("rows")
            if rows is not None and sorted(rows) != expected:
                theirs = {tuple(row) for row in rows}
                ours = {tuple(row) for row in expected}
                raise Failed(f"{name} differs: {sorted(theirs - ours)[:5]} for {sorted(ours - theirs)[:5]}")
    entrants = sum(row[5] for row in expected if row[0] == "overall")
    say(f"  results agree: {entrants:,} entrants in {len(expected):,} segments, steps and states")
    ours = fastest(results["loudou"])
    for name in results:
        if name != "loudou":
            say(f"  loudou / {name}: {ours / fastest(results[name], lambda one: one.told['seconds']):.2f}")
    holds = True
    if options.chdb:
        theirs = fastest(results["clickhouse"], lambda one: one.told["seconds"])
        holds = demand(options, "loudou's process / ClickHouse's statement", ours / theirs, 0.5, 0.33)
    peak = max(one.peak_bytes for one in results["loudou"])
    return holds & demand(options, "peak memory of loudou, MB", peak / 1e6, MEMORY_LIMIT / 1e6)
