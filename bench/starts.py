"""What the start of a command costs: CPU, beside a bare interpreter and the import of SQLAlchemy.

    python -m bench.starts [--rounds 5]

Each round runs every program once, one after the other; what counts is the median over rounds, and of the quotient to
the interpreter within a round. A list with nothing in it is founded in a temporary folder; nothing is listened on.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.servers import ROOT

#: The goal, in seconds of CPU, for what needs a command's words alone.
GOAL = 0.3
BARE, SQL = "python -c pass", "python -c 'import sqlalchemy'"
#: Commands, and whether they need no more than words.
COMMANDS = (
    ("--version", True),
    ("-h", True),
    ("lookup -h", True),
    ("lookup", True),
    ("lokup 192.0.2.1", True),
    ("check-config", False),
    ("key list", False),
    ("lookup 192.0.2.1", False),
    ("status", False),
)


@dataclass(frozen=True, slots=True)
class Start:
    """One program."""

    what: str
    words: bool  #: whether the goal is for it
    seconds: float  #: of CPU
    times: float  #: as much as the bare interpreter


def starts(folder: Path, rounds: int) -> list[Start]:
    """Run everything so many rounds, with a list of its own in this folder."""
    config = folder / "config.toml"
    config.write_text(f'[service]\nstate_dir = "{folder}"\n[dns]\nzones_dir = "{ROOT / "zones"}"\n')
    dnsbl = [sys.executable, "-m", "dnsbl"]
    programs = {BARE: [sys.executable, "-c", "pass"], SQL: [sys.executable, "-c", "import sqlalchemy"]}
    for words, light in COMMANDS:
        programs[f"dnsbl {words}"] = [*dnsbl, *words.split(), *(() if light else ("--config", str(config)))]
    for program in programs.values():  # what is read for the first time comes from the disk
        _spent(program, folder)
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            taken[name].append(_spent(program, folder))
    goal = {f"dnsbl {words}" for words, light in COMMANDS if light}
    return [
        Start(name, name in goal, median(each), median(a / b for a, b in zip(each, taken[BARE], strict=True)))
        for name, each in taken.items()
    ]


def _spent(program: Sequence[str], folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environ = os.environ | {"COLUMNS": "80", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled once
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(program, cwd=ROOT, env=environ, check=False, **quiet)  # type: ignore[call-overload]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def told(found: Sequence[Start]) -> list[str]:
    """The table."""
    return [
        "| start of | CPU s | times a bare interpreter | goal |",
        "|---|---:|---:|---|",
        *(
            f"| `{each.what}` | {each.seconds:.3f} | {each.times:.1f} | "
            f"{('met' if each.seconds <= GOAL else 'MISSED') if each.words else '-'} |"
            for each in found
        ),
    ]


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(prog="python -m bench.starts", description="What the start of a command costs.")
    words.add_argument("--rounds", type=int, default=5)
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-starts-") as folder:
        print("\n".join(told(starts(Path(folder), given.rounds))))


if __name__ == "__main__":
    main()
