"""Letters: what was issued, before it is offered, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, or_, select, update

from dnsbl.model import FiledLetter
from dnsbl.store.schema import letters, runs
from dnsbl.store.shelf import Shelf, columns, many
from tester.letter import Letter
from tester.smtp import Outcome
from tester.verdict import Finding

_FILED = columns(letters, FiledLetter)


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A letter as it was issued, with its row."""

    letter: Letter
    filed: FiledLetter


class Letters(Shelf):
    """One row a letter, in the order of issue."""

    def add(self, issued: Iterable[Letter]) -> int:
        """Store letters of a run that has begun; returns how many."""
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
            }
            for letter in issued
        ]
        if rows:
            self._sql.execute(insert(letters), rows)
        return len(rows)

    def of(self, run: str) -> list[FiledLetter]:
        """The letters of a run, in the order of trial."""
        return many(FiledLetter, self._sql.execute(select(*_FILED).where(letters.c.run == run).order_by(letters.c.id)))

    def find(self, token: str) -> Issued | None:
        """The letter with this recipient or sender token."""
        wanted = (
            select(*_FILED, letters.c.proof_hash, runs.c.address, runs.c.port)
            .join(runs, runs.c.id == letters.c.run)
            .where(or_(letters.c.recipient == token, letters.c.sender == token))
        )
        row = self._sql.execute(wanted).one_or_none()
        if row is None:
            return None
        facts = dict(row._mapping)
        proof_hash, address, port = facts.pop("proof_hash"), facts.pop("address"), facts.pop("port")
        filed = FiledLetter(**facts)
        letter = Letter(
            recipient=filed.recipient,
            sender=filed.sender,
            address=address,
            port=port,
            vector=filed.vector,
            run=filed.run,
            not_before=filed.not_before,
            not_after=filed.not_after,
            proof_hash=bytes(proof_hash),
        )
        return Issued(letter=letter, filed=filed)

    def tell(self, recipient: str, *, outcome: Outcome, reply: str, dot_at: datetime | None) -> None:
        """What the conversation has made of a letter."""
        self._change(recipient, outcome=outcome, reply=reply, dot_at=dot_at)

    def note(self, recipient: str, finding: Finding) -> None:
        """What the collector has found of a letter."""
        self._change(recipient, finding=finding)

    def _change(self, recipient: str, **values: Any) -> None:
        self._sql.execute(update(letters).where(letters.c.recipient == recipient).values(values))
