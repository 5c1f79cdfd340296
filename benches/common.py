"""What all benchmarks share: whole processes measured in turn, and how figures are printed."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ["LOUDOU_BENCH_FOLDER"])
LOUDOU = os.environ.get("LOUDOU", "loudou")
# What makes the data; another build than the measured one, if need be.
GENERATOR = os.environ.get("LOUDOU_GENERATOR", LOUDOU)
THREADS = os.cpu_count() or 1


class Failed(Exception):
    """A contender failed, or results disagree."""


@dataclass
class Measured:
    """One process from start to exit."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    # What it asked the system to read (files, pipes; cached or not), and what came from the disk.
    read_chars: int
    read_disk: int
    stdout: str
    told: dict = field(default_factory=dict)


def measure(argv, cwd=None, env=None):
    """Runs a process to its end. A contender's last line of output may be JSON: it becomes `told`."""
    # This process must stay small: a child's peak begins with the memory of the one that starts it.
    started = time.perf_counter()
    with open(CACHE / "stderr.txt", "w+") as stderr:
        child = subprocess.Popen(
            [str(part) for part in argv], cwd=cwd, env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE, stderr=stderr, text=True,
        )  # fmt: skip
        stdout = child.stdout.read()
        # Waits without reaping, so that /proc still tells what was read.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.perf_counter() - started
        io = {}
        try:
            for line in Path(f"/proc/{child.pid}/io").read_text().splitlines():
                key, value = line.split(":")
                io[key] = int(value)
        except OSError:
            pass
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            stderr.seek(0)
            text = stderr.read()[-3000:]
            raise Failed(f"{' '.join(map(str, argv))[:300]}\nexit code {child.returncode}\n{stdout[-2000:]}\n{text}")
    measured = Measured(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * 1024,
        read_chars=io.get("rchar", 0),
        read_disk=io.get("read_bytes", 0),
        stdout=stdout,
    )
    lines = stdout.strip().splitlines()
    if lines and lines[-1].startswith("{"):
        try:
            measured.told = json.loads(lines[-1])
        except ValueError:
            pass
    return measured


def python(script, *arguments):
    """The command that runs a contender written in Python."""
    return [sys.executable, "-B", HERE / "contenders" / script, *arguments]


def in_turn(contenders, rounds):
    """Runs every contender once per round, each round beginning with another one.

    `contenders`: name → function that runs it once and gives a `Measured`. Gives name → list of them.
    """
    results = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        for name in names[number % len(names):] + names[: number % len(names)]:
            measured = contenders[name]()
            results[name].append(measured)
            say(f"  round {number + 1}: {name} {measured.seconds:.2f} s, {mb(measured.peak_bytes)}")
    return results


def say(text=""):
    print(text, flush=True)


def mb(count):
    return f"{count / 1e6:,.0f} MB"


def fastest(measured, key=lambda one: one.seconds):
    return min(key(one) for one in measured)


def table(header, rows):
    """Aligned columns: the first to the left, numbers to the right."""
    rows = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[at]) for row in rows) for at in range(len(header))]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        say("  " + "  ".join(cells).rstrip())


def report(results, seconds_of):
    """Prints seconds and memory of each contender. `seconds_of(name, measured)`: the time that counts
    besides that of the whole process."""
    rows = []
    for name, measured in results.items():
        whole = [one.seconds for one in measured]
        counted = [seconds_of(name, one) for one in measured]
        rows.append([
            name,
            f"{min(counted):.2f}", f"{median(counted):.2f}",
            f"{min(whole):.2f}", f"{median(whole):.2f}",
            f"{min(one.cpu_seconds for one in measured):.2f}",
            mb(max(one.peak_bytes for one in measured)),
        ])  # fmt: skip
    table(["", "statement min", "median", "process min", "median", "CPU min", "peak memory"], rows)


def demand(options, what, value, limit, aim=None):
    """Prints a demanded figure beside what was seen; gives whether it holds. Small scales only show that
    results agree: nothing is demanded of them."""
    if options.scale in ("small", "light"):
        return True
    holds = value <= limit
    text = f"  {what}: {value:.2f} (demanded: at most {limit:g}"
    text += f", aim {aim:g})" if aim is not None else ")"
    say(f"{text} {'holds' if holds else 'DOES NOT HOLD'}")
    return holds


def machine():
    """One paragraph: what it ran on."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    load = os.getloadavg()
    from importlib.metadata import PackageNotFoundError, version

    versions = []
    for name in ("duckdb", "chdb"):
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            pass
    loudou = subprocess.run([LOUDOU, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    say(f"{time.strftime('%Y-%m-%d %H:%M')} · {model}, {THREADS} cores, {memory / 1e9:.0f} GB · Linux {platform.release()}")
    say(f"{loudou} ({LOUDOU}) · {' · '.join(versions)} · Python {platform.python_version()}")
    say(f"load before: {load[0]:.2f} {load[1]:.2f} {load[2]:.2f}" + (" (somebody else is busy: trust minima and ratios only)" if load[0] > 0.5 else ""))


def results_of(project):
    """`run_results.json` of a project's last run."""
    return json.loads((Path(project) / ".loudou/run_results.json").read_text())


def empty(folder):
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True)
    return Path(folder)
