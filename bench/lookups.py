"""What looking up many addresses costs: a list in a file, the real web process, requests of a thousand over loopback.

`measure_lookups` asks a server that runs; run as a program it makes a list of its own, serves it and
prints the figures.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from ipaddress import IPv4Network, ip_network
from pathlib import Path

from bench.processors import spent as spent_by
from dnsbl.casework import Casework
from dnsbl.config import read_settings
from dnsbl.store import Store
from tester.letter import Keyring

ROOT = Path(__file__).resolve().parents[1]
#: Addresses of one request.
LIST = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupFigures:
    """What was measured of looking up many at once."""

    addresses: int
    seconds: float
    cpu_seconds: float | None  #: of the server, where it is a process that can be looked at

    @property
    def per_second(self) -> float:
        """Addresses a second."""
        return self.addresses / self.seconds

    @property
    def per_cpu_second(self) -> float | None:
        """Addresses a second of the server's processor time."""
        return self.addresses / self.cpu_seconds if self.cpu_seconds else None


def measure_lookups(
    port: int, listed: Sequence[str], *, requests: int = 50, share: float = 0.3, pid: int | None = None
) -> LookupFigures:
    """Ask `requests` times for LIST addresses, `share` of them listed, the others any: one request after the other.
    `pid` is the server's, whose processor time is read."""
    draw = random.Random(5)
    bodies = [
        json.dumps(
            {
                "addresses": [
                    draw.choice(listed)
                    if draw.random() < share
                    else ".".join(str(draw.randrange(1, 224)) for _ in range(4))
                    for _ in range(LIST)
                ]
            }
        ).encode()
        for _ in range(requests)
    ]
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    _asked(connection, bodies[0])  # the first look reads the whole list
    cpu, begun = spent_by(pid) if pid else None, time.perf_counter()
    for body in bodies:
        _asked(connection, body)
    seconds, spent = time.perf_counter() - begun, spent_by(pid) if pid else None
    connection.close()
    return LookupFigures(
        addresses=requests * LIST,
        seconds=seconds,
        cpu_seconds=spent - cpu if spent is not None and cpu is not None else None,
    )


def _asked(connection: HTTPConnection, body: bytes) -> None:
    connection.request("POST", "/api/v1/lookups", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200 or len(json.loads(text)["rows"]) != LIST:
        raise SystemExit(f"{answer.status}: {text[:200]!r}")


def main() -> None:
    """Make a list, serve it, measure, print one JSON document."""
    words = argparse.ArgumentParser(prog="python -m bench.lookups", description=__doc__)
    words.add_argument("--listings", type=int, default=100_000)
    words.add_argument("--requests", type=int, default=50)
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-lookups-") as folder:
        found = measured(Path(folder), given.listings, given.requests)
    document = asdict(found) | {"per_second": found.per_second, "per_cpu_second": found.per_cpu_second}
    print(json.dumps(document | {"listings": given.listings}, indent=2))


def measured(folder: Path, listings: int, requests: int) -> LookupFigures:
    """The figures of a list of so many listings, made in this folder and served from there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    config = folder / "config.toml"
    config.write_text(
        f'[service]\nstate_dir = "{folder}"\n[database]\nurl = "sqlite:///{folder}/list.db"\n'
        f'[dns]\nzones_dir = "{ROOT / "zones"}"\n'
        f'[web]\nlisten = "127.0.0.1:{port}"\ngets_per_minute = 1000000\n'
    )
    listed = _fill(config, listings)
    program = [sys.executable, "-m", "dnsbl", "serve", "--only", "web", "--config", str(config)]
    with (folder / "log").open("wb") as log, subprocess.Popen(program, stderr=log, stdout=log) as server:
        try:
            while not _answers(port):
                if server.poll() is not None:
                    raise SystemExit(Path(log.name).read_text())
                time.sleep(0.1)
            return measure_lookups(port, listed, requests=requests, pid=server.pid)
        finally:
            server.terminate()


def _fill(config: Path, listings: int) -> list[str]:
    """List so many addresses by an operator's word; some of them."""
    settings = read_settings(config)
    store = Store.open(settings.database.url)
    store.upgrade()
    casework = Casework(store, settings, Keyring.generate(random.randbytes, 0))
    first = int(ip_network("20.0.0.0").network_address)
    networks = [IPv4Network(first + 97 * n) for n in range(listings)]
    casework.operators.list_networks(networks, kind="manual", reason="bench", actor="operator bench")
    store.close()
    return [str(network.network_address) for network in networks[:: max(1, listings // 5000)]]


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
