"""The DNS bench: this list beside rbldnsd, NSD and a bare echo, and the goals that it is held to.

    python -m bench.dns [--sizes 10000,1000000,10000000] [--rounds 5] [--seconds 1.5] [--json FILE] [--write FOLDER]

1. **Servers**: all of them at all sizes are started and then loaded in turn, round after round, the order reversed in
   every other round; each runs alone on one core (the others are idle then) and dnsperf on another. Then the same at
   half the peak rate, for latency. What counts is the ratio of two servers within a round: its median is told, since a
   machine's mood changes from minute to minute. At 1,000,000 our own runs twice more, with every guard at work and with
   none, asked the same questions with EDNS and cookies.
2. **Start**: a node on the mapped table of the largest size, from after its imports to its first answer.
3. **Store**: the feed's first look at a store of 1,000,000 listings.
4. **A listing**: a node follows a store of the largest size; listings are added by the casework of another process,
   one while the node still reads the store for the first time, some when it is idle and some under full load, and asked
   for until they are answered.
5. **Data files**: a list of a million lines of each form of rbldnsd's files, ours and rbldnsd on the same file, round
   after round: CPU a query, CPU of reading, memory (`bench.files`).

Nothing but loopback is talked to; what is written goes into one temporary folder (some 2 GB at 10,000,000).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from ipaddress import ip_network
from pathlib import Path
from urllib.request import urlopen

from bench import chart, files, report
from bench.dnsperf import command, latency, load, told
from bench.figures import LARGE, MIDDLE, OURS, RBLDNSD, SMALL, Listed, Measured, figures
from bench.servers import (
    ROOT,
    Server,
    World,
    addresses,
    asked,
    config,
    cpu,
    echo,
    name_of,
    ours,
    resident,
    running,
    says_listed,
    servers,
    world,
)
from dnsbl.demo.neighbourhood import free_port
from dnsbl.dns.engine import compiled
from dnsbl.opened import open_list

#: Fewer than this and our feed takes the empty store for the truth.
FEWEST = 2000
#: Starts, looks and listings measured.
TIMES = 5
#: Seconds between two listings, each a little more than the one before, so that they meet the node's looks at all
#: moments; and until one must be answered.
BETWEEN, MORE, ANSWERED = 0.6, 0.037, 60.0
#: Seconds between two questions whether it is.
OFTEN = 0.002
#: Seconds until a store must be read, and the metric which says that it is.
READ, SNAPSHOTS = 300.0, "dnsbl_feed_snapshots_total"
#: Of the store's folder and port, and of listings there.
FOLLOWS, KIND, ACTOR = "follows", "manual", "bench"

Say = Callable[[str], None]


def compare(measured: Measured, worlds: list[World], cores: list[int], rounds: int, seconds: float, say: Say) -> None:
    """All servers at all sizes, in turn, round after round; for latency half as many seconds."""
    with ExitStack() as stack:
        found = [server for here in worlds for server in servers(here)]
        middle = next((n for n, s in enumerate(found) if (s.row.name, s.row.size) == (OURS, MIDDLE)), 0)
        found.insert(middle + 1, echo(worlds[0]))  # beside the one that is compared with it
        for server in found:
            stack.enter_context(running(server, cores))
            measured.rows.append(server.row)
            say(f"{server.row.name} with {server.row.size:,}: answers after {server.row.loads_in:.2f} s")
        for n in range(rounds):
            for server in found[:: -1 if n % 2 else 1]:
                server.row.rounds.append(load(server, cores, seconds))
            say(f"load, round {n + 1} of {rounds}")
        for server in found:
            server.row.half = half(measured, server)
        for n in range(rounds):
            for server in found[:: -1 if n % 2 else 1]:
                server.row.latency.append(latency(server, cores, seconds / 2, server.row.half))
            say(f"latency, round {n + 1} of {rounds}")
        for server in found:
            server.row.resident = resident(server)


def half(measured: Measured, server: Server) -> float:
    """Half the lower peak of ours and rbldnsd at this size; of a slower server half of its own."""
    size = server.row.size or measured.sizes[0]
    rows = [server.row, measured.row(OURS, size), measured.row(RBLDNSD, size)]
    return min(statistics.median(row.rates) for row in rows if row) / 2


def inside(core: int, *arguments: str) -> list[float]:
    """What a small program of `bench.inside` prints, run on one core."""
    called = ["taskset", "-c", str(core), sys.executable, "-m", "bench.inside", *arguments]
    said = subprocess.run(called, check=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found: list[float] = json.loads(said.stdout or "[]")
    return found


def start(measured: Measured, here: World, core: int) -> None:
    """How soon a node answers from its mapped file; each time anew, the file in the page cache."""
    path = config(here, "ready", port=free_port())
    inside(core, "ready", str(path), here.known)  # makes the keyring
    measured.ready = [seconds for _ in range(TIMES) for seconds in inside(core, "ready", str(path), here.known)]
    measured.ready_size = len(here.listed)


def store(measured: Measured, here: World, core: int) -> None:
    """What the first look at a store costs."""
    path = config(here, "look", port=free_port(), table=False)
    inside(core, "fill", str(path), str(here.numbers))
    measured.store = inside(core, "look", str(path), str(TIMES))
    measured.store_size = len(here.listed)


class Lister:
    """Adds listings by casework, as `dnsbl listing add` does, and waits until a server answers for them."""

    def __init__(self, path: Path, here: World, port: int) -> None:
        self._operators = open_list(path).casework.operators
        self._port = port
        present = set(here.listed)
        self._numbers = (number for number in addresses(1000) if number not in present)

    def add(self) -> float:
        """Seconds from before the verb until the answer."""
        number = next(self._numbers)
        began = time.monotonic()
        self._operators.list_networks([ip_network(number)], kind=KIND, reason=ACTOR, actor=ACTOR)
        while not says_listed(asked(self._port, name_of(number))):
            if time.monotonic() - began > ANSWERED:
                sys.exit("a listing was not answered within a minute")
            time.sleep(OFTEN)
        return time.monotonic() - began


def counted(metrics: str, name: str) -> float:
    """A counter of our own server."""
    with urlopen(f"http://{metrics}/metrics", timeout=30) as page:
        said = re.search(rf"^{name} (\S+)$", page.read().decode(), re.M)
    return float(said[1]) if said else 0.0


def listing(measured: Measured, here: World, cores: list[int], say: Say) -> None:
    """Single listings to a large table. The store was filled before, in the state folder of its own."""
    metrics = f"127.0.0.1:{free_port()}"
    server = ours(here, OURS, dns=f'metrics_listen = "{metrics}"\n', folder=FOLLOWS)
    with running(server, cores):
        began = time.monotonic()
        listings = Lister(here.folder / FOLLOWS / "config.toml", here, server.port)
        first: float | None = listings.add()
        if counted(metrics, SNAPSHOTS):
            first = None  # the store was read before the listing came
        while not counted(metrics, SNAPSHOTS):
            if time.monotonic() - began > READ:
                sys.exit("the store was not read within some minutes")
            time.sleep(BETWEEN)
        say(f"a store of {len(here.listed):,} is read after {time.monotonic() - began:.1f} s")
        used, quiet = [], []
        for n in range(TIMES):
            time.sleep(n * MORE)
            before = sum(cpu(server))
            quiet.append(listings.add())
            used.append(sum(cpu(server)) - before)
        loading = subprocess.Popen(
            command(server, cores, (TIMES + 1) * (BETWEEN + TIMES * MORE) + 1), stdout=subprocess.PIPE, text=True
        )
        loaded = []
        for n in range(TIMES):
            time.sleep(BETWEEN + n * MORE)
            loaded.append(listings.add())
        if loading.poll() is not None:
            sys.exit("the load ended before the last listing was answered")
        said = told(loading.communicate(timeout=60)[0])
        measured.listed = Listed(len(here.listed), used, quiet, loaded, said.sent, said.lost, resident(server), first)


def machine(rounds: int, seconds: float) -> str:
    """What this ran on, for the page."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    versions = []
    for package in ("dnsperf", "rbldnsd", "nsd"):
        said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
        versions.append(f"{package} {said.stdout or 'of unknown version'}")
    return (
        f"{model[1] if model else 'Unknown processor'}, {os.cpu_count()} cores; Linux {os.uname().release}; Python "
        f"{sys.version.split()[0]}; {', '.join(versions)}; {rounds} rounds of {seconds:g} s each."
    )


def data_files(measured: Measured, folder: Path, cores: list[int], rounds: int, seconds: float, say: Say) -> None:
    """Each form of data file."""

    def read(path: Path) -> list[float]:
        return inside(cores[0], "read", str(path), str(TIMES))

    (folder / "files").mkdir()
    measured.files = files.compare(folder / "files", MIDDLE, cores, rounds, seconds, read, say)


def measure(sizes: list[int], rounds: int, seconds: float, cores: list[int], say: Say) -> Measured:
    """Everything, with the folder removed in the end; without sizes the data files alone."""
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        folder.chmod(0o755)  # rbldnsd reads as nobody
        data_files(measured, folder, cores, rounds, seconds, say)
        if not sizes:
            return measured
        worlds = []
        for size in sizes:
            worlds.append(world(folder / str(size), size))
            say(f"a list of {size:,} is made")
        largest = worlds[-1]
        path = config(largest, FOLLOWS, port=free_port())
        inside(cores[0], "fill", str(path), str(largest.numbers))
        say(f"a store of {len(largest.listed):,} is made")
        compare(measured, worlds, cores, rounds, seconds, say)
        start(measured, largest, cores[0])
        say("starts are measured")
        store(measured, next((here for here in worlds if len(here.listed) == MIDDLE), largest), cores[0])
        say("looks at the store are measured")
        listing(measured, largest, cores, say)
    return measured


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sizes", default=f"{SMALL},{MIDDLE},{LARGE}", help="entries, with commas; none: the data files alone"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of load in each round")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--write", type=Path, help="write bench-dns.md and bench-dns.svg into this folder")
    options = parser.parse_args()
    sizes = sorted({int(size) for size in options.sizes.split(",") if size})
    if (sizes and sizes[0] < FEWEST) or options.rounds < 1 or options.seconds <= 0:
        parser.error(f"sizes from {FEWEST} on are needed, at least one round, and more than no seconds")
    if missing := [name for name in ("dnsperf", "rbldnsd", "taskset") if not shutil.which(name)]:
        sys.exit(f"needed and not here: {', '.join(missing)}; `bench/install` installs them as root.")
    if compiled.missing:
        sys.exit(f"The compiled engine is not here: {compiled.which()}.")
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("Two cores are needed: one for the servers, one for the questions.")
    os.sched_setaffinity(0, cores[1:])  # what watches stays away from what is watched
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", file=sys.stderr)

    measured = measure(sizes, options.rounds, options.seconds, cores, say)
    shown = [report.servers(measured), report.further(measured), report.files(measured), report.goals(measured)]
    print("\n".join(line for part in shown for line in (*part, "")))
    if options.json:
        found = {"figures": {name: asdict(figure) for name, figure in figures(measured).items()}}
        options.json.write_text(json.dumps(asdict(measured) | found, indent=1) + "\n")
    if options.write:
        (options.write / "bench-dns.md").write_text(report.page(measured, machine(options.rounds, options.seconds)))
        (options.write / "bench-dns.svg").write_text(chart.svg(measured))
    say("done")


if __name__ == "__main__":
    main()
