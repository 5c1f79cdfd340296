"""One day appended to a short and to a long history: what it reads and how long it takes.

Both histories are cut from the same raw logs, so the day that is appended is the very same.
"""

import os
import shutil
from datetime import timedelta
from pathlib import Path

from common import CACHE, LOUDOU, demand, in_turn, measure, mb, results_of, say, table
from data import LAST_DATE, Shape, raw

SCALES = {
    "full": (Shape(days=366, users=25_000), (30, 365)),
    # A thousand events a day: what depends on the number of days alone stands out.
    "light": (Shape(days=366, users=1_500), (30, 365)),
    "small": (Shape(days=13, users=1_500), (3, 12)),
}
LIMIT = 1.25
# The clock of the night after the last day.
NIGHT = f"{LAST_DATE + timedelta(days=1)}T03:00:00+08:00"


def run(options):
    shape, histories = SCALES[options.scale]
    say(f"\n== history ({options.scale})")
    data = raw(shape)
    bases = {days: base(data, shape, days) for days in histories}
    kinds = {"without reports": ["--no-reports"], "with reports": []}
    holds = True
    for kind, flags in kinds.items():
        def night(days):
            def one():
                project = CACHE / "history/work"
                copy(bases[days], project)
                measured = measure([LOUDOU, "-q", "-C", project, "--as-of", NIGHT, "run", *flags])
                results = results_of(project)
                measured.told = {f"{step['kind']} {step['name']}": step["seconds"] for step in results["steps"]}
                measured.told["rows"] = sum(step["rows"] for step in results["steps"])
                shutil.rmtree(project)
                return measured
            return one

        say(f"\nthe night of {LAST_DATE}, {kind}")
        results = in_turn({f"{days} days": night(days) for days in histories}, options.rounds)
        short, long = (results[f"{days} days"] for days in histories)
        rows = []
        figures = {"whole process, s": lambda one: one.seconds, "CPU, s": lambda one: one.cpu_seconds,
                   "read, MB": lambda one: one.read_chars / 1e6, "peak memory, MB": lambda one: one.peak_bytes / 1e6}  # fmt: skip
        figures |= {f"{step}, s": (lambda step: lambda one: one.told.get(step, 0))(step) for step in short[0].told if step != "rows"}
        figures["outside steps, s"] = lambda one: one.seconds - sum(value for key, value in one.told.items() if key != "rows")
        ratio = {}
        for what, of in figures.items():
            low, high = min(map(of, short)), min(map(of, long))
            ratio[what] = high / low if low else float("nan")
            rows.append([what, f"{low:.3f}", f"{high:.3f}", f"{ratio[what]:.2f}"])
        table(["minimum", *(f"{days} days" for days in histories), "ratio"], rows)
        say(f"  rows built: {short[0].told['rows']:,} and {long[0].told['rows']:,}")
        if not flags:
            continue
        holds &= demand(options, "seconds of the night, long / short", ratio["whole process, s"], LIMIT)
        holds &= demand(options, "bytes read, long / short", ratio["read, MB"], LIMIT)
    return holds


def base(data, shape, days):
    """A project with the `days` before the last one published, and the last one's raw logs waiting."""
    folder = CACHE / "history" / f"{shape.name}-{days}"
    binary = Path(shutil.which(LOUDOU) or LOUDOU).stat()
    made_by = f"{binary.st_size} {binary.st_mtime_ns}"
    marker = folder / "made_by.txt"
    if marker.is_file() and marker.read_text() == made_by:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("pipelines", "sql", "reports", ".schema"):
        if (data / name).is_dir():
            shutil.copytree(data / name, folder / name)
    add_raw(data, folder, [LAST_DATE - timedelta(days=back) for back in range(days, 0, -1)])
    before = LAST_DATE - timedelta(days=1)
    measured = measure(
        [LOUDOU, "-q", "-C", folder, "--as-of", f"{LAST_DATE}T03:00:00+08:00", "run", "--no-reports",
         "--from", LAST_DATE - timedelta(days=days), "--to", before]
    )  # fmt: skip
    say(f"{days} days of history published in {measured.seconds:.1f} s, {mb(measured.peak_bytes)}")
    add_raw(data, folder, [LAST_DATE])
    marker.write_text(made_by)
    return folder


def add_raw(data, folder, dates):
    for date in dates:
        (folder / "raw/events").mkdir(parents=True, exist_ok=True)
        (folder / "raw/spend").mkdir(parents=True, exist_ok=True)
        name = f"raw/events/dt={date}"
        shutil.copytree(data / name, folder / name, copy_function=os.link)
        os.link(data / f"raw/spend/{date}.csv", folder / f"raw/spend/{date}.csv")


def copy(base, project):
    """The same project again. What a run never writes into (it replaces) is linked, with its times."""
    shutil.rmtree(project, ignore_errors=True)

    def link_or_copy(source, target):
        if source.endswith((".parquet", ".gz", ".csv")):
            os.link(source, target)
        else:
            shutil.copy2(source, target)

    shutil.copytree(base, project, copy_function=link_or_copy)
