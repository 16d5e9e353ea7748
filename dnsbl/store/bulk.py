"""Many listings at once, by operators' words: a slice of networks is one value, and what is done with all of it a
statement.

The keys of a slice go to the database in one piece, which it takes apart by itself: a parameter or a row for each of
them costs more than what is done with it. Each network is looked up by the index; PostgreSQL, which has no statistics
of a large load yet, would rather go through all that was ever listed, for each slice. Nothing of proof comes in here:
kinds that only proof may fill are refused (law 1).
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
    update,
)

from dnsbl.errors import Damaged
from dnsbl.model import DECLARED, PROOF_KINDS, Reason
from dnsbl.store.clerk import Clerk, Prepared, Rows, prepared
from dnsbl.store.columns import Moment, Named, Number, Words, YesNo
from dnsbl.store.schema import changes, listings
from dnsbl.store.shelf import Shelf

#: Octets of each key in a slice, filled up behind it, and those that one of IPv4 has by itself.
WIDTH, SHORT = 18, 6
# What is given with a slice has names that no column has.
_KEYS, _COUNT = bindparam("keys", type_=LargeBinary), bindparam("count", type_=Integer)
_KIND, _MOMENT = bindparam("of_kind", type_=Words), bindparam("moment", type_=Moment)
_LAST = prepared(select(func.coalesce(func.max(changes.c.seq), 0)))
_OPERATOR = literal(Reason.OPERATOR, Named(Reason))


_HERE = listings.alias("here")
_IS_ACTIVE, _WAS_DROPPED = _HERE.c.ended.is_(None), _HERE.c.end_reason == Reason.OPERATOR


def _whole(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer)


class _Told:
    """What one sort of database is told of a slice."""

    def __init__(self, driver: str) -> None:
        self._its = its = _taken_apart(driver)
        self.listed = self._those(self._one(_IS_ACTIVE).is_not(None))
        self.unlisted = self._those(self._one(_IS_ACTIVE).is_(None))
        self.never = self._those(self._one(_WAS_DROPPED).is_(None))
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
        self.number = self._rows(
            changes,
            seq=bindparam("first", type_=Number) + its.c.place,
            network=its.c.network,
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

    def _those(self, which: ColumnElement[bool]) -> Prepared:
        """Networks of the slice."""
        return prepared(select(self._its.c.network).where(which), fresh=True)

    def _rows(self, table: Table, **values: ColumnElement[Any]) -> Prepared:
        """A row for each network of the slice."""
        return prepared(insert(table).from_select(list(values), select(*values.values()).select_from(self._its)))


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
        fresh = _without(keys, self._those(self._told.listed, keys, kind))
        words = {"lapses": expires, "for_operators": note, "for_all": public, "who": author}
        if fresh:
            self._put(self._told.add, fresh, kind, moment=since, **words)
        return self._number(fresh, kind, present=True, at=since)

    def end_all(self, keys: Sequence[bytes], *, kind: str, at: datetime) -> tuple[int, int]:
        """End those that are listed under this kind, by an operator's word, and number a change for each; returns the
        number of the first change and how many they are."""
        listed = _without(keys, self._those(self._told.unlisted, keys, kind))
        if listed:
            self._put(self._told.end, listed, kind, moment=at)
        return self._number(listed, kind, present=False, at=at)

    def unlisted(self, keys: Sequence[bytes], kind: str) -> tuple[list[bytes], list[bytes]]:
        """Those that are not listed under this kind: all, and those that never were by an operator's word either."""
        missing = self._those(self._told.unlisted, keys, kind)
        return missing, self._those(self._told.never, missing, kind)

    def _number(self, keys: Sequence[bytes], kind: str, *, present: bool, at: datetime) -> tuple[int, int]:
        first = int(self._sql.execute(_LAST).scalar_one()) + 1
        if keys:
            self._put(self._told.number, keys, kind, first=first, is_listed=present, moment=at)
        return first, len(keys)

    def _those(self, which: Prepared, keys: Sequence[bytes], kind: str) -> list[bytes]:
        return self._put(which, keys, kind).scalars() if keys else []

    def _put(self, what: Prepared, keys: Sequence[bytes], kind: str, **more: Any) -> Rows:
        together = b"".join([key.ljust(WIDTH) for key in keys])
        return self._sql.execute(what, {"keys": together, "count": len(keys), "of_kind": kind} | more)


def _without(keys: Sequence[bytes], others: Sequence[bytes]) -> Sequence[bytes]:
    """The others are mostly none."""
    if not others:
        return keys
    gone = set(others)
    return [key for key in keys if key not in gone]
