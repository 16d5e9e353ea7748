"""Suspects that wait for their turn to be nominated: from feeds, imported lists and watched look-ups."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select

from dnsbl.model import Candidate
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.nominated import candidates
from dnsbl.store.shelf import Shelf, columns, many

_ALL = columns(candidates, Candidate)

_BRINGER = prepared(select(func.min(candidates.c.bringer)).where(candidates.c.bringer > bindparam("behind")))
_OLDEST_OF = prepared(
    select(*_ALL).where(candidates.c.bringer == bindparam("bringer")).order_by(candidates.c.id).limit(1)
)
_OLD = prepared(select(candidates.c.id).where(candidates.c.added < bindparam("moment")).limit(1))


class Candidates(Shelf):
    """One row for each address and bringer. What was nominated, or is too old, goes."""

    def add(self, candidate: Candidate) -> bool:
        """Store one; False where this bringer's is here already."""
        known = select(candidates.c.id).where(
            candidates.c.address == candidate.address, candidates.c.bringer == candidate.bringer
        )
        if self._sql.execute(known.limit(1)).one_or_none() is not None:
            return False
        row = {field.name: getattr(candidate, field.name) for field in _ALL if field.name != "id"}
        self._sql.execute(insert(candidates).values(row))
        return True

    def next(self, *, but: Iterable[str] = ()) -> list[Candidate]:
        """The oldest one of each bringer, but of these; whose is oldest comes first. Bringers are few, however much
        each has brought: from one to the next the index leads."""
        found, left = list[Candidate](), set(but)
        bringer = self._sql.execute(_BRINGER, {"behind": ""}).scalar()
        while bringer is not None:
            if bringer not in left:
                found += many(Candidate, self._sql.execute(_OLDEST_OF, {"bringer": bringer}))
            bringer = self._sql.execute(_BRINGER, {"behind": bringer}).scalar()
        return sorted(found, key=lambda each: each.id)

    def is_old(self, moment: datetime) -> bool:
        """Whether any waits since before then."""
        return self._sql.execute(_OLD, {"moment": moment}).first() is not None

    def counts(self) -> dict[str, int]:
        """How many wait, by bringer."""
        wanted = select(candidates.c.bringer, func.count()).group_by(candidates.c.bringer)
        return {row.bringer: row[1] for row in self._sql.execute(wanted.order_by(candidates.c.bringer))}

    def drop(self, number: int) -> None:
        """This one had its turn."""
        self._sql.execute(delete(candidates).where(candidates.c.id == number))

    def drop_of(self, bringer: str, *, most: int) -> int:
        """The oldest of one bringer, at most so many; returns how many."""
        oldest = select(candidates.c.id).where(candidates.c.bringer == bringer).order_by(candidates.c.id).limit(most)
        return self._sql.execute(delete(candidates).where(candidates.c.id.in_(oldest))).rowcount

    def drop_before(self, moment: datetime, *, most: int) -> int:
        """Those that wait since before then, at most so many; returns how many."""
        old = select(candidates.c.id).where(candidates.c.added < moment).limit(most)
        return self._sql.execute(delete(candidates).where(candidates.c.id.in_(old))).rowcount
