"""Makes the data once per scale, with `loudou demo --raw-only`, and keeps them."""

import json
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from common import CACHE, GENERATOR, Failed, empty, measure, say

# The generator's logs end on this day.
LAST_DATE = date(2026, 11, 21)


@dataclass(frozen=True)
class Shape:
    """What to generate. `return_pct`: how often users come back, percent of the demo's usual."""

    days: int
    users: int
    return_pct: int = 100
    seed: int = 20_261_121

    @property
    def first_date(self):
        return LAST_DATE - timedelta(days=self.days - 1)

    @property
    def name(self):
        return f"{self.days}d-{self.users}u-{self.return_pct}pct-{self.seed}"


def generate(shape, folder):
    """Runs the generator into a folder; gives how it went."""
    argv = [GENERATOR, "demo", folder, "--raw-only", "--locale", "en", "--days", shape.days,
            "--users", shape.users, "--seed", shape.seed]  # fmt: skip
    if shape.return_pct != 100:
        argv += ["--return-pct", shape.return_pct]
    return measure(argv)


def raw(shape):
    """A demo project of that shape with its raw logs; made if absent."""
    folder = CACHE / "data" / shape.name
    if not (folder / "made.json").is_file():
        say(f"making {shape.users:,} users over {shape.days} days")
        CACHE.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        making = CACHE / "data" / "making"
        shutil.rmtree(making, ignore_errors=True)
        making.parent.mkdir(parents=True, exist_ok=True)
        measured = generate(shape, making)
        (making / "made.json").write_text(json.dumps({"seconds": measured.seconds, "told": measured.stdout}))
        making.rename(folder)
    say(json.loads((folder / "made.json").read_text())["told"].strip())
    return folder


def source_block(folder):
    """The events source of the built-in project, as the generated project declares it."""
    lines = (folder / "pipelines/shop.yaml").read_text().splitlines()
    start = lines.index("  events:")
    end = next(
        at for at in range(start + 1, len(lines))
        if lines[at].strip() and not lines[at].startswith("    ")
    )  # fmt: skip
    block = "\n".join(lines[start:end]).rstrip()
    if "    from: raw/events/" not in block:
        raise Failed(f"{folder}/pipelines/shop.yaml does not read raw/events/ as this script expects")
    return block.replace("    from: raw/events/", f"    from: {folder / 'raw/events'}/")


def source_only(data, project):
    """A project of the events source alone over the data's raw logs: a run of it is just ingest."""
    empty(project / "pipelines")
    for old in ("warehouse", ".loudou"):
        shutil.rmtree(project / old, ignore_errors=True)
    text = (data / "pipelines/_project.yaml").read_text()
    (project / "pipelines/_project.yaml").write_text(text)
    (project / "pipelines/events.yaml").write_text(f"sources:\n{source_block(data)}\n")
    return project


def warm(folder):
    """Reads files once, so that nobody pays for the disk."""
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:
                while file.read(1 << 20):
                    pass
