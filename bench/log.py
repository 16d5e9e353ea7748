"""The bench of the transparency log: what a leaf costs beside its entry, and what a step costs as the log grows.

    python -m bench.log [--entries 20000] [--rounds 7]

A store on SQLite in a temporary folder gets so many entries of the journal, a thousand a transaction, and the log makes
leaves of all. Then logs of ten thousand to a hundred million leaves are laid down as far as anybody looks, which is
their right edge, and get sixty more entries: leaves, tree and signature, as twice a minute. Counted is processor time.
No socket is opened.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from dnsbl.casework.proving import Proving
from dnsbl.clock import SystemClock
from dnsbl.log import tiles
from dnsbl.log.merkle import OCTETS
from dnsbl.log.tiles import WIDTH
from dnsbl.settings import Service, Settings, TlogSettings
from dnsbl.store import Store
from dnsbl.store.log import Bundle

#: Leaves of the logs that grow, each with tiles that are half full; and what comes in one step.
SIZES, STEP = (10_137, 1_000_137, 100_000_137), 60
#: Entries of a transaction, and octets of a leaf that is made up.
TOGETHER, LEAF = 1000, 420
#: The goal: a step of the largest log costs at most so many times one of the smallest.
GOAL = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LeafCost:
    """What was found."""

    entry: float  #: seconds of processor time of an entry of the journal, a thousand in a transaction
    leaf: float  #: seconds of the leaf that is made of it
    octets: float  #: that a leaf takes in the store, hashes and all
    steps: dict[int, float]  #: by leaves of the log: seconds of a step

    @property
    def growth(self) -> float:
        """How many times as long the largest log's step takes."""
        found = list(self.steps.values())
        return found[-1] / found[0]


def measure(folder: Path, *, entries: int, rounds: int, sizes: Sequence[int] = SIZES) -> LeafCost:
    """Fill, and measure."""
    settings = Settings(service=Service(state_dir=folder), tlog=TlogSettings(origin="bench.example/log"))
    clock = SystemClock()
    store = Store.open(f"sqlite:///{folder / 'log.db'}")
    try:
        store.upgrade()
        proving = Proving(store, settings, clock)
        begun = time.process_time()
        for start in range(0, entries, TOGETHER):
            enter(store, min(TOGETHER, entries - start))
        entered = time.process_time() - begun
        begun = time.process_time()
        while proving.grow():
            pass
        grown = time.process_time() - begun
        octets = taken(store)
        steps = {size: step(store, settings, size, rounds) for size in sizes}
    finally:
        store.close()
    return LeafCost(entry=entered / entries, leaf=grown / entries, octets=octets / entries, steps=steps)


def enter(store: Store, count: int) -> None:
    """So many entries, as a test makes them."""
    now = SystemClock().now()
    with store.write() as tx:
        for number in range(count):
            tx.journal.append(
                at=now,
                actor="worker w1",
                subject=f"20.0.{number >> 8}.{number & 255}",
                verb="session",
                reason="nomination",
                before="running",
                after="S01:ACCEPTED S02:RCPT_5XX",
                evidence=f"run abcdefgh{number}, transcript sha256:{number:064x}",
            )


def taken(store: Store) -> int:
    """Octets of all leaves and hashes."""
    with store.read() as tx:
        rows = tx.connection.exec_driver_sql(
            "SELECT (SELECT sum(length(content)) FROM log_tiles) + (SELECT sum(length(content)) FROM log_bundles)"
        )
        return int(rows.scalar_one())


def step(store: Store, settings: Settings, size: int, rounds: int) -> float:
    """Seconds of one step of a log of this size, the median of some."""
    with store.write() as tx:
        tx.log.clear()
        last = tx.journal.read(None, most=1)[-1].seq
        tx.log.begin(origin=settings.tlog.origin, salts=bytes(32), at=SystemClock().now())
        tx.log.come_to(size=size, entry=last, change=0)
        tx.log.put_tiles({(tile.level, tile.number): bytes(tile.width * OCTETS) for tile in tiles.edge(size)})
        held = tiles.bundle([bytes(LEAF)] * (size % WIDTH))
        tx.log.put_bundle(Bundle(number=size // WIDTH, entry=last, change=0, content=held))
    (settings.service.state_dir / "log.seen").unlink(missing_ok=True)
    proving, found = Proving(store, settings, SystemClock()), []
    for _ in range(rounds):
        enter(store, STEP)
        begun = time.process_time()
        proving.keep()
        found.append(time.process_time() - begun)
    return median(found)


def told(found: LeafCost) -> list[str]:
    """The table."""
    first = next(iter(found.steps.values()))
    return [
        "| what | cost | |",
        "|---|---:|---|",
        f"| an entry of the journal, {TOGETHER} a transaction | {found.entry * 1e6:.0f} µs | |",
        f"| its leaf, with tree and store | {found.leaf * 1e6:.0f} µs | {found.leaf / found.entry:.2f} of its entry |",
        f"| the same, in the store | {found.octets:.0f} octets | |",
        *(
            f"| {STEP} more, signed, in a log of {size:,} leaves | {seconds * 1e3:.1f} ms | {seconds / first:.2f} |"
            for size, seconds in found.steps.items()
        ),
        f"| goal: the largest at most {GOAL:g} times the smallest | {found.growth:.2f} | "
        f"{'met' if found.growth <= GOAL else 'MISSED'} |",
    ]


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(prog="python -m bench.log", description="What the transparency log costs.")
    words.add_argument("--entries", type=int, default=20_000)
    words.add_argument("--rounds", type=int, default=7)
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-log-") as folder:
        print("\n".join(told(measure(Path(folder), entries=given.entries, rounds=given.rounds))))


if __name__ == "__main__":
    main()
