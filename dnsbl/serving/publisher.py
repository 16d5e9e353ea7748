"""Publishes the table: keeps a folder of signed files from which nodes without a database follow the list.

A shell around `dns.listed.published`. The feed hands it every table, as it does to the responder; the changes are asked
of the store, in a thread. Whoever serves the folder needs no key: the web role, `publish.listen`, or any web server. A
head is made anew when the table has changed, and every few seconds as long as the store stands by it, so that those who
follow know how old what they have is. It is written last, and files that it no longer names stay for a while for those
who are fetching them. What is published after a start goes on from what was before, where the log leads on.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from dnsbl.clock import Clock, SystemClock
from dnsbl.dns.listed import published
from dnsbl.dns.listed.published import BLOCK, HEAD, MOST_BLOCKS, Bulletin, Piece
from dnsbl.dns.listed.table import Table
from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import make_folder, write_whole
from dnsbl.logbook.events import tell
from dnsbl.model import Change
from dnsbl.serving.signet import Signet, verifier
from dnsbl.serving.transfers import Log

#: Seconds between two looks, and between two heads when nothing has changed.
EVERY, AGAIN = 0.25, 5.0
#: Seconds for which a file that is named no more can still be fetched.
KEPT = 900.0

_log = logging.getLogger(__name__)


class Publisher:
    """The publisher of one folder. `signet` gives the key, and raises DnsblError."""

    def __init__(
        self,
        log: Log,
        folder: Path,
        signet: Callable[[], Signet],
        *,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
    ) -> None:
        self.table: Table | None = None
        self.problem = ""  #: one sentence while nothing can be published, or ""
        self._log = log
        self._folder = folder
        self._signet = signet
        self._clock = clock
        self._made = 0.0
        self._head: Bulletin | None = None  # what is published
        self._open: list[Change] = []  # the changes in its last file

    def confirm(self, moment: float) -> None:
        """The store stood by the table at this moment; Unix seconds."""
        self._made = moment

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set."""
        while not stop.is_set():
            await self.step()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)

    async def step(self) -> None:
        """Publish what is new. Never raises."""
        table, made, head = self.table, self._made, self._head
        if table is None or not made:
            return
        same = head is not None and (table.serial, table.epoch) == (head.change, head.epoch)
        if same and head is not None and made < head.made + AGAIN:
            return
        try:
            await asyncio.to_thread(self._publish, table, made)
            problem = ""
        except DnsblError as error:
            problem = f"the table is not published: {error}"
        except OSError as error:
            problem = f"the table is not published: {self._folder}: {error.strerror}"
        if problem != self.problem:
            _log.warning("%s", problem or "the table is published again")
        self.problem = problem

    def _publish(self, table: Table, made: float) -> None:
        signet = self._signet()
        if self._head is None:
            self._resume(signet)
        pieces = self._extended(table, self._head) if self._head else None
        if pieces is None:
            pieces, self._open = [self._written("table", 0, table.serial, table.parts())], []
        whole, *changes = pieces
        head = Bulletin(
            made=max(made, self._head.made if self._head else 0.0),  # never back
            change=table.serial,
            epoch=table.epoch,
            zones=table.zones_digest,
            table=whole,
            changes=tuple(changes),
        )
        write_whole(self._folder / HEAD, [published.sealed(head.text(), signet.sign)])
        tidy(self._folder, head, self._head, now=self._clock.now().timestamp())
        before, self._head = self._head, head
        if before is not None and (before.change, before.epoch, before.zones) == (head.change, head.epoch, head.zones):
            return  # the same table, and that the store stands by it
        tell(_log, "table-published", change=head.change, serial=table.soa_serial, files=len(pieces))

    def _resume(self, signet: Signet) -> None:
        """Take up what was published before, if it is all there."""
        try:
            given = (self._folder / HEAD).read_bytes()
            head = published.opened(given, verifier(signet.public))
            if any((self._folder / piece.name).stat().st_size != piece.packed for piece in head.pieces):
                return
            self._open = read_changes(self._folder, head.changes[-1]) if head.changes else []
        except (OSError, Damaged):
            return
        self._head = head

    def _extended(self, table: Table, head: Bulletin) -> list[Piece] | None:
        """The head's files with the changes that lead on to this table; None where they do not."""
        if table.epoch != head.epoch or table.zones_digest != head.zones or table.since > head.table.to:
            return None
        if not head.change <= table.serial <= head.table.to + BLOCK * MOST_BLOCKS:
            return None
        pieces, open_changes, at = list(head.changes), list(self._open), head.change
        while at < table.serial:
            most = min(table.serial - at, BLOCK)
            new = self._log.changes(at, most=most)
            if [change.seq for change in new] != list(range(at + 1, at + most + 1)):
                return None
            at += most
            if len(open_changes) < BLOCK and pieces:
                pieces.pop()
            else:
                open_changes = []
            room = BLOCK - len(open_changes)
            for part in (open_changes + new[:room], new[room:]):
                if part:
                    open_changes = part
                    pieces.append(self._written("changes", part[0].seq - 1, part[-1].seq, [published.lines(part)]))
        self._open = open_changes
        return [head.table, *pieces]

    def _written(self, what: str, after: int, to: int, parts: Iterable[bytes | memoryview]) -> Piece:
        """Write a file, which gets its name when all of it is there."""
        make_folder(self._folder)
        draft, digest, sizes = self._folder / what, hashlib.sha256(), [0, 0]

        def plain() -> Iterator[bytes | memoryview]:
            for part in parts:
                sizes[0] += len(part)
                yield part

        def packed() -> Iterator[bytes]:
            for part in published.packed(plain()):
                digest.update(part)
                sizes[1] += len(part)
                yield part

        write_whole(draft, packed())
        piece = Piece(what=what, after=after, to=to, digest=digest.hexdigest(), packed=sizes[1], plain=sizes[0])
        draft.replace(self._folder / piece.name)
        return piece


def read_changes(folder: Path, piece: Piece) -> list[Change]:
    """The changes in a file of this folder. Raises Damaged, OSError."""
    with (folder / piece.name).open("rb") as file:
        given = file.read(piece.packed + 1)
    if hashlib.sha256(given).hexdigest() != piece.digest:
        raise Damaged(f"{piece.name} is not the file that the head names")
    return published.changes(b"".join(published.unpacked([given], piece)), piece)


def tidy(folder: Path, head: Bulletin, was: Bulletin | None, *, now: float) -> None:
    """Remove what no head has named for `KEPT` seconds; `was` is the head before this one, `now` Unix seconds."""
    for piece in was.pieces if was else ():
        if piece not in head.pieces:
            with suppress(OSError):
                os.utime(folder / piece.name, (now, now))
    named = {HEAD, *(name for piece in head.pieces for name in (piece.name, piece.name.removesuffix(".gz")))}
    for path in folder.iterdir():
        with suppress(OSError):
            if path.name not in named and path.stat().st_mtime < now - KEPT:
                path.unlink()
