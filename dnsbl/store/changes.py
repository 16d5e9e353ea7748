"""What DNS must answer, step by step: numbered without gaps, in commit order.

The number is taken from the table itself, which is sound because writers take turns (see `database`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select

from dnsbl.addresses import Network
from dnsbl.errors import Damaged
from dnsbl.model import Change
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.listed import changes
from dnsbl.store.shelf import Shelf, columns, many

_INSERT, _LAST = prepared(insert(changes)), prepared(select(func.coalesce(func.max(changes.c.seq), 0)))
_AFTER = prepared(
    select(*columns(changes, Change))
    .where(changes.c.seq > bindparam("number"))
    .order_by(changes.c.seq)
    .limit(bindparam("most"))
)


class Changes(Shelf):
    """Steps, never changed again."""

    def add(self, networks: Iterable[Network], kind: str, *, present: bool, at: datetime) -> None:
        """Number and store one step for each of these networks, in this order, all made at that moment."""
        rows = [
            {"seq": seq, "network": network, "kind": kind, "present": present, "at": at}
            for seq, network in enumerate(networks, self.last() + 1)
        ]
        self._sql.later(_INSERT, *rows)

    def replay(self, steps: Iterable[Change], *, at: datetime) -> None:
        """Store steps as they were once numbered, the last of them made at that moment. Raises Damaged where the first
        does not follow the last one here."""
        rows = [{"seq": c.seq, "network": c.network, "kind": c.kind, "present": c.present, "at": at} for c in steps]
        if rows and [row["seq"] for row in rows] != list(range(self.last() + 1, self.last() + len(rows) + 1)):
            raise Damaged(f"Change {rows[0]['seq']} does not follow change {self.last()}.")
        self._sql.later(_INSERT, *rows)

    def last(self) -> int:
        """The newest number; 0 before the first step."""
        return int(self._sql.execute(_LAST).scalar_one())

    def after(self, number: int, *, most: int) -> list[Change]:
        """The steps behind this number, in order."""
        return many(Change, self._sql.execute(_AFTER, {"number": number, "most": most}))
