"""Many listings at once, by operators' words: a slice of networks laid beside the tables, and what is done with all of
it in a statement.

The slice is a temporary table, on PostgreSQL filled by COPY and gone with the transaction. Nothing of proof comes in
here: kinds that only proof may fill are refused (law 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    LargeBinary,
    MetaData,
    Select,
    Table,
    func,
    insert,
    literal,
    select,
    text,
    type_coerce,
    update,
)

from dnsbl.errors import Damaged
from dnsbl.model import DECLARED, PROOF_KINDS, Reason
from dnsbl.store.columns import Moment, Named, NetworkKey, Number, Words, YesNo
from dnsbl.store.schema import ACTIVE, changes, listings
from dnsbl.store.shelf import Shelf

_slice = Table("slice", MetaData(), Column("network", NetworkKey, nullable=False))
_MAKE = {
    "sqlite": "CREATE TEMPORARY TABLE IF NOT EXISTS slice (network BLOB PRIMARY KEY) WITHOUT ROWID",
    "postgresql": "CREATE TEMPORARY TABLE IF NOT EXISTS slice (network BYTEA PRIMARY KEY) ON COMMIT DROP",
}
_KEY = type_coerce(listings.c.network, LargeBinary)


class BulkShelf(Shelf):
    """A slice: at most some thousand distinct networks, by their keys."""

    def list_all(
        self,
        keys: Sequence[bytes],
        *,
        kind: str,
        since: datetime,
        expires: datetime | None,
        note: str,
        public: str,
        author: str,
    ) -> tuple[int, int]:
        """List those that are not listed under this kind yet, by an operator's word, and number a change for each;
        returns the number of the first change and how many they are. Raises Damaged for a kind that only proof may
        fill."""
        if kind in PROOF_KINDS | DECLARED:
            raise Damaged(f"Nothing is listed as {kind} by an operator's word.")
        self._lay(keys)
        fresh = ~self._listed(kind)
        first, count = self._number(fresh, kind, present=True, at=since)
        row = {
            listings.c.network: _slice.c.network,
            listings.c.kind: literal(kind, Words),
            listings.c.since: literal(since, Moment),
            listings.c.expires: literal(expires, Moment),
            listings.c.reason: literal(Reason.OPERATOR, Named(Reason)),
            listings.c.note: literal(note, Words),
            listings.c.public: literal(public, Words),
            listings.c.confirmed: literal(since, Moment),
            listings.c.author: literal(author, Words),
        }
        wanted = select(*row.values()).where(fresh).order_by(_slice.c.network)
        if count:
            self._sql.execute(insert(listings).from_select([column.name for column in row], wanted))
        return first, count

    def end_all(self, keys: Sequence[bytes], *, kind: str, at: datetime) -> tuple[int, int]:
        """End those that are listed under this kind, by an operator's word, and number a change for each; returns the
        number of the first change and how many they are."""
        self._lay(keys)
        first, count = self._number(self._listed(kind), kind, present=False, at=at)
        if count:
            # each network of the slice is looked up: PostgreSQL, which has no statistics of a large load yet, would
            # rather go through all that is listed and look whether it is in the slice
            theirs = select(self._active(kind).scalar_subquery()).select_from(_slice)
            self._sql.execute(
                update(listings).where(listings.c.id.in_(theirs)).values(ended=at, end_reason=Reason.OPERATOR)
            )
        return first, count

    def unlisted(self, keys: Sequence[bytes], kind: str) -> tuple[set[bytes], set[bytes]]:
        """Of at most 5000 those that are not listed under this kind: all, and those that never were by an operator's
        word either."""
        of_these = _KEY.in_(keys), listings.c.kind == kind
        active = set(self._sql.execute(select(_KEY).where(*of_these, ACTIVE)).scalars())
        missing = set(keys) - active
        if not missing:
            return missing, missing
        once = select(_KEY).where(_KEY.in_(missing), listings.c.kind == kind, listings.c.end_reason == Reason.OPERATOR)
        return missing, missing - set(self._sql.execute(once).scalars())

    def _lay(self, keys: Sequence[bytes]) -> None:
        """Have the slice hold these and nothing else."""
        driver = self._sql.dialect.name
        self._sql.execute(text(_MAKE[driver]))
        self._sql.execute(text("DELETE FROM slice"))
        if driver == "sqlite":
            self._sql.connection.exec_driver_sql("INSERT INTO slice VALUES (?)", [(key,) for key in keys])
            return
        raw = self._sql.connection.connection.driver_connection
        assert raw is not None
        with raw.cursor() as cursor, cursor.copy("COPY slice FROM STDIN") as rows:
            for key in keys:
                rows.write_row((key,))

    @staticmethod
    def _active(kind: str) -> Select[tuple[int]]:
        """The listing of a network of the slice under this kind; there is one at most."""
        here = listings.c.network == _slice.c.network, listings.c.kind == kind, ACTIVE
        return select(listings.c.id).where(*here).correlate(_slice)

    @classmethod
    def _listed(cls, kind: str) -> ColumnElement[bool]:
        """Whether a network of the slice is listed under this kind."""
        return cls._active(kind).scalar_subquery().is_not(None)

    def _number(self, which: ColumnElement[bool], kind: str, *, present: bool, at: datetime) -> tuple[int, int]:
        """A change for each of these, in the order of networks: the first number, and how many."""
        last = int(self._sql.execute(select(func.coalesce(func.max(changes.c.seq), 0))).scalar_one())
        place = func.row_number().over(order_by=_slice.c.network)
        wanted = select(
            literal(last, Number) + place,
            _slice.c.network,
            literal(kind, Words),
            literal(present, YesNo),
            literal(at, Moment),
        ).where(which)
        made = insert(changes).from_select(["seq", "network", "kind", "present", "at"], wanted)
        self._sql.execute(made)
        now = int(self._sql.execute(select(func.coalesce(func.max(changes.c.seq), 0))).scalar_one())
        return last + 1, now - last
