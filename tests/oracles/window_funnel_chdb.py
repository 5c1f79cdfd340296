"""Makes window_funnel_random.json: random small logs and the level ClickHouse gives each.

    pip install chdb==4.4.0
    python window_funnel_chdb.py [GROUPS] [LOGS_PER_GROUP] > window_funnel_random.json

ClickHouse judges `default` and `strict_once` on any rows (most logs here hold ties),
`strict_increase` only where no event matches two steps and times are unique (with `strict_once` on
any rows), `strict_order` only where no event returns (its versions differ there),
`strict_deduplication` on any rows; with `strict_once` only where times are unique (in a tie its
answer depends on the order of the input).
"""

import json
import random
import sys

import chdb

GROUPS = int(sys.argv[1]) if len(sys.argv) > 1 else 60
LOGS = int(sys.argv[2]) if len(sys.argv) > 2 else 8
EVENTS = "abcdef"
MODES = [
    ([], "ties"),
    (["strict_once"], "ties"),
    (["strict_increase"], "unique steps"),
    (["strict_once", "strict_increase"], "ties"),
    (["strict_deduplication"], "ties"),
    (["strict_once", "strict_deduplication"], "unique times"),
    (["strict_order"], "unique events"),
]


def random_log(rng, events, shape):
    length = rng.randint(1, 14)
    if shape == "unique events":
        length = min(length, len(events))
        log = list(zip(rng.sample(range(20), length), rng.sample(events, length)))
    elif shape in ("unique times", "unique steps"):
        log = [(time, rng.choice(events)) for time in rng.sample(range(20), length)]
    else:
        log = [(rng.randint(0, rng.choice([3, 8, 20])), rng.choice(events)) for _ in range(length)]
    return log


def levels(logs, steps, window, modes):
    rows = ",".join(f"({n},{t},'{e}')" for n, log in enumerate(logs) for t, e in log)
    conditions = ",".join("event in ({})".format(",".join(f"'{e}'" for e in step)) for step in steps)
    options = "".join(f", '{mode}'" for mode in modes)
    # Of each log's rows in the given order: one thread, one block.
    sql = (
        f"select log, windowFunnel({window}{options})(time, {conditions})"
        f" from values('log UInt32, time UInt64, event String', {rows}) group by log order by log settings max_threads = 1"
    )
    found = dict(map(int, line.split(",")) for line in str(chdb.query(sql, "CSV")).split())
    return [found[n] for n in range(len(logs))]


def main():
    rng = random.Random(20261018)
    groups = []
    for number in range(GROUPS):
        modes, shape = MODES[number % len(MODES)] if number % 3 else MODES[number // 3 % 2]
        events = EVENTS[: rng.randint(2, 6)]
        # Steps that overlap, or one event each.
        width = rng.choice([1, 1, 2, 3])
        steps = [sorted(rng.sample(events, min(width, len(events)))) for _ in range(rng.randint(1, 6))]
        if shape in ("unique events", "unique steps"):
            steps = [[event] for event in rng.sample(events, rng.randint(1, len(events)))]
        window = rng.choice([0, 1, 2, 3, 5, 8, 100])
        logs = [random_log(rng, events, shape) for _ in range(LOGS)]
        groups.append({
            "modes": modes, "window": window, "steps": steps, "logs": logs,
            "levels": levels(logs, steps, window, modes),
        })
    version = str(chdb.query("select version()", "CSV")).strip().strip('"')
    print("{")
    print(f' "source": "ClickHouse {version} windowFunnel in chdb {chdb.__version__}, made by window_funnel_chdb.py",')
    print(' "groups": [')
    print(",\n".join("  " + json.dumps(group, separators=(",", ":")) for group in groups))
    print(" ]\n}")


main()
