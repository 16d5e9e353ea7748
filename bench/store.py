"""The store bench: how many tests a second the store carries, on SQLite and PostgreSQL, few rows and many.

    python -m bench.store [--rows 10000,1000000] [--seconds 10] [--url URL] [--json FILE] [--before FILE]
                          [--flush 1,2,5] [--write FOLDER]

A store of each size is filled (`bench.filling`: as many listings, entries of the journal and changes; half as many
planned retests, of which every second one is due; a twentieth of hosts with their nominations, runs, letters and
transcripts), in a temporary folder and in a PostgreSQL server of its own (`bench.postgres`), or at URL, which must be
an empty database. Then what a page, a look-up and the like ask is asked alone (`bench.questions`); and hosts pass
through all verbs of a test (`bench.cycles`), in one process and in four at once. `--flush` has them do so once
more, at the smallest size, on PostgreSQL servers that need so many milliseconds longer to have a commit on the disk.

Times are those of one machine in one hour; what counts are the ratios to the smallest size in the same run. Nothing
but a Unix socket is talked to. A million rows take some two minutes, ten millions half an hour and 20 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bench.cycles import Cycles, settings_of_bench
from bench.filling import Filled, fill
from bench.postgres import own_server
from bench.processors import spent
from bench.questions import asked
from bench.servers import ROOT
from dnsbl.store import Store

#: Processes that play at once.
TOGETHER = 4
#: What writes, and so waits for its turn.
WRITERS = ("nominate", "take_job", "file_letters", "dial", "file_session", "file_run", "file_return", "ask_removal")
#: The goals: milliseconds of CPU a test, four processes to one on PostgreSQL, seconds that a writer waits; tests a
#: second, by store.
CPU, SCALES, WAITS = 15.0, 1.6, 0.5
RATES = {"sqlite": 90.0, "postgresql": 50.0}


@dataclass(frozen=True)
class Play:
    """What processes have played side by side."""

    processes: int
    rate: float  #: tests a second, all together
    cpu: float  #: milliseconds a test, of the processes; the server's is not in it
    statements: float  #: a test
    longest: float  #: seconds of the longest verb that writes
    which: str  #: that verb
    verbs: dict[str, float] = field(default_factory=dict)  #: milliseconds a call
    server: float = 0.0  #: milliseconds of CPU a test, of the database server; 0 where that is not ours

    @property
    def cores(self) -> float:
        """How many cores are busy with it."""
        return self.rate * (self.cpu + self.server) / 1000


@dataclass(frozen=True)
class SizeFigures:
    """One store at one size."""

    database: str
    rows: int
    filled: Filled
    filling: float  #: seconds
    alone: Play
    together: Play
    asked: dict[str, float]  #: what one question takes, by its sort; milliseconds, the median


@dataclass(frozen=True)
class SlowFigures:
    """PostgreSQL at the smallest size, where the disk takes its time."""

    flush: float  #: milliseconds by which each flush of the log took longer
    alone: Play
    together: Play


@dataclass(frozen=True)
class StoreFigures:
    """One run."""

    machine: str
    sizes: list[SizeFigures]
    slow: list[SlowFigures] = field(default_factory=list)


def played(url: str, processes: int, first: int, seconds: float, server: int | None = None) -> Play:
    """Have so many processes play, all from the same moment on; `server` is the first process of the database's."""
    program = [sys.executable, "-m", "bench.cycles", url, "--seconds", str(seconds)]
    with ExitStack() as running:
        players = []
        for number in range(processes):
            own = [*program, "--name", f"bench-{first + number}", "--first", str((first + number) * 20_000)]
            player = subprocess.Popen(own, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            players.append(running.enter_context(player))
        for player in players:
            assert player.stdout is not None
            if player.stdout.readline() != "ready\n":
                raise SystemExit(f"A process of the bench ended with {player.wait()}.")
        before = spent(server) if server else 0.0
        for player in players:
            assert player.stdin is not None
            player.stdin.write("go\n")
            player.stdin.flush()
        done = [Cycles(**json.loads(player.stdout.read())) for player in players if player.stdout is not None]
        took = spent(server) - before if server else 0.0
    return replace(summed(done), server=1000 * took / sum(each.cycles for each in done))


def summed(done: Sequence[Cycles]) -> Play:
    """What they come to together."""
    tests = sum(each.cycles for each in done)
    longest, which = max((each.slowest.get(verb, 0.0), verb) for each in done for verb in WRITERS)
    verbs = {
        verb: 1000
        * sum(each.spent.get(verb, 0.0) for each in done)
        / max(1, sum(each.calls.get(verb, 0) for each in done))
        for verb in done[0].spent
    }
    return Play(
        processes=len(done),
        rate=sum(each.cycles / each.seconds for each in done),
        cpu=1000 * sum(each.cpu for each in done) / tests,
        statements=sum(each.statements for each in done) / tests,
        longest=longest,
        which=which,
        verbs=verbs,
    )


def filled_with(store: Store, rows: int) -> Filled:
    """Fill an empty database."""
    store.upgrade()
    return fill(
        store,
        settings_of_bench(),
        hosts=max(2, rows // 20),
        listings=rows,
        entries=rows,
        queued=min(1000, rows // 10),
        planned=rows // 2,
    )


def slowed(rows: int, flush: float, seconds: float) -> SlowFigures | None:
    """Play on a server of our own whose disk takes so many milliseconds longer; None where there is no server."""
    with own_server(flush) as server:
        if server is None:
            return None
        url = server.make("slow")
        store = Store(url)
        filled_with(store, rows)
        store.close()
        alone = played(url, 1, 0, seconds, server.pid)
        return SlowFigures(flush, alone, played(url, TOGETHER, 1, seconds, server.pid))


def measured(url: str, rows: int, seconds: float, server: int | None = None) -> SizeFigures:
    """Fill an empty database, ask, and play."""
    store = Store(url)
    began = time.perf_counter()
    filled = filled_with(store, rows)
    filling = time.perf_counter() - began
    questioned = asked(store, filled)
    database = store.engine.dialect.name
    store.close()
    alone = played(url, 1, 0, seconds, server)
    return SizeFigures(database, rows, filled, filling, alone, played(url, TOGETHER, 1, seconds, server), questioned)


@contextmanager
def databases(url: str) -> Iterator[list[tuple[Callable[[int], str], int | None]]]:
    """What makes an empty database for a size, for each store, with the first process of a server of our own."""
    if url:
        yield [(lambda rows: url, None)]
        return
    with tempfile.TemporaryDirectory(prefix="bench-store-") as folder, own_server() as server:
        makers: list[tuple[Callable[[int], str], int | None]] = [(lambda rows: f"sqlite:///{folder}/{rows}.db", None)]
        if server is not None:
            makers.append((lambda rows: server.make(f"rows_{rows}"), server.pid))
        else:
            print("No PostgreSQL on this machine: SQLite alone.", file=sys.stderr)
        yield makers


def _machine() -> str:
    names = [line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
    return f"{names[0] if names else platform.machine()}, {load}; Python {platform.python_version()}"


def goals(run: StoreFigures) -> Iterator[tuple[str, str, str, bool]]:
    """Each goal, its limit, what was measured at the smallest size of each store, and whether it is met."""
    for database in dict.fromkeys(size.database for size in run.sizes):
        first = next(size for size in run.sizes if size.database == database)
        best, every = max(first.alone.rate, first.together.rate), (first.alone, first.together)
        least = RATES[database]
        yield f"{database}: tests a second", f">= {least:g}", f"{best:.0f}", best >= least
        cpu = max(each.cpu for each in every)
        yield f"{database}: CPU a test", f"<= {CPU:g} ms", f"{cpu:.1f} ms", cpu <= CPU
        waits = max(each.longest for each in every)
        yield f"{database}: the longest verb of a writer", f"<= {WAITS:g} s", f"{waits:.2f} s", waits <= WAITS
        if database == "postgresql":
            scales = first.together.rate / first.alone.rate
            yield f"{database}: four processes to one", f">= {SCALES:g}", f"{scales:.2f}", scales >= SCALES


def read_run(path: Path) -> StoreFigures:
    """A run that `--json` has written."""
    told = json.loads(path.read_text())
    sizes = [
        SizeFigures(
            **size | {"filled": Filled(**size["filled"])} | {name: Play(**size[name]) for name in ("alone", "together")}
        )
        for size in told["sizes"]
    ]
    plays = [
        SlowFigures(each["flush"], Play(**each["alone"]), Play(**each["together"])) for each in told.get("slow", [])
    ]
    return StoreFigures(told["machine"], sizes, plays)


def told(run: StoreFigures, before: StoreFigures | None = None) -> str:
    """The page under docs/, with the figures of an earlier run beside, if there is one."""
    lines = [
        "# Store: how many tests a second it carries",
        "",
        "Written by `make bench-store WRITE=1`; run it on your own machine. `bench/store.py` tells what it does.",
        "",
        f"{run.machine}.",
        "A test is all verbs from its nomination to its verdict, with the letters, the transcript and, for every",
        "second host, the letter that comes back and the listing; nobody is dialled. CPU is that of the processes",
        "which play, without the database server's, which stands beside it. Where others keep the machine busy times",
        "mean little; the ratios say more.",
        "",
        "| goal | limit | measured | met |",
        "|---|---:|---:|---|",
        *(f"| {what} | {limit} | {got} | {'met' if met else 'MISSED'} |" for what, limit, got, met in goals(run)),
        "",
        *_rates(run),
        *_bounds(run),
        *_slow(run),
        *(["The same by an earlier program, from its own run on this machine:", "", *_rates(before)] if before else []),
        "What one question or verb takes, in ms, and times as much as at the smallest size:",
        "",
    ]
    for database in dict.fromkeys(size.database for size in run.sizes):
        sizes = [size for size in run.sizes if size.database == database]
        lines += [
            f"| {database} | " + " | ".join(f"{size.rows:,}" for size in sizes) + " |",
            "|---|" + "---:|" * len(sizes),
        ]
        for what in (*sizes[0].asked, *sizes[0].alone.verbs):
            took = [{**size.asked, **size.alone.verbs}.get(what, 0.0) for size in sizes]
            cells = [f"{took[0]:.2f}"] + [f"{each:.2f} ({each / (took[0] or 1):.1f})" for each in took[1:]]
            lines.append(f"| {what} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _rates(run: StoreFigures) -> list[str]:
    return [
        "| store | rows | tests/s, one process | four | four to one | CPU ms a test | the server's | statements "
        "| longest writer |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
        *(
            f"| {size.database} | {size.rows:,} | {size.alone.rate:.1f} | {size.together.rate:.1f} "
            f"| {size.together.rate / size.alone.rate:.2f} | {size.alone.cpu:.1f} | {size.alone.server:.1f} "
            f"| {size.alone.statements:.0f} | {size.together.longest:.2f} s, {size.together.which} |"
            for size in run.sizes
        ),
        "",
    ]


def _slow(run: StoreFigures) -> Iterator[str]:
    """What four processes bring by how long the disk takes: it is that wait, and little else, which they share."""
    if not run.slow:
        return
    yield "PostgreSQL at the smallest size, each flush of whose log takes so much longer, as a standby's word does:"
    yield from ("", "| longer, ms | tests/s, one process | four | four to one |", "|---:|---:|---:|---:|")
    for each in run.slow:
        one, four = each.alone.rate, each.together.rate
        yield f"| {each.flush:g} | {one:.1f} | {four:.1f} | {four / one:.2f} |"
    yield ""


def _bounds(run: StoreFigures) -> Iterator[str]:
    """How many times as much as one process so many cores could bear, if writers never had to wait for one another."""
    cores = os.cpu_count() or 1
    for size in run.sizes:
        if size.alone.server and size.alone.cores * SCALES > cores:
            most = cores / size.alone.cores
            yield (
                f"With {size.rows:,} rows one process and its {size.database} server keep {size.alone.cores:.1f} cores "
                f"busy: {cores} cores bear {most:.2f} times that at most, whatever the number of processes."
            )
            yield ""


def main() -> None:
    """Measure, print, and write what was asked for."""
    words = argparse.ArgumentParser(prog="python -m bench.store", description="Tests a second that the store carries.")
    words.add_argument("--rows", default="10000,1000000", help="sizes, with commas")
    words.add_argument("--seconds", type=float, default=10.0, help="of each play")
    words.add_argument(
        "--url", default="", help="an empty database, for one size; default: both stores, in new folders"
    )
    words.add_argument("--flush", default="", help="milliseconds that each flush takes longer, in further plays")
    words.add_argument("--json", type=Path)
    words.add_argument("--before", type=Path, metavar="FILE", help="what --json wrote of an earlier program")
    words.add_argument("--write", type=Path, metavar="FOLDER", help="write bench-store.md there")
    given = words.parse_args()
    rows = [int(each) for each in given.rows.split(",") if each]
    if given.url and len(rows) > 1:
        words.error("One database holds one size; give --rows one number.")
    sizes = []
    with databases(given.url) as makers:
        for make, server in makers:
            for number in rows:
                sizes.append(measured(make(number), number, given.seconds, server))
                one = sizes[-1]
                print(
                    f"{one.database} {number:,}: {one.alone.rate:.1f} tests/s, {one.together.rate:.1f} with four; "
                    f"{one.alone.cpu:.1f} ms and {one.alone.statements:.0f} statements a test; filled in "
                    f"{one.filling:.0f} s",
                    file=sys.stderr,
                )
    plays = (slowed(min(rows), float(each), given.seconds) for each in given.flush.split(",") if each)
    run = StoreFigures(_machine(), sizes, [each for each in plays if each])
    page = told(run, read_run(given.before) if given.before else None)
    print(page)
    if given.json:
        given.json.write_text(json.dumps(asdict(run), indent=2))
    if given.write:
        (given.write / "bench-store.md").write_text(page)


if __name__ == "__main__":
    main()
