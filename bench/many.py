"""What many nodes and many tests cost the one store of a list, for docs/many-nodes.md.

    python -m bench.many URL TESTS WAIT LISTINGS      such as 1000 20 0, or 0 0 1000000; prints JSON

URL is an empty database of PostgreSQL on this machine, whose processor time is counted too; WAIT is in seconds.

1. **Tests**: a worker and a collector with that store test so many closed hosts at once, each of which keeps it waiting
   before every greeting: memory and processor time of a test, transactions that write, and how long one has the turn.
2. **Nodes**: what one look of the feed costs when nothing has changed, and connections.
3. **Listings**: octets of the store, and what a whole snapshot costs node and server.
4. **Changes**: octets on the line, in files of a thousand.

Everything runs on 127.0.0.0/8. Wall times mean little on a machine that is busy otherwise; processor times suffer less.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, event, text

from bench.filling import fill
from bench.fleet import COLLECTOR_DOMAIN, FIRST, Habit, MailServer, apart
from bench.limits import raise_file_limit, within
from bench.processors import fields, spent
from dnsbl.addresses import network_of
from dnsbl.casework import Casework
from dnsbl.clock import SystemClock
from dnsbl.daemons.mailroom import Mailroom
from dnsbl.daemons.worker import Worker
from dnsbl.dns.listed import published
from dnsbl.dns.listed.table import Table
from dnsbl.model import Change
from dnsbl.serving.feed import Feed
from dnsbl.settings import Settings
from dnsbl.store import Store
from tester.letter import Keyring

PORT = 2610
BUDGET = 900.0  #: seconds for all of it
#: Looks of the feed that are counted.
LOOKS = 300


class Thoughtful(MailServer):
    """A closed server that thinks before it greets."""

    wait = 0.0  #: seconds

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.wait)
        await super()._talk(reader, writer)


def hosts(number: int) -> list[IPv4Address]:
    """Each in a network of its own."""
    return [FIRST + 256 * n for n in range(number)]


async def serve(collector: int, number: int, wait: float) -> None:
    """Be the hosts until standard input ends."""
    Thoughtful.wait = wait
    for address in hosts(number):
        await asyncio.start_server(Thoughtful(address, Habit.CLOSED, collector), str(address), PORT, backlog=16)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


class Backends:
    """The processes of PostgreSQL behind a store, on this machine."""

    def __init__(self, store: Store) -> None:
        with store.read() as tx:
            backend = tx.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        self._first = int(fields(f"/proc/{backend}/stat")[1])

    def cpu(self) -> float:
        """Seconds that all of them have taken, those that ended too."""
        return spent(self._first)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def _settings(folder: str, tests: int) -> Settings:
    tester = {
        "source_addresses": ["127.0.0.1"],
        "collector_domain": COLLECTOR_DOMAIN,
        "bounce_domain": "b.test",
        "lab_networks": ["127.0.0.0/8"],
        "port": PORT,
        "owner_ports": [25],
        "attempt_gap": 0,
        "connection_gap": 0,
        "concurrency": tests,
    }
    return Settings.model_validate(
        {"tester": tester, "collector": {"listen": ["127.0.0.1:0"]}, "service": {"state_dir": folder}}
    )


class TurnsHeld:
    """How long writers have had the turn, from the lock to the end of the commit, and for how long of that they worked.
    In seconds."""

    def __init__(self, store: Store) -> None:
        self.held: list[float] = []
        self.worked: list[float] = []
        self._since: dict[int, tuple[float, float]] = {}
        event.listen(store.engine, "after_cursor_execute", self._executed)
        event.listen(store.engine, "checkin", self._over)

    def _executed(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if "pg_advisory_xact_lock" in statement:
            self._since[id(connection.connection.dbapi_connection)] = time.perf_counter(), time.thread_time()

    def _over(self, connection: Any, _record: Any) -> None:
        if (since := self._since.pop(id(connection), None)) is not None:
            self.held.append(time.perf_counter() - since[0])
            self.worked.append(time.thread_time() - since[1])


def _writes(store: Store) -> tuple[int, float]:
    counted, took = store.times.cumulative().get("write", ([("", 0)], 0.0))
    return counted[-1][1], took


async def tests_at_once(store: Store, server: Backends, number: int, wait: float, folder: str) -> dict[str, Any]:
    """So many tests, all in flight, and what they take."""
    settings, clock = _settings(folder, number), SystemClock()
    keyring = Keyring.generate(secrets.token_bytes, int(time.time()) - 600)
    casework = Casework(store, settings, keyring, clock=clock)
    mailroom = Mailroom(casework.arrivals, settings, keyring, clock)
    [(_, collector)] = await mailroom.start()
    worker, stop = Worker(casework.assignments, settings, keyring, clock), asyncio.Event()
    daemons = [asyncio.create_task(mailroom.run(stop))]
    try:
        async with apart("bench.many", "--serve", str(collector), str(number), str(wait)):
            for address in hosts(number):
                await asyncio.to_thread(casework.operators.order_test, address, profile="standard", actor="bench")
            began, cpu, theirs = time.perf_counter(), time.process_time(), server.cpu()
            before, (writes, took), turns = _resident(), _writes(store), TurnsHeld(store)
            most = flying = 0
            daemons.append(asyncio.create_task(worker.run(stop)))
            left = number
            while left:
                await asyncio.sleep(1)
                flying, most = max(flying, len(worker._running)), max(most, _resident())
                with store.read() as tx:
                    left = tx.connection.execute(text("SELECT count(*) FROM jobs WHERE state <> 'done'")).scalar_one()
            after, (wrote, held) = time.perf_counter(), _writes(store)
            mine, theirs = time.process_time() - cpu, server.cpu() - theirs
    finally:
        stop.set()
        await asyncio.gather(*daemons)
    with store.read() as tx:
        verdicts = tx.connection.execute(text("SELECT verdict, count(*) FROM runs GROUP BY verdict")).all()
    return {
        "tests": number,
        "in_flight": flying,
        "seconds": after - began,
        "octets_each": (most - before) / max(1, flying),
        "cpu_ms": 1000 * mine / number,
        "server_cpu_ms": 1000 * theirs / number,
        "writes": (wrote - writes) / number,
        "write_ms": 1000 * (held - took) / max(1, wrote - writes),
        "turn_ms": 1000 * statistics.mean(turns.held),
        "turn_ms_median": 1000 * statistics.median(turns.held),
        "turn_cpu_ms": 1000 * statistics.mean(turns.worked),
        "turns": len(turns.held) / number,
        "verdicts": {str(verdict): count for verdict, count in verdicts},
    }


class _Holder:
    table: Table | None = None

    def confirm(self, moment: float) -> None:
        pass


async def looks(store: Store, server: Backends, folder: str) -> dict[str, Any]:
    """A whole snapshot, and then looks that find nothing new."""
    settings = _settings(folder, 1)
    keyring = Keyring.generate(secrets.token_bytes, int(time.time()) - 600)
    casework = Casework(store, settings, keyring, clock=SystemClock())
    feed = Feed(casework.contents, [_Holder()], poll=1.0, path=Path(folder) / "table")
    began, cpu, theirs = time.perf_counter(), time.process_time(), server.cpu()
    await feed.ready()
    while not feed.counters["snapshots"]:
        await feed.step()
    snapshot = time.perf_counter() - began, time.process_time() - cpu, server.cpu() - theirs
    cpu, theirs = time.process_time(), server.cpu()
    for _ in range(LOOKS):
        await feed.step()
    return {
        "snapshot_seconds": snapshot[0],
        "snapshot_cpu": snapshot[1],
        "snapshot_server_cpu": snapshot[2],
        "look_cpu_ms": 1000 * (time.process_time() - cpu) / LOOKS,
        "look_server_cpu_ms": 1000 * (server.cpu() - theirs) / LOOKS,
    }


def octets(store: Store) -> dict[str, int]:
    """What tables take on the disk with their indices."""
    asked = "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"
    with store.read() as tx:
        return {str(name): int(size) for name, size in tx.connection.execute(text(asked))}


def changes() -> dict[str, float]:
    """Octets on the line for a change, in files of a thousand, of addresses at random."""
    pick = Random(2026)
    steps = [
        Change(seq=seq, network=network_of(IPv4Address(pick.getrandbits(32))), kind="relay", present=True)
        for seq in range(1, 1001)
    ]
    plain = published.lines(steps)
    return {"change_plain": len(plain) / 1000, "change_packed": sum(map(len, published.packed([plain]))) / 1000}


async def measure(url: str, number: int, wait: float, listings: int) -> dict[str, Any]:
    """All of it: tests first, and then the listings are put where these were."""
    store = Store.open(url)
    store.upgrade()
    server = Backends(store)
    figures: dict[str, Any] = {"load": os.getloadavg()[0], "changes": changes()}
    with tempfile.TemporaryDirectory() as folder:
        if number:
            figures["tests"] = await tests_at_once(store, server, number, wait, folder)
            figures["tested_octets"] = {name: size for name, size in octets(store).items() if size > 1_000_000}
        if listings:
            began = time.perf_counter()
            filled = fill(store, Settings(), hosts=200, listings=listings, entries=1000)
            figures["listings"] = {"number": filled.listings, "filled_in": time.perf_counter() - began}
            figures["listings"] |= await looks(store, server, folder)
            figures["listed_octets"] = {name: size for name, size in octets(store).items() if size > 1_000_000}
    store.close()
    return figures


if __name__ == "__main__":
    raise_file_limit()
    if sys.argv[1] == "--serve":
        asyncio.run(serve(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
    else:
        number, wait, listings = int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
        print(json.dumps(asyncio.run(within(BUDGET, measure(sys.argv[1], number, wait, listings))), indent=1))
