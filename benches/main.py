"""benches/run [ingest|funnel|ledger|history|generate|all] [--scale full|small] [--rounds N]"""

import argparse
import importlib
import shutil
import sys

from common import CACHE, LOUDOU, Failed, machine, say

BENCHES = ["generate", "ingest", "funnel", "ledger", "history"]


def main():
    parser = argparse.ArgumentParser(prog="benches/run", description="Measures loudou beside DuckDB and ClickHouse.")
    parser.add_argument("bench", nargs="?", default="all", choices=[*BENCHES, "all"])
    parser.add_argument("--scale", default="full", help="full, small, or another one the benchmark names")
    parser.add_argument("--rounds", type=int, default=5, help="times every contender runs")
    parser.add_argument("--no-chdb", dest="chdb", action="store_false", help="leave ClickHouse out")
    parser.add_argument("--keep", action="store_true", help="keep what was written")
    parser.add_argument("--strict", action="store_true", help="exit code 1 where a demanded figure is missed")
    options = parser.parse_args()
    if not shutil.which(LOUDOU):
        sys.exit(f"there is no {LOUDOU}; build it (cargo build --release), or name one: LOUDOU=path benches/run")
    CACHE.mkdir(parents=True, exist_ok=True)
    machine()
    holds = True
    for name in BENCHES if options.bench == "all" else [options.bench]:
        bench = importlib.import_module(name)
        if options.scale not in bench.SCALES:
            sys.exit(f"{name} has the scales {', '.join(bench.SCALES)}")
        try:
            holds &= bench.run(options)
        except Failed as failed:
            say(f"FAILED: {failed}")
            return 1
    return 0 if holds or not options.strict else 1


sys.exit(main())
