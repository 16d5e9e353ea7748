"""Small programs that the DNS bench starts in processes of their own, each printing one JSON list, or nothing.

python -m bench.inside echo PORT                send back whatever comes, marked as a response
python -m bench.inside fill CONFIG NUMBERS      fill the store with these listed addresses (a file of 32-bit numbers)
python -m bench.inside ready CONFIG NAME        start a node on its mapped table; seconds until it answers for NAME
python -m bench.inside look CONFIG TIMES        the feed's first look at the store; microseconds of CPU a row
python -m bench.inside read CONFIG TIMES        the zones' data files, up to the engine that answers; seconds of CPU
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from array import array
from ipaddress import ip_network
from pathlib import Path

from sqlalchemy import insert

import dnsbl.cli.serving  # noqa: F401 (so that "after the imports" means all that `dnsbl serve` imports)
from bench.servers import asked, says_listed
from dnsbl.clock import SystemClock
from dnsbl.config import read_settings, read_zones
from dnsbl.daemons.answering import Bound
from dnsbl.daemons.node import Node
from dnsbl.dns.engine import compiled
from dnsbl.dns.respond import Serving
from dnsbl.opened import open_list, open_patiently
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.feed import Feed
from dnsbl.serving.sources import Sources
from dnsbl.store import Store
from dnsbl.store.schema.listed import changes
from dnsbl.vocabulary import Reason


def echo(port: int) -> None:
    """Answer until killed. The compiled engine is needed."""
    from dnsbl.dns.engine import _compiled

    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    _, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _compiled.Core(1, echo=True).run(udp.fileno(), other.fileno())


def fill(config: Path, numbers: Path) -> None:
    """Put listings into a fresh store as a bulk load would, with one change in the log, the first."""
    store: Store = open_list(config, upgrade=True).store
    listed = array("I")
    with numbers.open("rb") as file:
        listed.fromfile(file, numbers.stat().st_size // listed.itemsize)
    statement = (
        "INSERT INTO listings (network, kind, since, reason, note, confirmed) "
        f"VALUES (?, 'relay', 0, '{Reason.OPERATOR.value}', '', 0)"
    )
    with store.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            raw.execute(f"PRAGMA {pragma}")
        raw.execute("BEGIN")
        raw.executemany(statement, ((b"\4" + number.to_bytes(4) + b"\x20",) for number in listed))
        raw.execute("COMMIT")
        raw.execute("PRAGMA journal_mode=WAL")
    with store.write() as tx:
        first = {"seq": 1, "network": ip_network(listed[0]), "kind": "relay", "present": True}
        tx.connection.execute(insert(changes), first)
    store.close()


def ready(config: Path, name: str) -> float:
    """Seconds from here, where all is imported, to the first answer about a listed name."""
    began = time.monotonic()
    settings = read_settings(config)
    opened = open_patiently(settings, read_zones(settings))
    took: list[float] = []

    async def run() -> None:
        stop = asyncio.Event()

        def ask(bound: Bound) -> None:
            while not says_listed(asked(bound.dns[0][1], name)):
                if time.monotonic() - began > 60:
                    sys.exit("no answer within a minute")
            took.append(time.monotonic() - began)
            stop.set()

        node = Node(opened.casework, opened.settings, opened.zones, opened.keyring, opened.clock, roles=["dns"])
        await node.run(stop, ready=ask)

    asyncio.run(run())
    return took[0]


def look(config: Path) -> float:
    """Microseconds of CPU a row until a feed that has no table yet holds the store's, written to disk as well."""
    opened = open_list(config)
    path = config.parent / "looked"
    path.unlink(missing_ok=True)
    feed = Feed(
        opened.casework.contents,
        [],
        poll=60,
        path=path,
        zones_digest=opened.zones.digest,
        bounds=Bounds.of(opened.settings),
    )
    began = time.process_time()
    asyncio.run(feed.ready())
    used = time.process_time() - began
    if feed.table is None:
        sys.exit(f"there is no table: {feed.problem}")
    return used / len(feed.table) * 1e6


def read(config: Path) -> float:
    """Seconds of CPU until the engine answers from the data files of all zones."""
    zones = read_zones(read_settings(config))
    serving, engine = Serving(zones), compiled.Compiled(1)
    sources = Sources(zones, serving, check=60, clock=SystemClock())
    began = time.process_time()
    sources.look()
    engine.load(serving)
    used = time.process_time() - began
    if problem := sources.held:
        sys.exit(problem)
    return used


def main() -> None:
    """Run the program that the command line names."""
    match sys.argv[1:]:
        case ["echo", port]:
            echo(int(port))
        case ["fill", config, numbers]:
            fill(Path(config), Path(numbers))
        case ["ready", config, name]:
            print(json.dumps([ready(Path(config), name)]))
        case ["look", config, times]:
            print(json.dumps([look(Path(config)) for _ in range(int(times))]))
        case ["read", config, times]:
            print(json.dumps([read(Path(config)) for _ in range(int(times))]))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
