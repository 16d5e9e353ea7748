"""The journal: append-only, each entry holding the hash of the one before, so that a changed past shows.

The hash is SHA-256 over the entry as JSON: all fields but the hash itself, keys sorted, no blanks, ASCII, the time
in microseconds since the epoch, hashes in hexadecimal. It is stored once and as octets: which hash an entry holds of
the one before is read there, so one that was changed, taken out or put in shows by those behind it. Writers take turns
(see `database`), so the chain has one end. What the chain cannot show is that its newest entries were cut off; keep the
last hash elsewhere to see that too.

The journal is also what the list knows of time: no entry is made at a time that is not believed (see `timekeeper`), and
so nothing is decided, since whatever is decided is entered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from enum import Enum, auto
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    Select,
    bindparam,
    func,
    insert,
    literal_column,
    null,
    select,
    type_coerce,
)

from dnsbl.errors import Damaged, StoreUnavailable, Trouble
from dnsbl.model import Entry
from dnsbl.store.clerk import Clerk, prepared
from dnsbl.store.columns import clean, micros
from dnsbl.store.schema.entered import ENTRY, START, STRETCH, journal, stretch
from dnsbl.store.schema.manned import nodes
from dnsbl.store.shelf import Shelf, many
from dnsbl.store.timekeeper import Timekeeper

#: Entries that one page of a search looks at.
WINDOW = 50_000
#: Characters of one field that are kept: an entry names its evidence, it does not hold it.
FIELD_MOST = 1000
#: The journal's subject for the clock, on which an operator has the last word.
CLOCK = "clock"


def _back(entries: FromClause) -> tuple[ColumnElement[Any], ...]:
    """The order from the newest entry of a subject back, which the index of subjects has."""
    return stretch(entries).desc(), entries.c.seq.desc()


_INSERT = prepared(insert(journal))
_NEWEST = select(*ENTRY).limit(bindparam("most"))
_LAST = prepared(_NEWEST.order_by(journal.c.seq.desc()))
_LAST_OF = prepared(_NEWEST.where(journal.c.subject == bindparam("subject")).order_by(*_back(journal)))


def _end(*, tells_time: bool) -> Select[Any]:
    """The end of the chain, with what the store knows of time: on PostgreSQL also what its own clock says. It has no
    parameter, so that PostgreSQL plans it once."""
    entries = journal.alias()
    word = select(entries.c.seq).where(entries.c.subject == literal_column(f"'{CLOCK}'")).order_by(*_back(entries))
    wanted = select(
        journal.c.seq,
        journal.c.hash,
        journal.c.at,
        select(func.max(nodes.c.seen)).scalar_subquery().label("seen"),
        word.limit(literal_column("1")).scalar_subquery().label("word"),
        type_coerce(func.clock_timestamp() if tells_time else null(), DateTime(timezone=True)).label("store"),
    )
    return wanted.order_by(journal.c.seq.desc()).limit(literal_column("1"))


_END = {tells_time: prepared(_end(tells_time=tells_time), fresh=True) for tells_time in (False, True)}


class Clocked(Enum):
    """What becomes of an entry whose time is not believed."""

    HELD = auto()  # it is not made
    NOTED = auto()  # it is made, at the newest time that the store knows: what must be possible at any time
    TRUSTED = auto()  # an operator says that the time is right


class Journal(Shelf):
    """Entries in order; there is no way to change one."""

    def __init__(self, clerk: Clerk, timekeeper: Timekeeper | None = None) -> None:
        super().__init__(clerk)
        self._timekeeper = timekeeper
        self._tail: tuple[int, str] | None = None  # the last entry's number and hash, once they were looked for
        self.made: list[Entry] = []  #: the entries of this transaction, in order
        self._instead: datetime | None = None  # the time that entries of this transaction bear in place of theirs

    def append(
        self,
        *,
        at: datetime,
        actor: str,
        subject: str,
        verb: str,
        reason: str,
        before: str = "",
        after: str = "",
        evidence: str = "",
        clocked: Clocked = Clocked.HELD,
    ) -> Entry:
        """Add an entry to the end of the chain. Raises StoreUnavailable when its time is not believed.

        The first entry of a transaction decides for all: writers take turns, so the end of the chain is then known.
        """
        last, previous = self._tail or self.hold(at, clocked)
        seq = last + 1
        if self._instead is not None:
            evidence = f"{evidence} (entered while the clock said {at:%Y-%m-%dT%H:%M:%SZ})".strip()
            at = self._instead
        texts = {"actor": actor, "subject": subject, "verb": verb, "reason": reason}
        texts |= {"before": before, "after": after, "evidence": evidence}
        facts: dict[str, Any] = {name: clean(text)[:FIELD_MOST] for name, text in texts.items()}
        facts |= {"seq": seq, "at": at, "previous": previous}
        entry = Entry(**facts, hash=_hash(facts))
        self._sql.later(_INSERT, _row(entry))
        self._tail = seq, entry.hash
        self.made.append(entry)
        return entry

    def hold(self, at: datetime, clocked: Clocked = Clocked.HELD) -> tuple[int, str]:
        """Hold a time against what the store knows; returns number and hash of the last entry.

        Raises StoreUnavailable, with a sentence for operators, when it is not believed.
        """
        why, newest, self._tail = self._judged(at)
        if why and clocked is Clocked.HELD:
            raise StoreUnavailable(why, trouble=Trouble.CLOCK)
        if why and clocked is Clocked.NOTED:
            self._instead = newest
        return self._tail

    def strange(self, at: datetime) -> str:
        """Why this time is not believed, or ""."""
        return self._judged(at)[0]

    def believed(self, at: datetime) -> datetime:
        """This time, or where it is not believed the newest that the store knows."""
        why, newest, _ = self._judged(at)
        return newest if why and newest is not None else at

    def _judged(self, at: datetime) -> tuple[str, datetime | None, tuple[int, str]]:
        """Why a time is not believed, the newest one that the store knows, and the end of the chain."""
        last = self._sql.execute(_END[self._sql.dialect.name == "postgresql"]).one_or_none()
        if last is None:
            return "", None, (0, START)
        newest = max(last.at, last.seen or last.at)
        why = ""
        if self._timekeeper is not None:
            why = self._timekeeper.judge(at, store=last.store, newest=newest, word=last.word or 0)
        return why, newest, (last.seq, last.hash)

    def read(self, subject: str | None, *, most: int) -> list[Entry]:
        """The last `most` entries, of one subject or of all, oldest first."""
        if subject is None:
            return many(Entry, self._sql.execute(_LAST, {"most": most}))[::-1]
        return many(Entry, self._sql.execute(_LAST_OF, {"subject": subject, "most": most}))[::-1]

    def read_each(self, subjects: Sequence[str], *, most: int) -> list[Entry]:
        """The last `most` entries of these subjects, a thousand at most, oldest first."""
        wanted = select(*ENTRY).where(journal.c.subject.in_(subjects)).order_by(journal.c.seq.desc()).limit(most)
        return many(Entry, self._sql.execute(wanted))[::-1]

    def last(self, subjects: Iterable[str]) -> dict[str, Entry]:
        """The last entry of each of these subjects that has any."""
        each = select(func.max(journal.c.seq)).where(journal.c.subject.in_(subjects)).group_by(journal.c.subject)
        found = many(Entry, self._sql.execute(select(*ENTRY).where(journal.c.seq.in_(each))))
        return {entry.subject: entry for entry in found}

    def page(
        self,
        *,
        subject: str | None = None,
        actor: str = "",
        verb: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        most: int,
    ) -> tuple[list[Entry], int | None]:
        """Entries, the newest first, those before the one of this number; and the number before which there may be
        more, or None.

        Of one subject by its index; else WINDOW entries are looked at and no more, so that a search for what there is
        nowhere costs the same in a journal of any length.
        """
        end = before if before is not None else self._next()
        if until is not None:
            end = min(end, self.number_at(until))
        start = self.number_at(since) if since is not None else 1
        low = start if subject is not None else max(start, end - WINDOW)
        wanted = select(*ENTRY).where(journal.c.seq >= low, journal.c.seq < end)
        if subject is not None:
            near = stretch(journal).between(low >> STRETCH, end >> STRETCH)
            wanted = wanted.where(journal.c.subject == subject, near).order_by(stretch(journal).desc())
        if actor:
            wanted = wanted.where(journal.c.actor.contains(actor, autoescape=True))
        if verb:
            wanted = wanted.where(journal.c.verb == verb)
        found = many(Entry, self._sql.execute(wanted.order_by(journal.c.seq.desc()).limit(most)))
        if len(found) == most:
            return found, found[-1].seq if found[-1].seq > start else None
        return found, low if low > start else None

    def _next(self) -> int:
        """The number that the next entry will have."""
        return (self._sql.execute(select(func.max(journal.c.seq))).scalar() or 0) + 1

    def number_at(self, moment: datetime) -> int:
        """The number of the first entry made then or later; by halves, as their times grow."""
        low, high = 1, self._next()
        while low < high:
            middle = (low + high) // 2
            at = self._sql.execute(select(journal.c.at).where(journal.c.seq == middle)).scalar()
            if at is not None and at < moment:
                low = middle + 1
            else:
                high = middle
        return low

    def after(self, number: int, *, most: int) -> list[Entry]:
        """The entries behind this number, in order; at most so many."""
        wanted = select(*ENTRY).where(journal.c.seq > number).order_by(journal.c.seq).limit(most)
        return many(Entry, self._sql.execute(wanted))

    def replay(self, entries: Iterable[Entry]) -> None:
        """Add entries as they were once made, from elsewhere, to the end of the chain. Raises Damaged for one that does
        not hold there; then nothing of this transaction counts."""
        last = self.read(None, most=1)
        seq, previous = (last[0].seq, last[0].hash) if last else (0, START)
        for entry in entries:
            if (entry.seq, entry.previous, entry.hash) != (seq + 1, previous, digest(entry)):
                raise Damaged(f"Entry {entry.seq} does not follow entry {seq} of the journal.")
            self._sql.later(_INSERT, _row(entry))
            seq, previous = entry.seq, entry.hash
        self._tail = None

    def verify(self) -> int:
        """Follow the whole chain; returns its length. Raises Damaged naming the first entry that does not hold."""
        expected, previous = 1, START
        wanted = select(journal).order_by(journal.c.seq).execution_options(yield_per=1000)
        with self._sql.execute(wanted) as rows:
            for row in rows:
                entry = Entry(**row._mapping, previous=previous)
                if entry.seq != expected:
                    raise Damaged(f"The journal lacks entry {expected}.")
                if entry.hash != digest(entry):
                    raise Damaged(f"Entry {entry.seq} of the journal was changed, or the one before it.")
                expected, previous = expected + 1, entry.hash
        return expected - 1


_STORED = tuple(journal.columns.keys())
_HASHED = tuple(field.name for field in fields(Entry) if field.name != "hash")


def digest(entry: Entry) -> str:
    """The hash that this entry should bear."""
    return _hash({name: getattr(entry, name) for name in _HASHED})


def _hash(facts: dict[str, Any]) -> str:
    told = json.dumps(facts | {"at": micros(facts["at"])}, sort_keys=True, separators=(",", ":"))
    return sha256(told.encode()).hexdigest()


def _row(entry: Entry) -> dict[str, Any]:
    """What is stored of it: all but the hash of the one before."""
    return {column: getattr(entry, column) for column in _STORED}
