"""The feed: brings the store's listings to the responders, and keeps the last good table on disk.

A shell around `dns.listed.table`. At the start the table on disk is served as soon as it is mapped, so that answers do
not wait for the store, and given up when the first look finds its checksum wrong; then the changes behind it are asked
for again and again. Each look also asks for the last change that was taken over: when the store does not know it (it
was restored from a backup, or is another one), when a number is missing, or at the start, a fresh snapshot is taken: no
log of changes proves that the store is the one that the file came from, and the snapshot also heals a list that has
come to differ from its log. While one is read, which takes its time when the list is long, changes are followed as far
as they lead on. When the store cannot be asked, the last good table stays and the next look waits longer and longer. A
snapshot that has lost more than half of a table is not taken over. Changes are served before they are merged into a
table's large arrays.

Serials are the store's (`dns.listed.series`): each look learns the epochs in the read that brings the changes, and
asks for a new one where what is answered here is in none. A table that could be given none is answered from all the
same, and transferred to nobody. The file `serial` beside the table keeps the highest one that was shown, so that a
store that has gone back is known as such.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from dnsbl.clock import Clock, SystemClock
from dnsbl.dns.listed import series
from dnsbl.dns.listed.series import UNNUMBERED, Advance, Served, Snapshot, Wanted
from dnsbl.dns.listed.table import Table
from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import write_whole
from dnsbl.model import Change, Epoch
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.bounded import Bounded

#: Seconds at most between two looks, however long the store has been away.
LONGEST_WAIT = 30.0
#: Seconds at least between two writes of the table to disk, and one more for so many rows: at most 1 MB a second.
BETWEEN_WRITES = 5.0
ROWS_A_SECOND = 200_000
#: A table of more rows than this may not shrink to less than half in one snapshot.
SMALL = 1000
#: Seconds that a look waits for a snapshot before changes have their turn again.
TURN = 0.2
#: Changes asked for in one look.
MOST_CHANGES = 10000
#: Seconds at least between two epochs that are asked for, but after a change of the zone files.
ASK_AGAIN = 10.0

_log = logging.getLogger(__name__)


class Source(Protocol):
    """Where listings come from: `Casework`. Synchronous; called in a thread."""

    def snapshot(self) -> Snapshot:
        """All rows at one number."""
        ...

    def advance(self, after: int, *, most: int = ...) -> Advance:
        """What came behind a number."""
        ...

    def changes(self, after: int, *, most: int = ...) -> list[Change]:
        """The changes alone."""
        ...

    def epoch(self, wish: Wanted) -> Epoch:
        """A new epoch, or somebody else's that will do. Raises DnsblError where none can be begun."""
        ...


class Holder(Protocol):
    """Who answers from the table: `Responder`."""

    table: Table | None

    def confirm(self, moment: float) -> None:
        """The store stood by the table at this moment; Unix seconds."""
        ...


class Feed:
    """One source, any number of holders, one file.

    `poll` is the time between two looks in seconds, `path` the file of the last good table. `force` takes over a
    snapshot however much it has shrunk. `zones_digest` is `Zones.digest` of what the holders answer with. `bounds`
    say what the list may hold; everything else in the store is left out, with an alarm (RFC 6471 3.5).
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
        zones_digest: str = "none",
        bounds: Bounds = Bounds(),  # noqa: B008 (immutable)
    ) -> None:
        self.table: Table | None = None
        self.problem = ""  #: one sentence while the store's word cannot be followed, or ""
        self.unnumbered = ""  #: one sentence while no serial is to be had for what is answered, or ""
        self.unsaved = ""  #: one sentence while the table cannot be kept on disk, or ""
        self.counters = dict.fromkeys(("snapshots", "changes", "failures", "writes", "left_out"), 0)
        self.build_seconds = 0.0  #: how long the last table took to make
        self._source = source
        self._holders = tuple(holders)
        self._poll = poll
        self._path = path
        self._clock = clock
        self._force = force
        self._zones_digest = zones_digest
        self.bounded = Bounded(bounds, "the store", self.counters, _log)
        self._looking = asyncio.Lock()
        self._wait = poll
        self._fresh = False  # whether a snapshot of the store stands behind the table
        self._reading: asyncio.Task[tuple[Table, Snapshot]] | None = None  # a snapshot, while it is read
        self._last: Change | None = None  # the change that the table's number stands for, when the store knows it
        self._parted = False  # whether the store tells another story than the one that we know
        self._ask_after = 0.0  # when an epoch may be asked for again
        self._refused = ""  # why the last one was not to be had
        self._mark = path.with_name("serial")
        self._known = self._marked = 0  # the highest serial that was shown, and that is in that file
        self._written: Table | None = None
        self._unproven: Table | None = None  # the mapped table, until its checksum is known to be right
        self._given_up: Table | None = None  # what was served of it when it turned out wrong; its serial still counts
        self._write_after = clock.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Have a table, then look until `stop` is set; the last table is on disk at the end."""
        await self.ready()
        while not stop.is_set():
            wait = await self.step()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)
        if self._reading:
            await asyncio.gather(self._reading, return_exceptions=True)
        await self.save()

    async def ready(self) -> None:
        """Have a table: the one on disk, or else the store's; none when neither is to be had. Never raises."""
        if self.table is None:
            await self.load()
        if self.table is None:
            await self.step()

    async def load(self) -> None:
        """Serve the table on disk, if there is one; the first look reads it whole."""
        self._known = self._marked = await asyncio.to_thread(_number, self._mark)
        try:
            table = await asyncio.to_thread(Table.mapped, self._path)
            held = await asyncio.to_thread(self.bounded.table, table)
            written = self._path.stat().st_mtime
        except FileNotFoundError:
            return
        except (OSError, Damaged) as error:
            _log.warning("%s is not used: %s", self._path, error)
            return
        self._written = self._unproven = table
        if held is not table:
            held = held.numbered(held.epoch, since=held.serial, zones_digest=UNNUMBERED)
        self._swap(held)
        self._confirm(written)

    async def step(self) -> float:
        """Look once, and write when it is time; returns the seconds until the next look. Never raises."""
        unknown: Exception | None = None
        try:
            async with self._looking:
                await self._prove()
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
            self._confirm(self._clock.now().timestamp())
        if problem != self.problem:
            _log.warning("%s", problem or "the store is followed again", exc_info=unknown)
            self.problem = problem
        if self._clock.monotonic() >= self._write_after:
            await self.save()
        return self._wait

    async def save(self) -> None:
        """Write the table to disk, whole or not at all, unless it is there already. Never raises."""
        table = self.table
        if table is None or table is self._written or self._unproven is not None:
            return
        self._write_after = self._clock.monotonic() + BETWEEN_WRITES + len(table) // ROWS_A_SECOND
        try:
            await asyncio.to_thread(lambda: write_whole(self._path, table.parts()))
            if (known := self._known) > self._marked:
                await asyncio.to_thread(lambda: write_whole(self._mark, [b"%d\n" % known]))
                self._marked = known
        except OSError as error:
            unsaved = f"the last good table cannot be written to {self._path}: {error.strerror}"
            if unsaved != self.unsaved:
                _log.warning("%s", unsaved)
            self.unsaved = unsaved
            return
        self._written, self.unsaved = table, ""
        self.counters["writes"] += 1

    async def rezone(self, digest: str) -> None:
        """The zone files have changed: the next look numbers what is answered anew."""
        self._zones_digest, self._ask_after = digest, 0.0

    async def _prove(self) -> None:
        """Read the mapped table whole, once; give it up when it is damaged."""
        if self._unproven is None:
            return
        try:
            await asyncio.to_thread(self._unproven.verify)
        except Damaged as error:
            _log.warning("%s is not used: %s", self._path, error)
            self._written, self._given_up = None, self.table
            self._swap(None)
        self._unproven = None

    async def _look(self) -> str:
        """Follow the store; returns what stands against it, or ""."""
        followed = self.table is not None and await self._follow(self.table)
        self._fresh = self._fresh and followed
        if self._fresh:
            return ""
        if self._reading is None:
            self._reading = asyncio.create_task(asyncio.to_thread(self._snapshot))
        if followed and not (await asyncio.wait([self._reading], timeout=TURN))[0]:
            return self.problem  # which only a snapshot can settle
        reading, self._reading = self._reading, None
        return await self._take_over(*await reading, followed=followed)

    async def _follow(self, before: Table) -> bool:
        """Serve the changes behind this table, the one in service; whether the store's log leads on from there."""
        table = await self._led_on(before, Served(base=before.epoch, digest=before.zones_digest))
        if table is not None and table is not before:
            self._swap(table)
            if table.crowded:
                self._swap(await asyncio.to_thread(table.merged))
        return table is not None

    async def _led_on(self, table: Table, served: Served | None, *, fresh: bool = False) -> Table | None:
        """The table with the changes behind it, and numbered, if what is answered here has a number; None where the log
        does not lead on, or the epoch that it was numbered in is over and it is no `fresh` snapshot.
        """
        digest, first, asked = self._zones_digest, table.serial, served
        while True:
            advance = await asyncio.to_thread(self._advance, table.serial)
            if advance is None:
                self._parted = True
                return None
            changes, epochs, number = advance
            gone = all(epoch.base != table.epoch for epoch in epochs)
            if gone and not fresh and table.zones_digest != UNNUMBERED:
                return None
            if changes:
                table = await asyncio.to_thread(self._timed, table.changed, map(self.bounded.change, changes))
                self._last = changes[-1]
            now, known = self._clock.now(), self._known
            wish = series.wanted(epochs, number=number, digest=digest, served=asked, known=known, now=now)
            found = None if wish is None else await self._ask(wish)
            if found is None:
                break
            asked = Served(base=found.base, digest=digest)  # which the next read finds
        self.counters["changes"] += table.serial - first
        epoch = series.in_force(epochs, table.serial, digest)
        if wish is not None and not (served is None and epoch in epochs[-1:]):  # in an older one it may have gone on
            epoch = None
        if epoch is not None:
            self._numberless("")
            return table.numbered(epoch.base, since=epoch.since, zones_digest=digest)
        if wish is not None:
            self._numberless(
                f"secondaries get no zone from here: {wish.why}, and no serial is to be had: {self._refused}"
            )
        if table.zones_digest == digest:
            return table.numbered(table.epoch, since=table.serial, zones_digest=UNNUMBERED)
        return table

    async def _ask(self, wish: Wanted) -> Epoch | None:
        """The epoch that is wanted, or None where none is to be had now."""
        if self._clock.monotonic() < self._ask_after:
            return None
        self._ask_after = self._clock.monotonic() + ASK_AGAIN
        try:
            found = await asyncio.to_thread(self._source.epoch, wish)
        except DnsblError as error:
            self._refused = str(error)
            return None
        self._refused = "one was begun a moment ago."
        return found

    def _numberless(self, why: str) -> None:
        if why != self.unnumbered:
            _log.warning("%s", why or "secondaries get the zones from here again")
        self.unnumbered = why

    async def _take_over(self, fresh: Table, snapshot: Snapshot, *, followed: bool) -> str:
        """Have a snapshot stand behind the table in service, or serve it; returns what stands against it, or ""."""
        served = self.table
        if served is not None and len(served) > SMALL and 2 * len(fresh) < len(served) and not self._force:
            return (
                f"the store holds {len(fresh)} listings, the table in service {len(served)}: not taken over; "
                f"if that is right, stop, remove {self._path} and start again"
            )
        agree = served is not None and await asyncio.to_thread(self._agree, served, fresh)
        if not (followed and agree):
            self._swap(await self._instead(fresh, snapshot, agree=agree))
        elif served is not None and served.serial == fresh.serial:
            self._last = snapshot.last
        self._fresh, self._given_up, self._parted = True, None, False
        self.counters["snapshots"] += 1
        return ""

    async def _instead(self, fresh: Table, snapshot: Snapshot, *, agree: bool) -> Table:
        """A snapshot as the table to be served in the place of what was served before, if anything was."""
        before = self._given_up if self.table is None else self.table
        if before is None:
            newest = snapshot.epochs[-1].base if snapshot.epochs else int(self._clock.now().timestamp()) - fresh.serial
            base, digest = newest, UNNUMBERED
        else:
            known = before is self.table and not self._parted and (agree or before.zones_digest != self._zones_digest)
            base, digest = before.epoch, before.zones_digest
            if not known:  # what is shown goes no way back
                base, digest = max(base, self._known - fresh.serial), UNNUMBERED
        self._last = snapshot.last
        table = fresh.numbered(base, since=fresh.serial, zones_digest=digest)
        try:
            led = await self._led_on(table, None if before is None else Served(base=base, digest=digest), fresh=True)
        except DnsblError:
            led = None
        return table.numbered(base, since=fresh.serial, zones_digest=UNNUMBERED) if led is None else led

    def _advance(self, serial: int) -> Advance | None:
        """What came behind this number, or None when the store tells another story than the one we know."""
        known = 0 if self._last is None else 1
        changes, epochs, number = self._source.advance(serial - known, most=MOST_CHANGES)
        if known and changes[:1] != [self._last]:
            return None
        new = changes[known:]
        if [change.seq for change in new] != list(range(serial + 1, serial + 1 + len(new))):
            return None
        return Advance(new, epochs, number)

    def _snapshot(self) -> tuple[Table, Snapshot]:
        """A fresh table, and what the store said with it."""
        snapshot = self._source.snapshot()
        return self.bounded.table(self._timed(Table.of, snapshot.rows, serial=snapshot.number)), snapshot

    def _timed(self, make: Callable[..., Table], *of_what: object, **and_what: object) -> Table:
        begun = self._clock.monotonic()
        table = make(*of_what, **and_what)
        self.build_seconds = self._clock.monotonic() - begun
        return table

    def _confirm(self, moment: float) -> None:
        for holder in self._holders:
            holder.confirm(moment)

    def _agree(self, served: Table, fresh: Table) -> bool:
        """Whether the log of changes leads from the older of these tables to the very rows of the newer."""
        older, newer = sorted((served, fresh), key=lambda table: table.serial)
        changes = [c for c in self._source.changes(older.serial, most=MOST_CHANGES) if c.seq <= newer.serial]
        if [change.seq for change in changes] != list(range(older.serial + 1, newer.serial + 1)):
            return False
        return older.changed(map(self.bounded.change, changes)).same_rows(newer)

    def _swap(self, table: Table | None) -> None:
        if self.table is None or table is None or table.epoch != self.table.epoch:
            self._write_after = self._clock.monotonic()  # the new epoch must outlive a crash
        if table is not None and table.zones_digest == self._zones_digest:
            self._known = max(self._known, table.epoch + table.serial)
        self.table = table
        for holder in self._holders:
            holder.table = table


def _number(path: Path) -> int:
    """The number in this file; 0 where there is none that could be a serial."""
    try:
        with path.open("rb") as file:
            number = int(file.read(30))
        return number if 0 <= number < 2**40 else 0
    except (OSError, ValueError):
        return 0
