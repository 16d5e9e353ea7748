"""Letters: what was issued, before it is offered, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, insert, or_, select, update

from dnsbl.store.clerk import prepared
from dnsbl.store.schema.tested import letters, paths
from dnsbl.store.shelf import Shelf
from tester.fate import Fate
from tester.letter import Letter

_WAY = and_(paths.c.run == letters.c.run, paths.c.number == letters.c.path)
_FATES = select(letters, paths.c.address, paths.c.port).join(paths, _WAY)
_OF = prepared(_FATES.where(letters.c.run == bindparam("run")).order_by(letters.c.id))
_SOME = prepared(
    _FATES.where(letters.c.run == bindparam("run"), letters.c.recipient.in_(bindparam("among", expanding=True)))
)
_FIND = prepared(_FATES.where(or_(letters.c.recipient == bindparam("token"), letters.c.sender == bindparam("token"))))
_ADD = prepared(insert(letters))
_CHANGE = prepared(update(letters).where(letters.c.recipient == bindparam("of")))


class Letters(Shelf):
    """One row a letter, in the order of issue. What the conversation and what the collector say of it are written
    apart, since either may speak while the other does."""

    def add(self, issued: Iterable[Letter], *, path: int = 0) -> int:
        """Store letters of a run that has begun, for its way in of this number; returns how many."""
        rows = [
            {
                "recipient": letter.recipient,
                "sender": letter.sender,
                "run": letter.run,
                "vector": letter.vector,
                "not_before": letter.not_before,
                "not_after": letter.not_after,
                "proof_hash": letter.proof_hash,
                "reply": "",
                "path": path,
            }
            for letter in issued
        ]
        self._sql.later(_ADD, *rows)
        return len(rows)

    def of(self, run: str) -> list[Fate]:
        """The letters of a run, in the order of trial."""
        return self._sql.execute(_OF, {"run": run}).each(_fate)

    def some(self, run: str, tokens: Sequence[str]) -> list[Fate]:
        """Those letters of a run that have one of these recipient tokens."""
        return self._sql.execute(_SOME, {"run": run, "among": list(tokens)}).each(_fate) if tokens else []

    def find(self, token: str) -> Fate | None:
        """The letter with this recipient or sender token."""
        row = self._sql.execute(_FIND, {"token": token}).one_or_none()
        return None if row is None else _fate(row)

    def newest(self, *, most: int) -> list[Letter]:
        """The letters that were issued last."""
        rows = self._sql.execute(_FATES.order_by(letters.c.id.desc()).limit(most))
        return [_fate(row).letter for row in rows]

    def tell(self, fates: Iterable[Fate]) -> None:
        """What the conversation has made of letters."""
        told = [
            {
                "of": fate.letter.recipient,
                "outcome": fate.outcome,
                "reply": fate.reply,
                "dot_at": None if fate.dot_at is None else datetime.fromtimestamp(fate.dot_at, UTC),
            }
            for fate in fates
        ]
        self._sql.later(_CHANGE, *told)

    def note(self, fate: Fate) -> None:
        """What the collector has found of a letter."""
        self._sql.later(_CHANGE, {"of": fate.letter.recipient, "finding": fate.finding})


def _fate(row: Row[Any]) -> Fate:
    return Fate(
        letter=Letter(
            recipient=row.recipient,
            sender=row.sender,
            address=row.address,
            port=row.port,
            vector=row.vector,
            run=row.run,
            not_before=row.not_before,
            not_after=row.not_after,
            proof_hash=bytes(row.proof_hash),
        ),
        outcome=row.outcome,
        reply=row.reply,
        dot_at=None if row.dot_at is None else row.dot_at.timestamp(),
        finding=row.finding,
    )
