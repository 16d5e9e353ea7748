"""Who showed us whom, and with what."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import and_, bindparam, func, insert, literal, select, update

from dnsbl.addresses import Address
from dnsbl.model import Nominated, Nomination
from dnsbl.store.clerk import prepared
from dnsbl.store.columns import YesNo
from dnsbl.store.schema.nominated import REPORTED, nominations
from dnsbl.store.shelf import Shelf, columns, many, one
from dnsbl.vocabulary import Door

#: What nobody has taken back.
_KEPT = nominations.c.withdrawn.is_(None)
#: What counts: its source was not found to be bad either.
_STANDS = and_(nominations.c.void == literal(False, YesNo()), _KEPT)
_NOMINATED = columns(nominations, Nominated)
_ADD = prepared(insert(nominations).returning(nominations.c.id))
_CHANGE = prepared(update(nominations).where(nominations.c.id == bindparam("of")))
_REPORTERS_OF = prepared(
    select(nominations.c.reporter).where(nominations.c.run == bindparam("run"), REPORTED, _KEPT).distinct()
)
#: Before any nomination.
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_WITH_EVIDENCE = prepared(
    select(nominations.c.id)
    .where(
        nominations.c.address == bindparam("address"),
        nominations.c.evidence.is_not(None),
        nominations.c.received >= bindparam("from_then"),
        _STANDS,
    )
    .limit(1)
)
_VOID_FIRST = prepared(
    select(nominations.c.void)
    .where(nominations.c.address == bindparam("address"), _KEPT)
    .order_by(nominations.c.void)
    .limit(1)
)


class Nominations(Shelf):
    """Accepted nominations, one row each."""

    def add(self, nomination: Nomination, evidence: str | None, received: datetime, *, run: str | None = None) -> int:
        """Store a nomination with the SHA-256 of its evidence, and the run that it leads to, where that is known
        already; returns its number."""
        values = {
            "address": nomination.address,
            "door": nomination.door,
            "nominator": nomination.nominator,
            "reason": nomination.reason,
            "evidence": evidence,
            "received": received,
            "void": False,
            "reporter": nomination.reporter,
            "run": run,
        }
        return int(self._sql.execute(_ADD, values).scalar_one())

    def page(self, before: int | None, door: Door | None, *, most: int) -> list[Nominated]:
        """Nominations, newest first, those behind the one of this number; at one door or all."""
        wanted = select(*_NOMINATED)
        if before is not None:
            wanted = wanted.where(nominations.c.id < before)
        if door is not None:
            wanted = wanted.where(nominations.c.door == door)
        return many(Nominated, self._sql.execute(wanted.order_by(nominations.c.id.desc()).limit(most)))

    def of_reporter(self, name: str, before: int | None, *, most: int) -> list[Nominated]:
        """Those of an account, newest first, behind the one of this number."""
        wanted = select(*_NOMINATED).where(nominations.c.reporter == name, REPORTED)
        if before is not None:
            wanted = wanted.where(nominations.c.id < before)
        return many(Nominated, self._sql.execute(wanted.order_by(nominations.c.id.desc()).limit(most)))

    def read(self, number: int) -> Nominated | None:
        """The nomination of this number."""
        return one(Nominated, self._sql.execute(select(*_NOMINATED).where(nominations.c.id == number)).one_or_none())

    def received(self, since: datetime) -> dict[Door, int]:
        """How many came in since then, by door; of at most the 100,000 newest."""
        newest = select(nominations.c.door, nominations.c.received).order_by(nominations.c.id.desc())
        last = newest.limit(100_000).subquery()
        wanted = select(last.c.door, func.count()).where(last.c.received >= since).group_by(last.c.door)
        return {door: int(count) for door, count in self._sql.execute(wanted)}

    def of_run(self, address: Address, run: str) -> Nominated | None:
        """The first nomination of an address that led to this test and counts."""
        wanted = select(*_NOMINATED).where(nominations.c.address == address, nominations.c.run == run, _STANDS)
        return one(Nominated, self._sql.execute(wanted.order_by(nominations.c.id).limit(1)).one_or_none())

    def withdraw(self, nominated: Nominated, at: datetime) -> Nominated:
        """It is taken back, and leads to no test; returns it as it is then."""
        self._sql.later(_CHANGE, {"of": nominated.id, "run": None, "withdrawn": at})
        return replace(nominated, run=None, withdrawn=at)

    def leads_to(self, number: int, run: str) -> None:
        """The test of the nomination of this number is this run."""
        self._sql.later(_CHANGE, {"of": number, "run": run})

    def pass_on(self, run: str, to: str) -> None:
        """What a run was to show of its nominations, another one will."""
        self._sql.execute(update(nominations).where(nominations.c.run == run).values(run=to))

    def reporters_of(self, run: str) -> list[str]:
        """The accounts whose nominations have led to this run."""
        return sorted(self._sql.execute(_REPORTERS_OF, {"run": run}).scalars())

    def shown_in(self, evidence: Collection[str]) -> list[tuple[str, Address]]:
        """The addresses that were nominated with at most some hundred messages, each with the message, by its
        SHA-256."""
        shown = select(nominations.c.evidence, nominations.c.address)
        wanted = shown.where(nominations.c.evidence.in_(list(evidence))).distinct()
        return [(message, address) for message, address in self._sql.execute(wanted)]

    def with_evidence(self, address: Address, since: datetime | None = None) -> bool:
        """Whether anybody has shown evidence against this address, ever or since then."""
        asked = {"address": address, "from_then": since or _EVER}
        return self._sql.execute(_WITH_EVIDENCE, asked).first() is not None

    def shown_of(self, addresses: Iterable[Address], since: datetime) -> set[Address]:
        """Those of at most 5000 addresses against which somebody has shown evidence since then."""
        wanted = select(nominations.c.address).where(
            nominations.c.address.in_(list(addresses)), nominations.c.evidence.is_not(None)
        )
        wanted = wanted.where(nominations.c.received >= since, _STANDS).distinct()
        return set(self._sql.execute(wanted).scalars())

    def last(self) -> int:
        """The number of the newest, 0 where there was none yet."""
        return int(self._sql.execute(select(func.coalesce(func.max(nominations.c.id), 0))).scalar_one())

    def brought(
        self, after: int, upto: int, *, door: Door | None = None, name: str = ""
    ) -> list[tuple[Address, Door, str]]:
        """The addresses of nominations that count with numbers between these, each with who has brought it, and the
        door that he came in at; of one door, and one name, where it is given."""
        who = (nominations.c.address, nominations.c.door, nominations.c.nominator)
        wanted = select(*who).where(nominations.c.id > after, nominations.c.id <= upto, _STANDS).distinct()
        if door is not None:
            wanted = wanted.where(nominations.c.door == door)
        if name:
            wanted = wanted.where(nominations.c.nominator == name)
        return [(address, door, name) for address, door, name in self._sql.execute(wanted)]

    def against(self, addresses: Iterable[Address]) -> list[tuple[int, Address, Door, str]]:
        """The nominations that count against at most 5000 addresses: the number of each, whom it names, and who has
        brought it by which door."""
        who = (nominations.c.id, nominations.c.address, nominations.c.door, nominations.c.nominator)
        wanted = select(*who).where(nominations.c.address.in_(list(addresses)), _STANDS)
        return [(number, address, door, name) for number, address, door, name in self._sql.execute(wanted)]

    def void(self, numbers: Iterable[int]) -> None:
        """The nominations of these numbers count no more."""
        self._sql.later(_CHANGE, *({"of": number, "void": True} for number in numbers))

    def void_alone(self, address: Address) -> bool:
        """Whether it was nominated, and by nobody whose nominations count."""
        return self._sql.execute(_VOID_FIRST, {"address": address}).scalar() is True
