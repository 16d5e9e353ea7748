"""The journal: append-only, each entry holding the hash of the one before, so that a changed past shows.

The hash is SHA-256 over the entry as JSON: all fields but the hash itself, keys sorted, no blanks, ASCII, the time
in microseconds since the epoch. Writers take turns (see `database`), so the chain has one end. What the chain cannot
show is that its newest entries were cut off; keep the last hash elsewhere to see that too.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from hashlib import sha256

from sqlalchemy import insert, select

from dnsbl.errors import Damaged
from dnsbl.model import Entry
from dnsbl.store.columns import clean, micros
from dnsbl.store.schema import journal
from dnsbl.store.shelf import Shelf, columns, many

#: What stands before the first entry.
START = "0" * 64
#: Characters of one field that are kept: an entry names its evidence, it does not hold it.
FIELD_MOST = 1000


class Journal(Shelf):
    """Entries in order; there is no way to change one."""

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
    ) -> Entry:
        """Add an entry to the end of the chain."""
        last = self._sql.execute(
            select(journal.c.seq, journal.c.hash).order_by(journal.c.seq.desc()).limit(1)
        ).one_or_none()
        seq, previous = (last.seq + 1, last.hash) if last else (1, START)
        texts = {"actor": actor, "subject": subject, "verb": verb, "reason": reason}
        texts |= {"before": before, "after": after, "evidence": evidence}
        entry = Entry(
            seq=seq,
            at=at,
            previous=previous,
            hash="",
            **{name: clean(text)[:FIELD_MOST] for name, text in texts.items()},
        )
        values = {name: getattr(entry, name) for name in _HASHED} | {"hash": digest(entry)}
        self._sql.execute(insert(journal).values(values))
        return Entry(**values)

    def read(self, subject: str | None, *, most: int) -> list[Entry]:
        """The last `most` entries, of one subject or of all, oldest first."""
        wanted = select(*columns(journal, Entry)).order_by(journal.c.seq.desc()).limit(most)
        if subject is not None:
            wanted = wanted.where(journal.c.subject == subject)
        return many(Entry, self._sql.execute(wanted))[::-1]

    def verify(self) -> int:
        """Follow the whole chain; returns its length. Raises Damaged naming the first entry that does not hold."""
        expected, previous = 1, START
        wanted = select(*columns(journal, Entry)).order_by(journal.c.seq).execution_options(yield_per=1000)
        with self._sql.execute(wanted) as rows:
            for row in rows:
                entry = Entry(**row._mapping)
                if entry.seq != expected:
                    raise Damaged(f"The journal lacks entry {expected}.")
                if entry.previous != previous or entry.hash != digest(entry):
                    raise Damaged(f"Entry {entry.seq} of the journal was changed, or the one before it.")
                expected, previous = expected + 1, entry.hash
        return expected - 1


_HASHED = tuple(field.name for field in fields(Entry) if field.name != "hash")


def digest(entry: Entry) -> str:
    """The hash that this entry should bear."""
    facts = {name: getattr(entry, name) for name in _HASHED} | {"at": micros(entry.at)}
    return sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
