"""What a bulk load costs, and whom it keeps waiting: a million networks are listed and dropped by the command while
somebody else writes all the time; then the zone is exported.

    python -m bench.bulk [--networks 1000000] [--url URL] [--json FILE]

The store is SQLite in a temporary folder, or the empty database at URL. The other writer enters a line in the journal
every 20 ms, as any verb does, and what is told is how long it waited. Memory is the command's own, as the system counts
it. `measured` is for other benches. Nothing but the store is talked to.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread

from bench.servers import ROOT
from dnsbl.clock import SystemClock
from dnsbl.config import read_settings
from dnsbl.dns.secondaries import FORMATS
from dnsbl.places import database_url
from dnsbl.store import Store

#: The goals: seconds for a million networks, and that another writer waits at the most.
SECONDS, LONGEST = 15.0, 0.5
#: Seconds between two of its transactions.
BETWEEN = 0.02
#: From where the networks are taken, by steps of a prime number, so that they come in no order.
_FIRST, _LAST, _STRIDE = 0x0B000000, 0x63000000, 982_451_653


@dataclass(frozen=True, slots=True)
class BulkCost:
    """What one command took."""

    what: str
    seconds: float
    cpu: float  #: seconds of processor time
    memory: float  #: MB at the most
    waits: int = 0  #: transactions of the other writer meanwhile
    p99: float = 0.0  #: seconds that one of them took
    longest: float = 0.0


@dataclass(slots=True)
class _Writer:
    """Writes all the time, in a thread, and measures how long it takes."""

    store: Store
    took: list[float] = field(default_factory=list)
    stop: Event = field(default_factory=Event)

    def run(self) -> None:
        clock = SystemClock()
        while not self.stop.wait(BETWEEN):
            began = time.perf_counter()
            with self.store.write() as tx:
                tx.journal.append(at=clock.now(), actor="bench", subject="list", verb="waited", reason="operator")
            self.took.append(time.perf_counter() - began)


def measured(folder: Path, *, networks: int, url: str = "", forms: tuple[str, ...] = ()) -> list[BulkCost]:
    """List so many networks, in no order, list them again, drop them, and in between write these forms of the zone."""
    config = folder / "config.toml"
    config.write_text(
        f'[service]\nstate_dir = "{folder}"\n[database]\nurl = "{url}"\n[dns]\nzones_dir = "{ROOT / "zones"}"\n'
    )
    given = folder / "networks"
    with given.open("w") as file:
        for step in range(networks):
            number = _FIRST + step * _STRIDE % (_LAST - _FIRST)
            file.write(f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}\n")
    store = Store.open(database_url(read_settings(config)))
    store.upgrade()
    words = ("--from", str(given), "--reason", "bench", "--json", "--config", str(config))
    found = [_beside(store, "list", "listing", "add", *words), _beside(store, "list again", "listing", "add", *words)]
    for form in forms:
        to = str(folder / f"zone.{form}")
        found.append(_alone(f"export {form}", "export", "--format", form, "--to", to, "--config", str(config)))
        os.unlink(to)
    found.append(_beside(store, "drop", "listing", "drop", *words))
    store.close()
    return found


def _beside(store: Store, what: str, *words: str) -> BulkCost:
    """Run a command while somebody else writes."""
    with _writing(store) as writer:
        alone = _alone(what, *words)
    points = quantiles(writer.took, n=100, method="inclusive") if len(writer.took) > 1 else writer.took * 99
    return BulkCost(
        what, alone.seconds, alone.cpu, alone.memory, len(writer.took), points[98], max(writer.took, default=0.0)
    )


def _alone(what: str, *words: str) -> BulkCost:
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "dnsbl", *words], stdout=subprocess.DEVNULL, cwd=ROOT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"dnsbl {' '.join(words)} ended with {process.returncode}")
    return BulkCost(what, time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@contextmanager
def _writing(store: Store) -> Iterator[_Writer]:
    writer = _Writer(store)
    thread = Thread(target=writer.run)
    thread.start()
    try:
        yield writer
    finally:
        writer.stop.set()
        thread.join()


def told(found: list[BulkCost]) -> str:
    """The figures, as lines."""
    head = f"{'':18}{'seconds':>9}{'cpu s':>8}{'MB':>7}{'writes':>8}{'p99 ms':>8}{'longest ms':>12}"
    rows = [
        f"{each.what:18}{each.seconds:9.1f}{each.cpu:8.1f}{each.memory:7.0f}"
        + (f"{each.waits:8}{1000 * each.p99:8.0f}{1000 * each.longest:12.0f}" if each.waits else "")
        for each in found
    ]
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
    return "\n".join([head, *rows, f"goals: {SECONDS:g} s a million, longest {1000 * LONGEST:g} ms; {load}"])


def main() -> None:
    """Measure, and tell."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--networks", type=int, default=1_000_000)
    words.add_argument("--url", default="")
    words.add_argument("--json", type=Path)
    words.add_argument("--forms", default=",".join(FORMATS), help="of the export, with commas between")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bulk") as folder:
        forms = tuple(filter(None, given.forms.split(",")))
        found = measured(Path(folder), networks=given.networks, url=given.url, forms=forms)
    print(told(found))
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")


if __name__ == "__main__":
    main()
