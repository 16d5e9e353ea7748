"""What the start of a command costs: CPU, beside a bare interpreter and the libraries that a command cannot do without.

    python -m bench.starts [--rounds 5]

Each round runs every program once, one after the other; what counts is the median over rounds, and of the quotients to
the interpreter, and to the import of SQLAlchemy, within a round. A list with nothing in it is founded in a temporary
folder, with a file of client keys; nothing is listened on.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.servers import ROOT

#: The goal, in seconds of CPU, for every command.
GOAL = 0.3
BARE, SQL = "python -c pass", "python -c 'import sqlalchemy'"
#: What commands stand on that is not ours: for their words, with the settings (models with fields), and with the store.
LIBRARIES = (
    "import typer",
    "import typer, pydantic.main, pydantic.fields",
    "import typer, pydantic.main, pydantic.fields, sqlalchemy.dialects.sqlite, sqlite3",
)
#: The command by its name, as it is installed: by another one it is not asked to complete anything.
NAMED = "import sys; from dnsbl.cli import main; sys.argv = ['dnsbl']; main()"
#: Libraries are read as by a command, which looks for no dead objects among them.
UNSWEPT = "import atexit, gc; gc.disable(); atexit.register(gc.freeze); "
#: What a shell asks at each Tab, by what stands on the line.
TABS = ("dnsbl ", "dnsbl lis", "dnsbl lookup --", "dnsbl listing ")
#: Commands that words alone are enough for.
WORDS = ("--version", "-h", "lookup -h", "lookup", "lokup 192.0.2.1")
#: Commands that read the settings; and, of these, the store: one of each sort.
WORK = (
    "check-config",
    "key list",
    "lookup 192.0.2.1",
    "lookup 192.0.2.1 --json",
    "status",
    "statistics",
    "journal",
    "listing list",
    "listing add 9.9.9.9 --reason x",
    "exclude --list",
    "keys list",
    "inbox",
    "export --format rbldnsd",
)


@dataclass(frozen=True, slots=True)
class Start:
    """One program."""

    what: str
    ours: bool  #: whether the goal is for it
    seconds: float  #: of CPU
    times: float  #: as much as the bare interpreter
    beside: float  #: as much as the import of SQLAlchemy


@dataclass(frozen=True, slots=True)
class _Program:
    words: Sequence[str]
    environ: Mapping[str, str]
    ours: bool = True


def _imported(line: str) -> str:
    """What a program is called that does so and nothing else."""
    return f"python -c '{line}'"


def _programs(config: Path) -> dict[str, _Program]:
    """All of them, in the order of the table."""
    python, dnsbl = [sys.executable, "-c"], [sys.executable, "-m", "dnsbl"]
    programs = {BARE: _Program([*python, "pass"], {}, False), SQL: _Program([*python, "import sqlalchemy"], {}, False)}
    programs |= {_imported(each): _Program([*python, UNSWEPT + each], {}, False) for each in LIBRARIES}
    for typed in TABS:
        asked = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" ")), "_DNSBL_COMPLETE": "complete_bash"}
        programs[f"{typed}<Tab>"] = _Program([*python, NAMED], asked)
    programs |= {f"dnsbl {words}": _Program([*dnsbl, *words.split()], {}) for words in WORDS}
    return programs | {f"dnsbl {words}": _Program([*dnsbl, *words.split(), "-c", str(config)], {}) for words in WORK}


def starts(folder: Path, rounds: int) -> list[Start]:
    """Run everything so many rounds, with a list of its own in this folder."""
    config, keys = folder / "config.toml", folder / "keys"
    keys.touch(0o600)
    dns = f'[dns]\nzones_dir = "{ROOT / "zones"}"\nkeys_file = "{keys}"\n'
    config.write_text(f'[service]\nstate_dir = "{folder}"\n{dns}')
    programs = _programs(config)
    for program in programs.values():  # what is read for the first time comes from the disk
        _spent(program, folder)
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            taken[name].append(_spent(program, folder))

    def quotient(name: str, to: str) -> float:
        return median(one / other for one, other in zip(taken[name], taken[to], strict=True))

    return [
        Start(name, program.ours, median(taken[name]), quotient(name, BARE), quotient(name, SQL))
        for name, program in programs.items()
    ]


def _spent(program: _Program, folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environ = {**os.environ, "COLUMNS": "80", "PYTHONPYCACHEPREFIX": str(folder / "compiled"), **program.environ}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled once
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(program.words, cwd=ROOT, env=environ, check=False, **quiet)  # type: ignore[call-overload]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def told(found: Sequence[Start]) -> list[str]:
    """The table, and what the goal leaves us where the store is read."""
    beneath = [each.seconds for each in found if each.what == _imported(LIBRARIES[-1])]
    rest = "typer, pydantic and SQLAlchemy alone take {:.3f} s, of which no command with a store can save any: {}."
    left = "the goal leaves ours {:.3f} s" if beneath and beneath[0] < GOAL else "here the goal is out of reach"
    return [
        f"| start of | CPU s | times a bare interpreter | times `import sqlalchemy` | goal ({GOAL} s) |",
        "|---|---:|---:|---:|---|",
        *(
            f"| `{each.what}` | {each.seconds:.3f} | {each.times:.1f} | {each.beside:.2f} | "
            f"{('met' if each.seconds <= GOAL else 'MISSED') if each.ours else '-'} |"
            for each in found
        ),
        *(line for each in beneath for line in ("", rest.format(each, left.format(GOAL - each)))),
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
