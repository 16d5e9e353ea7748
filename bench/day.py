"""A piece of a day with a million tests: a whole list on this machine, four workers, and hosts at the usual pace.

    python -m bench.day [--rate 11.6] [--seconds 300] [--workers 4] [--url URL] [--json FILE]

Processes of `dnsbl serve` are what a list runs: one with collector and scheduler, the others workers, all over one
store: PostgreSQL of the bench's own, or an empty database at URL. Hosts on 127.64.0.0 and up are nominated at that
rate; of a hundred 88 are closed, 7 cannot be reached and 5 relay (`bench.fleet`). Nothing of the tester's pace is
turned down: a closed host keeps a worker for minutes, nearly all of them pauses. Strangers' shares are all that is
raised. Letters are signed (DKIM), as a list's are.

First as many tests as stay under way are begun (`RAMP`); then the given seconds are counted: tests that ended,
processor time of each process, memory of a worker. At the end every verdict is held against what the host is. The hosts
and who nominates them share the machine and are counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, ip_network
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from bench.cycles import LARGE, NOMINATORS
from bench.filling import SPAM
from bench.fleet import BOUNCE_DOMAIN, COLLECTOR_DOMAIN, FIRST, ROOT, Habit, neighbourhood
from bench.limits import raise_file_limit, within
from bench.postgres import own_server
from bench.processors import conversed, spent
from dnsbl.casework import Casework
from dnsbl.clock import SystemClock
from dnsbl.config import read_settings
from dnsbl.demo.neighbourhood import free_port
from dnsbl.model import Nomination
from dnsbl.store import Store
from dnsbl.vocabulary import Door
from tester.letter import Keyring

#: Seconds until as many tests end as begin: a closed host takes 154 at the usual pace.
RAMP = 240.0
#: Seconds for all of it, beside those that are counted.
BEYOND = 600.0
DAY = 86400
PAGE = os.sysconf("SC_PAGESIZE")
#: What a host of each habit comes to, at most; anything else is wrong. A relay's letter may be under way still.
_RIGHT = {
    Habit.CLOSED: {"CLOSED"},
    Habit.REFUSING: {"INCONCLUSIVE", "UNREACHABLE"},
    Habit.SILENT: {"INCONCLUSIVE", "UNREACHABLE"},
    Habit.ANY: {"OPEN", "waiting"},
}


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What was counted."""

    workers: int
    nominated: float  #: a second
    ended: float  #: tests a second
    under_way: int  #: at the end of the count
    worker_ms: float  #: processor time of all workers, a test
    talk_ms: float  #: of that, conversations and letters; the rest is what threads do with the store
    collector_ms: float  #: of collector and scheduler
    server_ms: float  #: of PostgreSQL
    others_ms: float  #: of the hosts, and of who nominates
    worker_octets: int  #: of memory, the largest worker
    verdicts: dict[str, int]  #: of the whole run, by habit and verdict
    wrong: int
    waiting: int  #: queued tests that were due at the end
    load: float

    @property
    def a_day(self) -> float:
        """Tests a day."""
        return self.ended * DAY


def plan(number: int) -> dict[IPv4Address, Habit]:
    """Hosts, each in a /24 of its own; of a hundred 88 are closed, 5 relay, 7 cannot be reached."""
    kinds = [Habit.ANY] * 5 + [Habit.SILENT] * 4 + [Habit.REFUSING] * 3 + [Habit.CLOSED] * 88
    return {FIRST + 256 * n + 1: kinds[n * 37 % 100] for n in range(number)}


def configuration(folder: Path, url: str, port: int, collector: int) -> Path:
    """The list's own, with everything at its default but places and strangers' shares."""
    words = json.dumps
    path = folder / "config.toml"
    path.write_text(
        f"[service]\nstate_dir = {words(str(folder / 'state'))}\n[database]\nurl = {words(url)}\n"
        f'[collector]\nlisten = ["127.0.0.1:{collector}"]\n'
        f'[tester]\nsource_addresses = ["127.0.0.1"]\nlab_networks = ["127.0.0.0/8"]\nport = {port}\n'
        f'dkim_key = {words(str(folder / "dkim.pem"))}\ndkim_selector = "bench"\n'
        f"collector_domain = {words(COLLECTOR_DOMAIN)}\nbounce_domain = {words(BOUNCE_DOMAIN)}\n"
        f"hour_connections = {LARGE}\nhour_letters = {LARGE}\nhour_octets = {LARGE * 1000}\n"
        f"[policy]\nnominations_day = {LARGE}\nnominations_queued = {LARGE}\nevidence_day_bytes = {LARGE * 1000}\n",
        encoding="utf-8",
    )
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, pkcs1 = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    (folder / "dkim.pem").write_bytes(signing.private_bytes(pem, pkcs1, serialization.NoEncryption()))
    (folder / "zones").mkdir()
    zone = (ROOT / "zones" / "relays.example.org.toml").read_text(encoding="utf-8")
    (folder / "zones" / "relays.toml").write_text(zone, encoding="utf-8")
    return path


@asynccontextmanager
async def serving(config: Path, roles: str, log: Path) -> AsyncIterator[int]:
    """A process of the list; its number. Raises SystemExit where it does not start."""
    with log.open("wb") as told:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dnsbl", "serve", "--only", roles, "--config", str(config), "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=told,
        )
    assert process.stdout is not None
    try:
        if not await asyncio.wait_for(process.stdout.readline(), 90):
            raise SystemExit(f"bench: a node did not start: {await asyncio.to_thread(log.read_text, errors='replace')}")
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def resident(pid: int) -> int:
    """Octets of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


class Nominators:
    """Nominate a host each, one after another, at a rate."""

    def __init__(self, casework: Casework, hosts: list[IPv4Address], rate: float) -> None:
        self._casework, self._hosts, self._rate = casework, hosts, rate
        self.done = 0

    async def run(self) -> None:
        """Until all are nominated."""
        began = time.monotonic()
        for number, address in enumerate(self._hosts):
            await asyncio.sleep(max(0.0, began + number / self._rate - time.monotonic()))
            nomination = Nomination(
                address=address,
                door=Door.WEB,
                nominator=str(ip_network((NOMINATORS + number % 65536, 24), strict=False)),
                reason="spam",
                evidence=SPAM + str(number).encode(),
            )
            await asyncio.to_thread(self._casework.doors.nominate, nomination)
            self.done += 1


def _number(store: Store, question: str) -> int:
    with store.read() as tx:
        return int(tx.connection.execute(text(question)).scalar_one())


_ENDED = "SELECT count(*) FROM jobs WHERE state = 'done'"
_RUNNING = "SELECT count(*) FROM jobs WHERE state = 'running'"


def verdicts(store: Store, hosts: dict[IPv4Address, Habit]) -> tuple[Counter[str], int]:
    """How many hosts of each habit came to each verdict, and how many of these are wrong; what was said last counts."""
    counted, wrong = Counter[str](), 0
    with store.read() as tx:
        said = tx.connection.execute(text("SELECT subject, after FROM journal WHERE verb = 'run' ORDER BY seq")).all()
    for subject, verdict in dict(map(tuple, said)).items():
        habit = hosts[IPv4Address(subject)]
        counted[f"{habit.value}: {verdict}"] += 1
        wrong += verdict not in _RIGHT[habit]
    return counted, wrong


async def measured(url: str, server: int | None, *, rate: float, seconds: float, workers: int) -> DayFigures:
    """Run the list, and count."""
    hosts = plan(int(rate * (RAMP + seconds)))
    store = Store(url)
    store.upgrade()
    port, collector = free_port(), free_port()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-day-")))
        config = configuration(folder, url, port, collector)
        first = await stack.enter_async_context(serving(config, "collector,scheduler", folder / "first.log"))
        await stack.enter_async_context(neighbourhood(hosts, port, collector))
        pids = [
            await stack.enter_async_context(serving(config, "worker", folder / f"worker-{n}.log"))
            for n in range(workers)
        ]
        keyring = Keyring.generate(secrets.token_bytes, int(time.time()) - 600)  # signs nothing: who nominates has none
        casework = Casework(store, read_settings(config), keyring, clock=SystemClock())
        nominators = Nominators(casework, list(hosts), rate)
        nominating = asyncio.create_task(nominators.run())
        await asyncio.sleep(RAMP)

        def now() -> tuple[float, ...]:
            everybody = (sum(map(spent, pids)), spent(first), spent(server) if server else 0.0)
            others = spent(os.getpid()) - sum(everybody[:2])
            return (*everybody, others, sum(map(conversed, pids)), _number(store, _ENDED), time.monotonic())

        before, begun = now(), nominators.done
        await asyncio.sleep(seconds)
        after, nominated = now(), nominators.done - begun
        apart = [b - a for a, b in zip(before, after, strict=True)]
        ended, took = apart[5], apart[6]
        under_way = _number(store, _RUNNING)
        late = "SELECT count(*) FROM jobs WHERE state = 'queued' AND reason = 'nomination'"
        waiting = _number(store, late)
        largest = max(map(resident, pids))
        nominating.cancel()
        found, wrong = verdicts(store, hosts)
    store.close()
    a_test = [1000 * each / ended for each in apart[:5]]
    return DayFigures(
        workers=workers,
        nominated=nominated / took,
        ended=ended / took,
        under_way=under_way,
        worker_ms=a_test[0],
        collector_ms=a_test[1],
        server_ms=a_test[2],
        others_ms=a_test[3],
        talk_ms=a_test[4],
        worker_octets=largest,
        verdicts=dict(found.most_common()),
        wrong=wrong,
        waiting=waiting,
        load=os.getloadavg()[0],
    )


def told(found: DayFigures) -> str:
    """Some lines for people."""
    lines = [
        f"{found.ended:.1f} tests a second ended, {found.a_day:,.0f} a day, on {found.workers} workers; "
        f"{found.nominated:.1f} nominated a second, {found.under_way:,} under way, {found.waiting:,} queued.",
        f"Processor a test: workers {found.worker_ms:.1f} ms ({found.talk_ms:.1f} of them "
        f"conversations and letters, the rest the store's verbs), collector and scheduler {found.collector_ms:.1f} ms, "
        f"PostgreSQL {found.server_ms:.1f} ms; the hosts and who nominates {found.others_ms:.1f} ms.",
        f"Memory of a worker: {found.worker_octets / 1e6:.0f} MB. {os.cpu_count()} cores, load {found.load:.1f}.",
        f"{found.wrong} verdicts wrong, of {sum(found.verdicts.values()):,}:",
        *(f"  {number:>6,}  {what}" for what, number in found.verdicts.items()),
    ]
    return "\n".join(lines)


@contextmanager
def database(url: str) -> Iterator[tuple[str, int | None]]:
    """An empty database, and the process of its server where that is ours."""
    if url:
        yield url, None
        return
    with own_server() as server:
        if server is None:
            raise SystemExit("bench: no PostgreSQL here (Debian's postgresql), and no --url")
        yield server.make("day"), server.pid


def main() -> None:
    """The command."""
    words = argparse.ArgumentParser(prog="python -m bench.day", description="A piece of a day with a million tests.")
    words.add_argument("--rate", type=float, default=1_000_000 / DAY, help="nominations a second")
    words.add_argument("--seconds", type=float, default=300.0, help="that are counted")
    words.add_argument("--workers", type=int, default=4)
    words.add_argument("--url", default="", help="an empty database; default: a PostgreSQL of its own")
    words.add_argument("--json", type=Path)
    given = words.parse_args()
    raise_file_limit()
    with database(given.url) as (url, server):
        work = measured(url, server, rate=given.rate, seconds=given.seconds, workers=given.workers)
        found = asyncio.run(within(RAMP + given.seconds + BEYOND, work))
    print(told(found))
    if given.json:
        given.json.write_text(json.dumps(asdict(found) | {"a_day": found.a_day}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
