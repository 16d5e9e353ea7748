"""Follows another node's published table: what a node that answers DNS and has no database does in the place of `feed`.

A shell around `dns.listed.published`. The other node's head is asked for again and again, on condition that it is a new
one; its signature is looked at before anything else, and a head that goes back, in serial or in time, is refused. Then
the files that it names and that are not here are fetched, each checked by its hash, and the table made of them is
served. All of it lies in one folder, where a start finds it without a network, and from where it may be handed on as it
is to nodes that follow this one: the head comes last, and no node but the first can change a word of it.

How old the table is counts from when the store of the first node stood by it, however long the chain. What is heard in
vain leaves the last good table in service; the next look waits longer and longer.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dnsbl.clock import Clock, SystemClock
from dnsbl.dns.listed import published
from dnsbl.dns.listed.published import HEAD, MOST_HEAD, Bulletin, Piece
from dnsbl.dns.listed.table import Table
from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import make_folder, write_whole
from dnsbl.model import Change
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.bounded import Bounded
from dnsbl.serving.feed import LONGEST_WAIT, Holder
from dnsbl.serving.publisher import read_changes, tidy
from dnsbl.serving.upstream import Upstream

#: Seconds by which the other node's clock may be ahead of ours.
AHEAD = 600.0

_log = logging.getLogger(__name__)


class _Found(NamedTuple):
    """What a look has brought."""

    head: Bulletin
    table: Table
    log: tuple[Change, ...]  #: the changes behind the head's table file


class Follower:
    """One other node, any number of holders, one folder.

    `genuine` says whether a text has this signature by the other node's key. `poll` is the time between two looks in
    seconds, `largest` how many octets its table may have, unpacked. `zones_digest` is `Zones.digest` of what the
    holders answer with; `bounds` say what the list may hold: all else is left out, with an alarm (RFC 6471 3.5).
    """

    def __init__(
        self,
        upstream: Upstream,
        genuine: Callable[[bytes, bytes], bool],
        holders: Iterable[Holder],
        *,
        folder: Path,
        poll: float,
        largest: int,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
        zones_digest: str = "-",
        bounds: Bounds = Bounds(),  # noqa: B008 (immutable)
    ) -> None:
        self.table: Table | None = None
        self.problem = ""  #: one sentence while the other node cannot be followed, or ""
        self.unnumbered = ""  #: one sentence while the serial stands for other zones than those here, or ""
        self.unsaved = ""  #: nothing is served here that is not on disk
        self.counters = dict.fromkeys(("snapshots", "changes", "failures", "refused", "octets", "left_out"), 0)
        self.build_seconds = 0.0  #: how long the last table took to make
        self._upstream = upstream
        self._genuine = genuine
        self._holders = tuple(holders)
        self._folder = folder
        self._poll = poll
        self._largest = largest
        self._clock = clock
        self._zones_digest = zones_digest
        self.bounded = Bounded(bounds, "the table", self.counters, _log)
        self._wait = poll
        self._known: _Found | None = None
        self._seen: Bulletin | None = None  # the last head here, even where its files are damaged
        self._etag = ""

    def changes(self, after: int, *, most: int = 10000, epoch: int | None = None) -> list[Change]:
        """The changes behind a number, as far as they are here, and of the table of this epoch; for transfers."""
        known, table = self._known, self.table
        if epoch is not None and (table is None or table.epoch != epoch):
            return []
        if known is None or after < known.head.table.to:
            return []
        begin = after - known.head.table.to
        return list(known.log[begin : begin + most])

    async def run(self, stop: asyncio.Event) -> None:
        """Have a table, then look until `stop` is set."""
        await self.ready()
        while not stop.is_set():
            wait = await self.step()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)
        self._upstream.close()

    async def ready(self) -> None:
        """Have a table: the one on disk, or else the other node's. Never raises."""
        if self.table is None:
            await self.load()
        if self.table is None:
            await self.step()

    async def load(self) -> None:
        """Serve what is on disk, if it is all there and signed. Never raises."""
        try:
            found = await asyncio.to_thread(self._on_disk)
        except FileNotFoundError:
            return
        except (OSError, DnsblError) as error:
            _log.warning("%s is not used: %s", self._folder, error)
            return
        self._serve(found)

    async def step(self) -> float:
        """Look once; returns the seconds until the next look. Never raises."""
        unknown: Exception | None = None
        problem = ""
        try:
            found = await asyncio.to_thread(self._look)
            if found is not None:
                self._serve(found)
        except DnsblError as error:
            problem = f"the table is not followed: {error}"
        except OSError as error:
            problem = f"the table is not followed: {self._folder}: {error.strerror}"
        except Exception as error:
            problem, unknown = f"the table is not followed: {type(error).__name__}", error
        self.counters["octets"] = self._upstream.octets
        if problem:
            self.counters["failures"] += 1
            self._wait = min(self._wait * 2, LONGEST_WAIT)
            self._etag = ""
        else:
            self._wait = self._poll
        if problem != self.problem:
            _log.warning("%s", problem or "the table is followed again", exc_info=unknown)
            self.problem = problem
        return self._wait

    async def rezone(self, digest: str) -> None:
        """The zone files have changed. The serial stays the other node's."""
        self._zones_digest = digest
        if self._known is not None:
            self._compare(self._known.head)

    def _look(self) -> _Found | None:
        """What is new at the other node, or None. Raises DnsblError, OSError."""
        given = self._upstream.small(HEAD, most=MOST_HEAD, known=self._etag)
        if given is None:
            return None
        signed, etag = given
        head = self._opened(signed)
        found: _Found | None = None
        if self._known is None or head != self._known.head:
            make_folder(self._folder)
            for piece in head.pieces:
                self._fetch(piece)
            found = self._made(head)
            write_whole(self._folder / HEAD, [signed])
            tidy(self._folder, head, self._known.head if self._known else None, now=self._clock.now().timestamp())
        self._etag = etag
        return found

    def _opened(self, signed: bytes) -> Bulletin:
        """The head in these bytes, if it is genuine and may follow the one that is known. Raises Damaged."""
        try:
            head = published.opened(signed, self._genuine)
            if head.table.plain > self._largest:
                raise Damaged(f"its table has {head.table.plain} octets, follow.largest allows {self._largest}")
            if head.made > self._clock.now().timestamp() + AHEAD:
                raise Damaged("it was made in the future: its clock or ours is wrong")
            was = self._seen
            if was is not None and head.older(was):
                raise Damaged(
                    f"it tells of an older list (serial {head.serial} of {head.made:.0f}) than is here (serial "
                    f"{was.serial} of {was.made:.0f}): not taken over; if that is right, stop, remove {self._folder} "
                    "and start again"
                )
        except Damaged:
            self.counters["refused"] += 1
            raise
        return head

    def _fetch(self, piece: Piece) -> None:
        """Have this file here. While no table is served, or the last look has failed, one that is here is looked at
        too, since it may be what fails. Raises DnsblError, OSError."""
        path = self._folder / piece.name
        doubted = self._known is None or self.problem
        if path.exists() and not (doubted and _digest(path) != piece.digest):
            return
        if piece.packed > self._largest:
            raise Damaged(f"{piece.name} has {piece.packed} octets, follow.largest allows {self._largest}")
        draft = path.with_suffix(".fetched")
        self._upstream.whole(piece.name, draft, size=piece.packed)
        if _digest(draft) != piece.digest:
            draft.unlink()
            self.counters["refused"] += 1
            raise Damaged(f"{piece.name} is not the file that was signed")
        draft.replace(path)

    def kept(self) -> tuple[Bulletin, Table]:
        """What is on disk: the head and its table, as holders are given it; nobody is asked. Raises DnsblError, OSError
        (FileNotFoundError where nothing was fetched yet)."""
        found = self._on_disk()
        return found.head, found.table

    def _on_disk(self) -> _Found:
        """What is on disk. Raises DnsblError, OSError."""
        self._seen = published.opened((self._folder / HEAD).read_bytes(), self._genuine)
        return self._made(self._seen)

    def _made(self, head: Bulletin) -> _Found:
        """The table that the files here make. Raises DnsblError, OSError."""
        begun = self._clock.monotonic()
        known = self._known
        if known is not None and known.head.table == head.table and known.head.epoch == head.epoch:
            table, log = known.table, list(known.log)
        else:
            table, log = self._unpacked(head), []
        at = table.serial
        for piece in head.changes:
            if piece.to > at:
                new = [change for change in read_changes(self._folder, piece) if change.seq > at]
                table, at = table.changed(map(self.bounded.change, new)), piece.to
                log += new
        if table.serial != head.change:
            raise Damaged(f"the files lead to change {table.serial}, and {head.change} was signed")
        self.build_seconds = self._clock.monotonic() - begun
        return _Found(head, table.merged() if table.crowded else table, tuple(log))

    def _unpacked(self, head: Bulletin) -> Table:
        """The table file, unpacked beside and mapped. Raises DnsblError, OSError."""
        piece = head.table
        packed, plain = self._folder / piece.name, self._folder / piece.name.removesuffix(".gz")
        if not plain.exists() or plain.stat().st_size != piece.plain:
            write_whole(plain, published.unpacked(_parts(packed), piece))
        table = Table.mapped(plain)
        try:
            table.verify()
            if (table.serial, table.epoch) != (piece.to, head.epoch):
                raise Damaged("it is another table than the head says")
        except Damaged:
            plain.unlink()
            raise
        since = max(table.since, piece.to)  # what came before is in no file
        return self.bounded.table(table.numbered(table.epoch, since=since, zones_digest=table.zones_digest))

    def _serve(self, found: _Found) -> None:
        known = self._known
        if known is None or known.head.table != found.head.table:
            self.counters["snapshots"] += 1
        else:
            self.counters["changes"] += max(0, found.head.change - known.head.change)
        self._known, self._seen = found, found.head
        self._compare(found.head)
        if found.table is not self.table:
            self.table = found.table
            for holder in self._holders:
                holder.table = found.table
        for holder in self._holders:
            holder.confirm(min(found.head.made, self._clock.now().timestamp()))

    def _compare(self, head: Bulletin) -> None:
        """Say once when the zones here are not those of the other node: then no secondary gets them from here."""
        differ = ""
        if head.zones != self._zones_digest:
            differ = (
                "secondaries get no zone from here: the zone files, web.base_url or what the list may hold are not "
                "those of the node that is followed"
            )
        if differ and not self.unnumbered:
            _log.warning("%s", differ)
        self.unnumbered = differ


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            yield part
