"""1 GB of text in gzipped NDJSON objects → deduplicated, typed, sorted Parquet by local date."""

import shutil
from pathlib import Path

from common import (
    CACHE, LOUDOU, THREADS, Failed, demand, empty, fastest, in_turn, mb, measure, python, report, results_of, say,
)  # fmt: skip
from data import LAST_DATE, Shape, raw, source_only, warm

# Three local days of some million events each; every hour is an object.
SCALES = {
    "full": Shape(days=3, users=343_000),
    "day": Shape(days=1, users=505_000),
    "small": Shape(days=3, users=2_000),
}
MEMORY_LIMIT = 1 << 30


def run(options):
    shape = SCALES[options.scale]
    say(f"\n== ingest ({options.scale})")
    data = raw(shape)
    events = data / "raw/events"
    objects = sorted(events.rglob("*.gz"))
    say(f"{len(objects)} objects, {mb(sum(path.stat().st_size for path in objects))} compressed")
    warm(events)
    work = CACHE / "ingest"
    outs = {}

    def loudou():
        project = source_only(data, work / "loudou")
        measured = measure(
            [LOUDOU, "-q", "-C", project, "--as-of", f"{LAST_DATE}T23:59:00Z", "run", "--no-reports",
             "--from", shape.first_date, "--to", LAST_DATE]
        )  # fmt: skip
        results = results_of(project)
        (step,) = results["steps"]
        measured.told = {
            "seconds": step["seconds"], "lines": step["ingest"]["lines"], "bad": step["ingest"]["bad_lines"],
            "rows": step["rows"], "duplicates": step["ingest"]["duplicates"],
        }  # fmt: skip
        outs["loudou"] = project / "warehouse/events"
        return measured

    def other(name, script):
        def one():
            outs[name] = empty(work / name)
            return measure(python(script, events, outs[name], str(THREADS)))
        return one

    contenders = {"loudou": loudou, "duckdb": other("duckdb", "ingest_duckdb.py")}
    if options.chdb:
        contenders["clickhouse"] = other("clickhouse", "ingest_chdb.py")
    results = in_turn(contenders, options.rounds)

    say("\nstatement: for loudou its source step, for the others the SQL without start and import")
    report(results, lambda name, one: one.told["seconds"])
    for name, measured in results.items():
        say(f"  {name}: " + ", ".join(
            f"{key} {value:,.2f}" if isinstance(value, float) else f"{key} {value:,}"
            for key, value in measured[-1].told.items()
        ))  # fmt: skip
    agree(outs, results)

    others = {name: fastest(measured, lambda one: one.told["seconds"]) for name, measured in results.items() if name != "loudou"}
    best = min(others, key=others.get)
    whole = fastest(results["loudou"])
    step = fastest(results["loudou"], lambda one: one.told["seconds"])
    peak = max(one.peak_bytes for one in results["loudou"])
    say(f"\nfastest of the others: {best}, {others[best]:.2f} s (statement)")
    for name, seconds in others.items():
        say(f"  loudou's step / {name}: {step / seconds:.2f}; loudou's whole process / {name}'s statement: {whole / seconds:.2f}")
    holds = demand(options, "whole process of loudou / fastest other's statement", whole / others[best], 0.7, 0.5)
    holds &= demand(options, "peak memory of loudou, GiB", peak / (1 << 30), MEMORY_LIMIT / (1 << 30))
    if not options.keep:
        shutil.rmtree(work, ignore_errors=True)
    return holds


def agree(outs, results):
    """Compares every output with loudou's, row by row as a hash; raises on a difference."""
    found = {name: measure(python("ingest_check.py", Path(out))).told for name, out in outs.items()}
    expected = found["loudou"]
    if not expected["dates"]:
        raise Failed("loudou published nothing")
    for name, told in found.items():
        if told["unordered"]:
            raise Failed(f"{name}: {told['unordered']} neighbours are out of order")
        wrong = [date for date, row in told["dates"].items() if row[-1] != 0]
        if wrong:
            raise Failed(f"{name}: rows of other days in {wrong}")
        if told["dates"] != expected["dates"]:
            raise Failed(f"{name} disagrees with loudou\n{told['dates']}\n{expected['dates']}")
        counts = [[results[who][-1].told[key] for key in ("lines", "bad")] for who in (name, "loudou")]
        if counts[0] != counts[1]:
            raise Failed(f"{name} counts {counts[0]} lines and bad ones, loudou {counts[1]}")
    dates = len(expected["dates"])
    say(f"  results agree: {sum(row[0] for row in expected['dates'].values()):,} rows on {dates} days, every value, in order")
