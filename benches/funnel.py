"""Five-step 24-hour funnel per user by platform over the day partitions that loudou published."""

import json
import shutil
from pathlib import Path

from common import CACHE, LOUDOU, THREADS, Failed, demand, fastest, in_turn, measure, mb, python, report, say
from data import LAST_DATE, Shape, raw, source_only, warm

SCALES = {
    # Many users who rarely come back.
    "full": Shape(days=60, users=850_000, return_pct=5),
    # Ten times as many, by hand: about 110 million events.
    "huge": Shape(days=60, users=8_500_000, return_pct=5),
    "small": Shape(days=6, users=3_000, return_pct=20),
}
MEMORY_LIMIT = 300e6

QUERY = """
select platform, level, count(*) as users
from (
    select min(platform) as platform,
           window_funnel(interval '1 day', 'default', event_time,
                         event = 'exposure', event = 'click', event in ('register', 'login'),
                         event = 'add_to_cart', event = 'pay') as level
    from events
    where user_id is not null
    group by user_key, user_id
)
where level > 0
group by platform, level order by platform, level
"""


def run(options):
    shape = SCALES[options.scale]
    say(f"\n== funnel ({options.scale})")
    project = published(shape)
    files = sorted((project / "warehouse/events").glob("dt=*/data.parquet"))
    say(f"{len(files)} day partitions, {mb(sum(path.stat().st_size for path in files))}")
    warm(project / "warehouse/events")
    pattern = f"{project}/warehouse/events/*/data.parquet"

    def loudou():
        measured = measure([LOUDOU, "-C", project, "query", "--format", "json", " ".join(QUERY.split())])
        rows = json.loads(measured.stdout)
        measured.told = {"users": [[row["platform"], row["level"], row["users"]] for row in rows]}
        return measured

    contenders = {
        "loudou": loudou,
        "duckdb": lambda: measure(python("funnel_duckdb.py", pattern, str(THREADS))),
    }
    if options.chdb:
        contenders["clickhouse"] = lambda: measure(python("funnel_chdb.py", pattern, str(THREADS), "user_id"))
        # Not the same question: two users of one hash would be one. It shows what the text of the id costs.
        contenders["clickhouse by hash"] = lambda: measure(python("funnel_chdb.py", pattern, str(THREADS), "user_key"))
    results = in_turn(contenders, options.rounds)
    say("\nstatement: for loudou the whole process, for the others the SQL without start and import")
    seconds_of = lambda name, one: one.seconds if name == "loudou" else one.told["seconds"]  # noqa: E731
    report(results, seconds_of)

    expected = sorted(results["loudou"][0].told["users"])
    for name, measured in results.items():
        for one in measured:
            if sorted(one.told["users"]) != expected:
                raise Failed(f"{name} counts {one.told['users']}, loudou {expected}")
    levels = {}
    for platform, level, users in expected:
        for reached in range(1, level + 1):
            levels.setdefault(platform, [0] * 5)[reached - 1] += users
    for platform, reached in levels.items():
        say(f"  {platform}: " + " → ".join(f"{count:,}" for count in reached))
    say(f"  results agree: {sum(row[2] for row in expected):,} users by platform and deepest step")

    ours = fastest(results["loudou"])
    for name in results:
        if name != "loudou":
            say(f"  loudou / {name}: {ours / fastest(results[name], lambda one: one.told['seconds']):.2f}")
    holds = True
    if options.chdb:
        theirs = fastest(results["clickhouse"], lambda one: one.told["seconds"])
        holds = demand(options, "loudou's process / windowFunnel's statement", ours / theirs, 0.5, 0.33)
    return holds & demand(options, "peak memory of loudou, MB", max(one.peak_bytes for one in results["loudou"]) / 1e6, MEMORY_LIMIT / 1e6)


def published(shape):
    """A project of the events source with every day published by this very binary; kept."""
    data = raw(shape)
    project = CACHE / "funnel" / shape.name
    binary = Path(shutil.which(LOUDOU) or LOUDOU).stat()
    made_by = f"{binary.st_size} {binary.st_mtime_ns}"
    marker = project / "made_by.txt"
    if not marker.is_file() or marker.read_text() != made_by:
        marker.unlink(missing_ok=True)
        source_only(data, project)
        warm(data / "raw/events")
        measured = measure(
            [LOUDOU, "-q", "-C", project, "--as-of", f"{LAST_DATE}T23:59:00Z", "run", "--no-reports",
             "--from", shape.first_date, "--to", LAST_DATE]
        )  # fmt: skip
        say(f"ingest of the {shape.days} days: {measured.seconds:.1f} s, {mb(measured.peak_bytes)}")
        marker.write_text(made_by)
    return project
