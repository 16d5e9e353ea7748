"""Many listings at once, by operators' words: a slice of networks is one value, and what is done with all of it a
statement.

The keys of a slice go to the database in one piece, which it takes apart by itself: a parameter or a row for each of
them costs several times as much. Each network is looked up by the index; PostgreSQL, which has no statistics of a large
load yet, would rather go through all that was ever listed, for each slice. Nothing of proof comes in here: kinds that
only proof may fill are refused (law 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    ScalarSelect,
    Subquery,
    Table,
    any_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    type_coerce,
    update,
)

from dnsbl.errors import Damaged
from dnsbl.store.clerk import Clerk, Prepared, prepared
from dnsbl.store.columns import Moment, Named, Number, Words, YesNo
from dnsbl.store.rows import Rows
from dnsbl.store.schema.listed import changes, listings
from dnsbl.store.shelf import Shelf
from dnsbl.vocabulary import DECLARED, PROOF_KINDS, Reason

#: Octets of each key in a slice, filled up behind it, and those that one of IPv4 has by itself.
WIDTH, SHORT = 18, 6
# What is given with a slice has names that no column has.
_KEYS, _COUNT = bindparam("keys", type_=LargeBinary), bindparam("count", type_=Integer)
_KIND, _MOMENT = bindparam("of_kind", type_=Words), bindparam("moment", type_=Moment)
_LAST = prepared(select(func.coalesce(func.max(changes.c.seq), 0)))
_NUMBERED = prepared(
    select(type_coerce(changes.c.network, LargeBinary))
    .where(changes.c.seq >= bindparam("first"))
    .order_by(changes.c.seq)
    .limit(bindparam("most"))
)
_OPERATOR = literal(Reason.OPERATOR, Named(Reason))
_HERE = listings.alias("here")
_IS_ACTIVE, _WAS_DROPPED = _HERE.c.ended.is_(None), _HERE.c.end_reason == Reason.OPERATOR


def _whole(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer)


class _Told:
    """What one sort of database is told of a slice."""

    def __init__(self, driver: str) -> None:
        self._its = its = _taken_apart(driver)
        is_listed, was_dropped = self._one(_IS_ACTIVE).is_not(None), self._one(_WAS_DROPPED).is_not(None)
        self.unlisted = prepared(select(its.c.network).where(~is_listed), fresh=True)
        self.never = prepared(select(its.c.network).where(~was_dropped), fresh=True)
        self.end = prepared(
            update(listings).where(self._are_theirs(driver)).values(ended=_MOMENT, end_reason=_OPERATOR)
        )
        self.add = self._rows(
            listings,
            network=its.c.network,
            kind=_KIND,
            since=_MOMENT,
            expires=bindparam("lapses", type_=Moment),
            reason=_OPERATOR,
            note=bindparam("for_operators", type_=Words),
            public=bindparam("for_all", type_=Words),
            confirmed=_MOMENT,
            author=bindparam("who", type_=Words),
        )
        self.number = {True: self._number(~is_listed), False: self._number(is_listed)}

    def _number(self, which: ColumnElement[bool]) -> Prepared:
        """A change for such networks of the slice, in their order."""
        return self._rows(
            changes,
            which,
            seq=bindparam("last", type_=Number) + func.row_number().over(order_by=self._its.c.place),
            network=self._its.c.network,
            kind=_KIND,
            present=bindparam("is_listed", type_=YesNo),
            at=_MOMENT,
        )

    def _one(self, which: ColumnElement[bool], what: ColumnElement[Any] = _HERE.c.id) -> ScalarSelect[Any]:
        """A listing of a network of the slice under the kind, such a one, or NULL."""
        found = select(what).select_from(_HERE).where(_HERE.c.network == self._its.c.network, _HERE.c.kind == _KIND)
        return found.where(which).limit(_whole(1)).correlate(self._its).scalar_subquery()

    def _are_theirs(self, driver: str) -> ColumnElement[bool]:
        """The active listings of the slice; on PostgreSQL by where their rows lie, which it can do nothing with but
        fetch them."""
        if driver == "sqlite":
            return listings.c.id.in_(select(self._one(_IS_ACTIVE)).select_from(self._its))
        rows = select(self._one(_IS_ACTIVE, literal_column("here.ctid"))).select_from(self._its)
        return literal_column("listings.ctid") == any_(func.array(rows.scalar_subquery()))

    def _rows(self, table: Table, *which: ColumnElement[bool], **values: ColumnElement[Any]) -> Prepared:
        """A row for each network of the slice, or for such."""
        found = select(*values.values()).select_from(self._its).where(*which)
        return prepared(insert(table).from_select(list(values), found))


def _taken_apart(driver: str) -> Subquery:
    """The networks of a slice, each with its place, from 0."""
    keys: ColumnElement[bytes] = _KEYS
    if driver == "sqlite":
        places = select(_whole(0).label("place")).cte("places", recursive=True)
        following = places.c.place + _whole(1)
        place: ColumnElement[int] = places.union_all(select(following).where(following < _COUNT)).c.place
    else:
        keys = cast(_KEYS, LargeBinary)
        place = func.generate_series(_whole(0), _COUNT - _whole(1)).column_valued("place")
    start = place * _whole(WIDTH) + _whole(1)
    is_short = func.substr(keys, start, _whole(1)) == literal(b"\x04", LargeBinary)
    network = func.substr(keys, start, case((is_short, _whole(SHORT)), else_=_whole(WIDTH)), type_=LargeBinary)
    return select(place.label("place"), network.label("network")).subquery("slice")


_TOLD = {driver: _Told(driver) for driver in ("sqlite", "postgresql")}


class BulkShelf(Shelf):
    """Slices: distinct networks each, by their keys, in the order in which changes are to be numbered."""

    def __init__(self, clerk: Clerk) -> None:
        super().__init__(clerk)
        self._told = _TOLD[clerk.dialect.name]

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
        first, count = self._number(keys, kind, present=True, at=since)
        if 0 < count < len(keys):
            keys = self._sql.execute(_NUMBERED, {"first": first, "most": count}).scalars()
        if count:
            words = {"lapses": expires, "for_operators": note, "for_all": public, "who": author}
            self._put(self._told.add, keys, kind, moment=since, **words)
        return first, count

    def end_all(self, keys: Sequence[bytes], *, kind: str, at: datetime) -> tuple[int, int]:
        """End those that are listed under this kind, by an operator's word, and number a change for each; returns the
        number of the first change and how many they are."""
        first, count = self._number(keys, kind, present=False, at=at)
        if count:
            self._put(self._told.end, keys, kind, moment=at)
        return first, count

    def unlisted(self, keys: Sequence[bytes], kind: str) -> tuple[list[bytes], list[bytes]]:
        """Those that are not listed under this kind: all, and those that never were by an operator's word either."""
        missing = self._those(self._told.unlisted, keys, kind)
        return missing, self._those(self._told.never, missing, kind)

    def _number(self, keys: Sequence[bytes], kind: str, *, present: bool, at: datetime) -> tuple[int, int]:
        """A change for each that is not so yet: the first number, and how many."""
        last = self._last()
        self._put(self._told.number[present], keys, kind, last=last, is_listed=present, moment=at)
        return last + 1, self._last() - last

    def _last(self) -> int:
        return int(self._sql.execute(_LAST).scalar_one())

    def _those(self, which: Prepared, keys: Sequence[bytes], kind: str) -> list[bytes]:
        return self._put(which, keys, kind).scalars() if keys else []

    def _put(self, what: Prepared, keys: Sequence[bytes], kind: str, **more: Any) -> Rows:
        together = b"".join([key.ljust(WIDTH) for key in keys])
        return self._sql.execute(what, {"keys": together, "count": len(keys), "of_kind": kind} | more)
