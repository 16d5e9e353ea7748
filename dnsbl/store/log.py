"""The transparency log as it is kept: how far it has come, its tree, its leaves and its checkpoints.

What is full is never written again, and of one size there is one checkpoint. Not to be mistaken for `journal`, whose
entries the leaves are made of, nor for `changes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from dnsbl.log.leaves import DatedChange
from dnsbl.log.tiles import ENTRIES, Tile
from dnsbl.store.schema.entered import log_bundles, log_checkpoints, log_keys, log_state, log_tiles
from dnsbl.store.schema.listed import changes
from dnsbl.store.shelf import Shelf, columns, many
from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LogState:
    """What the log is, and how far it has come."""

    origin: str  #: its name
    salts: bytes  #: the key that salts are made with
    size: int  #: leaves
    entry: int  #: the last entry of the journal that is a leaf
    change: int  #: the last change that is
    begun: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LogKey:
    """A key that the log is signed with, or was."""

    vkey: str
    since: datetime
    ended: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptCheckpoint:
    """A checkpoint that is kept; `note` is "" until it is signed."""

    size: int
    root: bytes
    note: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """Leaves, and what came before the first of them."""

    number: int
    entry: int
    change: int
    content: bytes


class LogShelf(Shelf):
    """One log."""

    def state(self) -> LogState | None:
        """How far it has come, or None before it has begun."""
        found = many(LogState, self._sql.execute(select(*columns(log_state, LogState))))
        return found[0] if found else None

    def begin(self, *, origin: str, salts: bytes, at: datetime) -> None:
        """There is a log now, without leaves."""
        facts = {"origin": origin, "salts": salts, "size": 0, "entry": 0, "change": 0, "begun": at}
        self._sql.execute(insert(log_state).values(number=1, **facts))

    def clear(self) -> None:
        """There is no log any more; its keys stay known."""
        for each in (log_state, log_tiles, log_bundles, log_checkpoints):
            self._sql.execute(delete(each))

    def come_to(self, *, size: int, entry: int, change: int) -> None:
        """It has come so far."""
        self._sql.execute(update(log_state).values(size=size, entry=entry, change=change))

    def steps(self, after: int, *, most: int) -> list[DatedChange]:
        """The changes behind this number, in order."""
        wanted = select(*columns(changes, DatedChange)).where(changes.c.seq > after).order_by(changes.c.seq).limit(most)
        return many(DatedChange, self._sql.execute(wanted))

    # -- tree and leaves -----------------------------------------------------------------------------------
    def content(self, tile: Tile) -> bytes | None:
        """What stands there, which may be more than the tile's width; None where there is nothing."""
        if tile.level == ENTRIES:
            wanted = select(log_bundles.c.content).where(log_bundles.c.number == tile.number)
        else:
            at = (log_tiles.c.level == tile.level, log_tiles.c.number == tile.number)
            wanted = select(log_tiles.c.content).where(*at)
        found: bytes | None = self._sql.execute(wanted).scalar()
        return None if found is None else bytes(found)

    def put_tiles(self, content: Mapping[tuple[int, int], bytes]) -> None:
        """These stand there now."""
        for (level, number), octets in content.items():
            self._sql.execute(delete(log_tiles).where(log_tiles.c.level == level, log_tiles.c.number == number))
            self._sql.execute(insert(log_tiles).values(level=level, number=number, content=octets))

    def bundle(self, number: int) -> Bundle | None:
        """The bundle of this number."""
        found = many(Bundle, self._sql.execute(select(*_BUNDLE).where(log_bundles.c.number == number)))
        return found[0] if found else None

    def put_bundle(self, bundle: Bundle) -> None:
        """This stands there now."""
        self._sql.execute(delete(log_bundles).where(log_bundles.c.number == bundle.number))
        self._sql.execute(insert(log_bundles).values({name: getattr(bundle, name) for name in Bundle.__slots__}))

    def bundle_of(self, *, entry: int | None = None, change: int | None = None) -> Bundle | None:
        """The bundle that has the leaf of this entry, or of this change, if any has."""
        column, number = (log_bundles.c.entry, entry) if entry is not None else (log_bundles.c.change, change)
        wanted = select(*_BUNDLE).where(column < number).order_by(column.desc(), log_bundles.c.number.desc()).limit(1)
        found = many(Bundle, self._sql.execute(wanted))
        return found[0] if found else None

    # -- checkpoints and keys ------------------------------------------------------------------------------
    def newest(self) -> KeptCheckpoint | None:
        """The newest checkpoint."""
        found = many(KeptCheckpoint, self._sql.execute(select(*_KEPT).order_by(log_checkpoints.c.size.desc()).limit(1)))
        return found[0] if found else None

    def checkpoint(self, size: int) -> KeptCheckpoint | None:
        """The checkpoint of this size."""
        found = many(KeptCheckpoint, self._sql.execute(select(*_KEPT).where(log_checkpoints.c.size == size)))
        return found[0] if found else None

    def add_checkpoint(self, kept: KeptCheckpoint) -> None:
        """Of a size that has none yet; the database refuses a second one."""
        self._sql.execute(
            insert(log_checkpoints).values({name: getattr(kept, name) for name in KeptCheckpoint.__slots__})
        )

    def note(self, size: int, note: str) -> None:
        """The checkpoint of this size bears these signatures."""
        self._sql.execute(update(log_checkpoints).where(log_checkpoints.c.size == size).values(note=note))

    def keys(self, origin: str) -> list[LogKey]:
        """Every key that the log of this name has ever had, the oldest first."""
        wanted = select(*columns(log_keys, LogKey)).where(log_keys.c.vkey.startswith(f"{origin}+", autoescape=True))
        return many(LogKey, self._sql.execute(wanted.order_by(log_keys.c.since, log_keys.c.vkey)))

    def add_key(self, key: LogKey) -> None:
        """One more."""
        self._sql.execute(insert(log_keys).values(vkey=key.vkey, since=key.since, ended=key.ended))

    def end_key(self, vkey: str, at: datetime) -> None:
        """It signs no more."""
        self._sql.execute(update(log_keys).where(log_keys.c.vkey == vkey).values(ended=at))


_BUNDLE = columns(log_bundles, Bundle)
_KEPT = columns(log_checkpoints, KeptCheckpoint)
