"""Events a second of `loudou demo --raw-only`, gzip included and excluded."""

import re
import shutil

from common import CACHE, THREADS, demand, mb, say, table
from data import Shape, generate

SCALES = {
    "full": Shape(days=35, users=60_000),
    "small": Shape(days=5, users=2_000),
}


def run(options):
    shape = SCALES[options.scale]
    say(f"\n== generate ({options.scale})")
    folder = CACHE / "generated"
    rows, best = [], 0.0
    for number in range(options.rounds):
        shutil.rmtree(folder, ignore_errors=True)
        measured = generate(shape, folder)
        events = int(re.search(r"^(\d+) events", measured.stdout, re.M).group(1))
        compressing = float(re.search(r"compressing took ([\d.]+) s", measured.stdout).group(1))
        # A second of one core, whoever else is busy.
        per_core = events / measured.cpu_seconds
        # Compressing is told by the clock on the wall, which runs on while others have the core.
        is_known = compressing < 0.8 * measured.cpu_seconds
        without = f"{events / (measured.cpu_seconds - compressing):,.0f}" if is_known else "(busy)"
        best = max(best, per_core)
        rows.append([f"round {number + 1}", f"{measured.seconds:.2f}", f"{measured.cpu_seconds:.2f}", f"{events / measured.seconds:,.0f}",
                     f"{per_core:,.0f}", without, mb(measured.peak_bytes)])  # fmt: skip
    say(measured.stdout.strip())
    table(["", "seconds", "CPU", f"events/s ({THREADS} cores)", "events/s a core", "without gzip", "peak memory"], rows)
    shutil.rmtree(folder, ignore_errors=True)
    return demand(options, "200,000 / events a second a core, gzip included", 200_000 / best, 1.0)
