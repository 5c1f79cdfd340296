#!/usr/bin/env python3
"""Makes `demo_recount.json`: DuckDB's recount of small demos at three seeds.

    demo_figures.py LOUDOU > demo_recount.json

LOUDOU is the binary that writes the raw files; nothing else of it is used.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import duckdb

SEEDS = [20261121, 7, 4242]
USERS = 300
DAYS = 10

here = pathlib.Path(__file__).parent
figures = {}
with tempfile.TemporaryDirectory() as folder:
    for seed in SEEDS:
        project = f"{folder}/{seed}"
        subprocess.run(
            [sys.argv[1], "-q", "demo", project, "--seed", str(seed), "--users", str(USERS), "--days", str(DAYS)],
            check=True, stdout=subprocess.DEVNULL)
        recount = subprocess.run(
            [sys.executable, here / "recount_demo.py", project], check=True, capture_output=True, text=True)
        figures[str(seed)] = json.loads(recount.stdout)
json.dump({
    "source": "recount of the raw files in SQL by tests/oracles/recount_demo.py",
    "versions": {"duckdb": duckdb.__version__, "python": sys.version.split()[0]},
    "users": USERS,
    "days": DAYS,
    "seeds": figures,
}, sys.stdout, ensure_ascii=False, separators=(",", ":"))
