"""The feed: brings the store's listings to the responders, and keeps the last good table on disk.

A shell around `dns.table`. At the start the table on disk is served as soon as it is mapped, so that answers do not
wait for the store, and given up when its checksum turns out wrong; then a snapshot is taken, and the changes behind it
are asked for again and again. Each look also asks for the last change that was taken over: when the store does not know
it (it was restored from a backup, or is another one), when a number is missing, or at the first look, a fresh snapshot
is taken. When the store cannot be asked, the last good table stays and the next look waits longer and longer. A
snapshot that has lost more than half of a table is not taken over. Changes are served before they are merged into a
table's large arrays, which is done in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from dnsbl.clock import Clock, SystemClock
from dnsbl.dns.table import Table
from dnsbl.errors import Damaged, DnsblError
from dnsbl.model import Change

#: Seconds at most between two looks, however long the store has been away.
LONGEST_WAIT = 30.0
#: Seconds at least between two writes of the table to disk, and one more for so many rows: at most 1 MB a second.
BETWEEN_WRITES = 5.0
ROWS_A_SECOND = 200_000
#: A table of more rows than this may not shrink to less than half in one snapshot.
SMALL = 1000
#: Changes asked for in one look.
MOST_CHANGES = 10000

_log = logging.getLogger(__name__)


class Source(Protocol):
    """Where listings come from: `Casework`. Synchronous; called in a thread."""

    def packed_snapshot(self) -> tuple[int, Iterator[tuple[bytes, str]]]:
        """The change number, and all rows at that number, as `Table.of` takes them."""
        ...

    def changes(self, after: int, *, most: int = ...) -> list[Change]:
        """The changes behind a number, in order."""
        ...


class Holder(Protocol):
    """Who answers from the table: `Responder`."""

    table: Table | None


class Feed:
    """One source, any number of holders, one file.

    `poll` is the time between two looks in seconds, `path` the file of the last good table. `force` takes over a
    snapshot however much it has shrunk.
    """

    def __init__(
        self,
        source: Source,
        holders: Iterable[Holder],
        *,
        poll: float,
        path: Path,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
        force: bool = False,
    ) -> None:
        self.table: Table | None = None
        self.problem = ""  #: one sentence while the store's word cannot be followed, or ""
        self.counters = dict.fromkeys(("snapshots", "changes", "failures", "writes"), 0)
        self._source = source
        self._holders = tuple(holders)
        self._poll = poll
        self._path = path
        self._clock = clock
        self._force = force
        self._wait = poll
        self._fresh = False  # whether a snapshot of the store has been taken over
        self._last: Change | None = None  # the change that the table's number stands for, when the store knows it
        self._written: Table | None = None
        self._write_after = clock.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Have a table, then look until `stop` is set; the last table is on disk at the end."""
        await self.ready()
        while not stop.is_set():
            wait = await self.step()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)
        await self.save()

    async def ready(self) -> None:
        """Have a table: the one on disk, or else the store's; none when neither is to be had. Never raises."""
        if self.table is None:
            await self.load()
        if self.table is None:
            await self.step()

    async def load(self) -> None:
        """Serve the table on disk, if there is a good one."""
        try:
            table = await asyncio.to_thread(Table.mapped, self._path)
            self._swap(table)
            await asyncio.to_thread(table.verify)
        except FileNotFoundError:
            return
        except (OSError, Damaged) as error:
            self._swap(None)
            _log.warning("%s is not used: %s", self._path, error)
            return
        self._written = table

    async def step(self) -> float:
        """Look once, and write when it is time; returns the seconds until the next look. Never raises."""
        unknown: Exception | None = None
        try:
            problem = await self._look()
        except DnsblError as error:
            problem = f"the store cannot be asked: {error}"
        except Exception as error:
            problem, unknown = f"the store cannot be asked: {type(error).__name__}", error
        if problem:
            self.counters["failures"] += 1
            self._wait = min(self._wait * 2, LONGEST_WAIT)
        else:
            self._wait = self._poll
        if problem != self.problem:
            _log.warning("%s", problem or "the store is followed again", exc_info=unknown)
            self.problem = problem
        if self._clock.monotonic() >= self._write_after:
            await self.save()
        return self._wait

    async def save(self) -> None:
        """Write the table to disk, whole or not at all, unless it is there already. Never raises."""
        table = self.table
        if table is None or table is self._written:
            return
        self._write_after = self._clock.monotonic() + BETWEEN_WRITES + len(table) // ROWS_A_SECOND
        try:
            await asyncio.to_thread(_write, self._path, table)
        except OSError as error:
            _log.warning("the last good table cannot be written to %s: %s", self._path, error.strerror)
            return
        self._written = table
        self.counters["writes"] += 1

    async def _look(self) -> str:
        """Follow the store; returns what stands against it, or ""."""
        if self._fresh and self.table is not None:
            changes = await asyncio.to_thread(self._changes, self.table.serial)
            if changes is not None:
                if changes:
                    self._swap(await asyncio.to_thread(self.table.changed, changes))
                    self._last = changes[-1]
                    self.counters["changes"] += len(changes)
                    if self.table.crowded:
                        self._swap(await asyncio.to_thread(self.table.merged))
                return ""
            self._fresh = False
        table, last = await asyncio.to_thread(self._snapshot)
        if self.table is not None and len(self.table) > SMALL and 2 * len(table) < len(self.table) and not self._force:
            return (
                f"the store holds {len(table)} listings, the table in service {len(self.table)}: not taken over; "
                f"if that is right, stop, remove {self._path} and start again"
            )
        self._swap(table)
        self._fresh, self._last = True, last
        self.counters["snapshots"] += 1
        return ""

    def _changes(self, serial: int) -> list[Change] | None:
        """The changes behind this number, or None when the store tells another story than the one we know."""
        known = 0 if self._last is None else 1
        changes = self._source.changes(serial - known, most=MOST_CHANGES)
        if known and changes[:1] != [self._last]:
            return None
        new = changes[known:]
        return new if [change.seq for change in new] == list(range(serial + 1, serial + 1 + len(new))) else None

    def _snapshot(self) -> tuple[Table, Change | None]:
        """A fresh table, and the change that its number stands for, unless the store has forgotten that."""
        serial, rows = self._source.packed_snapshot()
        table = Table.of(rows, serial=serial)
        last = self._source.changes(serial - 1, most=1) if serial else []
        return table, last[0] if last and last[0].seq == serial else None

    def _swap(self, table: Table | None) -> None:
        self.table = table
        for holder in self._holders:
            holder.table = table


def _write(path: Path, table: Table) -> None:
    """Beside, flushed, then renamed: a crash leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        table.write(file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
