"""A source in memory, as the feed knows it: what casework's `Contents` says of a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from dnsbl.addresses import Network
from dnsbl.clock import HandClock
from dnsbl.dns.listed import series
from dnsbl.dns.listed.series import Advance, Snapshot, Wanted
from dnsbl.model import Change, Epoch


class Memory:
    """Rows, their log and the epochs. `broken` is raised by whoever reads, `closed` by whoever writes."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self.rows: set[Any] = set()
        self.log: list[Change] = []
        self.epochs: list[Epoch] = []
        self.broken: Exception | None = None
        self.closed: Exception | None = None
        self.snapshots = 0
        self.wishes: list[Wanted] = []
        self.now = now or HandClock().now

    def add(self, network: Network, kind: str = "relay", present: bool = True) -> None:
        self.log.append(Change(seq=self.number + 1, network=network, kind=kind, present=present))
        (self.rows.add if present else self.rows.discard)((network, kind))

    @property
    def number(self) -> int:
        return self.log[-1].seq if self.log else 0

    def read(self) -> Iterator[Any]:
        return iter(list(self.rows))

    def snapshot(self) -> Snapshot:
        if self.broken:
            raise self.broken
        self.snapshots += 1
        last = next(iter(self.changes(self.number - 1, most=1)), None)
        return Snapshot(self.number, self.read(), tuple(self.epochs), last)

    def changes(self, after: int, *, most: int = 10000, epoch: int | None = None) -> list[Change]:
        if self.broken:
            raise self.broken
        if epoch is not None and all(each.base != epoch for each in self.epochs):
            return []
        return [change for change in self.log if change.seq > after][:most]

    def advance(self, after: int, *, most: int = 10000) -> Advance:
        return Advance(self.changes(after, most=most), tuple(self.epochs), self.number)

    def epoch(self, wish: Wanted) -> Epoch:
        if self.broken or self.closed:
            raise self.broken or self.closed  # type: ignore[misc]
        self.wishes.append(wish)
        found = series.following(self.epochs, wish, number=self.number, now=self.now())
        if found not in self.epochs:
            self.epochs = [*([] if wish.breaks else self.epochs), found]
        return found
