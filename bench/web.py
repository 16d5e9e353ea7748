"""The web bench: pages and look-ups of a list with a million listings and ten million journal entries.

    python -m bench.web [--listings 1000000] [--journal 10000000] [--url URL] [--json FILE] [--write FOLDER]

A store is filled (`bench.filling`; SQLite in a temporary folder, or the empty database at URL), `dnsbl serve --only
web` serves it as it would anywhere, and over loopback one client asks, one question at a time: the pages of addresses
that are listed, in a listed network, unlisted, and listed with a long past; the same of the API; the statistics;
look-ups of a thousand addresses a request (`bench.lookups`). Of the server the CPU is read before and after. Then what
the start of a command costs (`bench.starts`).

Nothing but loopback is talked to. Ten million entries take some 5 GB and some minutes.
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
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles

from bench.filling import PATTERN, RANGE, SINGLE, Filled, fill, host
from bench.lookups import measure_lookups
from bench.processors import family
from bench.servers import ROOT
from bench.starts import Start, starts
from bench.starts import told as told_of_starts
from dnsbl.config import read_settings
from dnsbl.demo.neighbourhood import free_port
from dnsbl.places import database_url
from dnsbl.store import Store

#: Questions of each sort that are measured, and asked before.
QUESTIONS, BEFORE = 500, 25
#: Of starts.
ROUNDS = 5
#: Seconds until a server must answer.
PATIENCE = 120.0
#: Of so many listings one is a proven relay with its history; the others are operators'.
PROVEN = 50
LATENCY, LOOKUPS = 50.0, 20_000.0  #: the goals: milliseconds at the 99th percentile, addresses a second


@dataclass(frozen=True, slots=True)
class PageCost:
    """What one sort of question took."""

    what: str
    p50: float  #: milliseconds
    p99: float
    rate: float  #: questions a second, one after the other
    cpu: float  #: milliseconds of the server's processor time a question
    octets: int  #: of the last answer


@dataclass(frozen=True, slots=True)
class WebFigures:
    """One run."""

    machine: str
    database: str
    filled: Filled
    filling: float  #: seconds
    asked: list[PageCost]
    lookups: float  #: addresses a second
    lookups_cpu: float | None  #: addresses a second of the server's processor time
    starts: Sequence[Start] = ()  #: of commands


def questions(filled: Filled) -> Iterator[tuple[str, Callable[[int], str]]]:
    """Sorts of questions, each with the path of its n-th."""
    hosts, single = filled.hosts, filled.listings - filled.hosts - 1
    yield "page, proven relay", lambda n: f"/ip/{host(1 + n * 37 % (hosts - 1))}"
    yield "page, long past", lambda n: f"/ip/{PATTERN}"
    yield "page, operator's listing", lambda n: f"/ip/{SINGLE + 3 * (n * 7919 % single)}"
    yield "page, in a listed network", lambda n: f"/ip/{RANGE[n % 65536]}"
    yield "page, unlisted", lambda n: f"/ip/{host(n * 37 % hosts) + 7}"
    yield "API, proven relay", lambda n: f"/api/v1/hosts/{host(1 + n * 41 % (hosts - 1))}"
    yield "API, unlisted", lambda n: f"/api/v1/hosts/{host(n * 41 % hosts) + 7}"
    yield "statistics", lambda n: "/statistics"


def measured(folder: Path, *, listings: int, journal: int, url: str = "") -> WebFigures:
    """Fill, serve, ask."""
    port = free_port()
    config = folder / "config.toml"
    config.write_text(
        f'[service]\nstate_dir = "{folder}"\n[database]\nurl = "{url}"\n[dns]\nzones_dir = "{ROOT / "zones"}"\n'
        f'[web]\nlisten = "127.0.0.1:{port}"\ngets_per_minute = 1000000\n'
    )
    settings = read_settings(config)
    store = Store.open(database_url(settings))
    store.upgrade()
    began = time.perf_counter()
    filled = fill(store, settings, hosts=max(2, listings // PROVEN), listings=listings, entries=journal, queued=1000)
    filling = time.perf_counter() - began
    database = store.engine.dialect.name
    store.close()
    listed = [str(SINGLE + 3 * number) for number in range(0, filled.listings - filled.hosts - 1, 97)]
    with served(config, port, folder / "log") as pid:
        asked = [each for what, path in questions(filled) if (each := _sort(port, pid, what, path))]
        found = measure_lookups(port, listed, pid=pid)
    begun = starts(folder, ROUNDS)
    return WebFigures(_machine(), database, filled, filling, asked, found.per_second, found.per_cpu_second, begun)


@contextmanager
def served(config: Path, port: int, log: Path) -> Iterator[int]:
    """The web process over this configuration; its number."""
    program = [sys.executable, "-m", "dnsbl", "serve", "--only", "web", "--config", str(config)]
    with log.open("wb") as lines, subprocess.Popen(program, stderr=lines, stdout=lines) as server:
        try:
            began = time.monotonic()
            while not _answers(port):
                if server.poll() is not None or time.monotonic() - began > PATIENCE:
                    raise SystemExit(log.read_text()[-2000:])
                time.sleep(0.1)
            yield server.pid
        finally:
            server.terminate()


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _sort(port: int, pid: int, what: str, path: Callable[[int], str]) -> PageCost | None:
    """Ask one sort of question; None where there is no such page."""
    took, octets, cpu = list[float](), 0, 0.0
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for number in range(BEFORE + QUESTIONS):
            if number == BEFORE:
                cpu = _cpu(pid)
            began = time.perf_counter()
            connection.request("GET", path(number))
            answer = connection.getresponse()
            octets = len(answer.read())
            took.append(1000 * (time.perf_counter() - began))
            if answer.status == 404:
                return None
            if answer.status != 200:
                raise SystemExit(f"{path(number)}: {answer.status}")
        spent = 1000 * (_cpu(pid) - cpu) / QUESTIONS
    took = took[BEFORE:]
    points = quantiles(took, n=100, method="inclusive")
    return PageCost(what, points[49], points[98], 1000 * len(took) / sum(took), spent, octets)


def _cpu(pid: int) -> float:
    """Seconds of processor time of a process and its children, to the microsecond (clock_getcpuclockid(3))."""
    return sum(time.clock_gettime(~one << 3 | 2) for one in family(pid))


def _machine() -> str:
    names = [line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
    return f"{names[0] if names else platform.machine()}, {load}; Python {platform.python_version()}"


def told(run: WebFigures) -> str:
    """The page under docs/."""
    slowest = max(run.asked, key=lambda each: each.p99)
    rows = [
        f"| {each.what} | {each.p50:.1f} | {each.p99:.1f} | {each.rate:,.0f} | {each.cpu:.1f} | {each.octets:,} |"
        for each in run.asked
    ]
    per_cpu = f", {run.lookups_cpu:,.0f} a second of its processor time" if run.lookups_cpu else ""
    goals = [
        ("p99 of the slowest sort of question, one at a time", f"<= {LATENCY:g} ms", f"{slowest.p99:.1f} ms",
         slowest.p99 <= LATENCY),
        ("addresses a second, looked up in requests of 1,000", f">= {LOOKUPS:,.0f}", f"{run.lookups:,.0f}",
         run.lookups >= LOOKUPS),
    ]  # fmt: skip
    return "\n".join(
        [
            "# Web: pages and look-ups of a large list",
            "",
            "Written by `make bench-web WRITE=1`; run it on your own machine. `bench/web.py` tells what it does.",
            "",
            f"{run.machine}; {run.database}.",
            f"{run.filled.listings:,} listings ({run.filled.hosts:,} of them proven, with letters and transcript),",
            f"{run.filled.entries:,} journal entries, filled in {run.filling:.0f} s.",
            "One question at a time over loopback; CPU is the server's. Where others keep the machine busy times mean",
            "little, and CPU says more.",
            "",
            "| goal | limit | measured | met |",
            "|---|---:|---:|---|",
            *(f"| {what} | {limit} | {found} | {'met' if met else 'MISSED'} |" for what, limit, found, met in goals),
            "",
            "| question | p50 ms | p99 ms | a second | CPU ms | octets |",
            "|---|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"Look-ups of 1,000 addresses a request: {run.lookups:,.0f} addresses a second{per_cpu}.",
            "",
            "## Start of a command",
            "",
            *told_of_starts(run.starts),
            "",
        ]
    )


def main() -> None:
    """Measure, print, and write what was asked for."""
    words = argparse.ArgumentParser(prog="python -m bench.web", description="Pages and look-ups of a large list.")
    words.add_argument("--listings", type=int, default=1_000_000)
    words.add_argument("--journal", type=int, default=10_000_000)
    words.add_argument("--url", default="", help="an empty database of PostgreSQL; default: SQLite in a new folder")
    words.add_argument("--json", type=Path)
    words.add_argument("--write", type=Path, metavar="FOLDER", help="write bench-web.md there")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-web-") as folder:
        run = measured(Path(folder), listings=given.listings, journal=given.journal, url=given.url)
    print(told(run))
    if given.json:
        given.json.write_text(json.dumps(asdict(run), indent=2))
    if given.write:
        (given.write / "bench-web.md").write_text(told(run))


if __name__ == "__main__":
    main()
