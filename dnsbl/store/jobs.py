"""Tests that are to be made: queued, leased to a worker, done. Of the list's own at most one per address is not
done, and of those that owners have asked for one beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Subquery,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from dnsbl.addresses import Address, Network, neighbourhood
from dnsbl.model import ASKED, Crowded, Job, WaitingTests
from dnsbl.store.clerk import Prepared, prepared
from dnsbl.store.columns import NoneOf, address_key, network_key, one_of, span
from dnsbl.store.schema.tested import LIVE, NOMINATED, OF_ITSELF, OF_THE_LIST, RUNNING, SELF_TESTS, jobs, paths
from dnsbl.store.shelf import Shelf, columns, many, one
from dnsbl.vocabulary import Extent, JobReason, JobState

_JOB = columns(jobs, Job)
_ADD = prepared(insert(jobs).returning(*_JOB))
_LIVE = prepared(select(*_JOB).where(jobs.c.address == bindparam("address"), OF_THE_LIST))
_LIVE_SELF_TEST = prepared(select(*_JOB).where(jobs.c.address == bindparam("address"), OF_ITSELF))
_OF_RUN = prepared(select(*_JOB).where(jobs.c.run == bindparam("run")))
_HOW_MANY = select(func.count()).select_from(jobs)
_CHANGE = prepared(update(jobs).where(jobs.c.id == bindparam("of")))
_UNQUEUE = prepared(
    update(jobs)
    .where(
        one_of(jobs.c.address, bindparam("of", expanding=True)),
        OF_THE_LIST,
        jobs.c.state == JobState.QUEUED,
        jobs.c.takes == 0,
        jobs.c.reason.in_(bindparam("reasons", expanding=True)),
    )
    .values(state=JobState.DONE)
)
#: A take and no later one: `takes` is the fence.
_TAKE = and_(jobs.c.id == bindparam("of"), jobs.c.worker == bindparam("held_by"), jobs.c.takes == bindparam("take"))
_HOLDS = prepared(select(jobs.c.id).where(_TAKE))
_OTHER, _NOW = jobs.alias(), bindparam("now", type_=jobs.c.due.type)
_BUSY = exists().where(
    _OTHER.c.state == literal_column(f"'{JobState.RUNNING}'"),  # with the next two: its index
    _OTHER.c.neighbourhood == jobs.c.neighbourhood,
    _OTHER.c.address == jobs.c.address,
    _OTHER.c.id != jobs.c.id,
    _OTHER.c.lease_until >= _NOW,
)
#: In no worker's hands, or in those of one whose lease is over.
_FREE = or_(jobs.c.state == JobState.QUEUED, jobs.c.lease_until < _NOW)
#: Due, and no other test of the same address is in a worker's hands.
_DUE = and_(LIVE, jobs.c.due <= _NOW, _FREE, not_(_BUSY))
_IS_DUE = prepared(select(jobs.c.id).where(_DUE).order_by(jobs.c.due, jobs.c.id).limit(1))
#: By rank, so that however many are due (a list that was down for a day), the first one is found and not sorted out.
#: The ranks of tests that are under way are passed over, of which each may have one of its own.
_NEXT_RANK = (
    select(jobs.c.rank)
    .where(LIVE, jobs.c.rank > bindparam("rank"), _FREE)
    .order_by(jobs.c.rank, jobs.c.due, jobs.c.id)
    .limit(literal_column("1"))
    .scalar_subquery()
)
_CLAIM = prepared(update(jobs).where(jobs.c.id == bindparam("of")).values(takes=jobs.c.takes + 1).returning(*_JOB))
_RENEW = prepared(update(jobs).where(_TAKE))
#: Jobs that are counted, of however many.
COUNTED = 50_000
#: Every network takes a test.
NOTHING = Crowded()


class Jobs(Shelf):
    """The queue."""

    def add(
        self,
        *,
        address: Address,
        port: int,
        reason: JobReason,
        profile: str,
        due: datetime,
        run: str,
        provocation: str,
        extent: Extent = Extent.NOMINATED,
        rank: int = 1,
        whose: str = "",
        state: JobState = JobState.QUEUED,
    ) -> Job:
        """Queue a test. The address must have no live job, unless it is one that is done (`state`)."""
        values = {
            "address": address,
            "neighbourhood": neighbourhood(address),
            "port": port,
            "reason": reason,
            "profile": profile,
            "due": due,
            "state": state,
            "run": run,
            "takes": 0,
            "retries": 0,
            "provocation": provocation,
            "extent": extent,
            "rank": rank,
            "whose": whose,
        }
        return Job(**self._sql.execute(_ADD, values).one()._asdict())

    def live(self, address: Address) -> Job | None:
        """The list's own job of this address that is queued or running."""
        return one(Job, self._sql.execute(_LIVE, {"address": address}).one_or_none())

    def live_among(self, addresses: Iterable[Address]) -> dict[Address, tuple[JobReason, JobState]]:
        """The same of each of at most 5000 addresses that has one: why it is tested, and how far that is."""
        wanted = select(jobs.c.address, jobs.c.reason, jobs.c.state)
        found = self._sql.execute(wanted.where(one_of(jobs.c.address, map(address_key, addresses)), OF_THE_LIST))
        return {address: (reason, state) for address, reason, state in found}

    def live_self_test(self, address: Address) -> Job | None:
        """The job of this address, queued or running, that its owner has asked for."""
        return one(Job, self._sql.execute(_LIVE_SELF_TEST, {"address": address}).one_or_none())

    def self_tests(self, since: datetime, within: Network | None = None) -> list[datetime]:
        """When self-tests were asked for since then, all or those with a path into a network, oldest first."""
        wanted = select(jobs.c.due).where(SELF_TESTS, jobs.c.due >= since)
        if within is not None:
            into = exists().where(paths.c.run == jobs.c.run, paths.c.address.between(*span(within)))
            wanted = wanted.where(into)
        return list(self._sql.execute(wanted.order_by(jobs.c.due)).scalars())

    def of_run(self, run: str) -> Job | None:
        """The job that fills this run."""
        return one(Job, self._sql.execute(_OF_RUN, {"run": run}).one_or_none())

    def queued_in(self, network: Network, *, most: int) -> list[Job]:
        """The queued jobs of a network's addresses, owners' own too; at most so many."""
        inside = (jobs.c.address.between(*span(network)), jobs.c.state == JobState.QUEUED)
        found: list[Job] = []
        for whose in (OF_THE_LIST, OF_ITSELF):  # an index each
            wanted = select(*_JOB).where(whose, *inside).order_by(jobs.c.address).limit(most - len(found))
            found += many(Job, self._sql.execute(wanted))
        return found

    def under_way(self, network: Network) -> int:
        """The tests that run in a neighbourhood, as `addresses.neighbourhood` cuts them."""
        wanted = select(func.count()).where(RUNNING, jobs.c.neighbourhood == network)
        return int(self._sql.execute(wanted).scalar_one())

    def nominated(self, *networks: Network) -> tuple[int, ...]:
        """How many tests that somebody's nomination asks for wait for a worker: all of them, and in each of these."""
        spans = {name: end for n, each in enumerate(networks) for name, end in zip(_ends(n), span(each), strict=True)}
        return tuple(self._sql.execute(_nominated(len(networks)), spans).one())

    def is_due(self, now: datetime) -> bool:
        """Whether a claim could find anything. (In the order of the index: else PostgreSQL walks through all that was
        ever done, in the hope of one that is due.)"""
        return self._sql.execute(_IS_DUE, {"now": now}).one_or_none() is not None

    def has_room(self, now: datetime, full: Crowded) -> bool:
        """Whether a claim would find one outside of what is full."""
        return self._next(now, full, leased=False) is not None

    def claim(self, worker: str, *, now: datetime, lease_until: datetime, full: Crowded = NOTHING) -> Job | None:
        """Lease the job of the lowest rank that is due, of these the one that has been so longest, where not all is
        full; a lost lease counts as due."""
        found = self._next(now, full, leased=True)
        if found is None:
            return None
        held = {"of": found, "state": JobState.RUNNING, "worker": worker, "lease_until": lease_until}
        return one(Job, self._sql.execute(_CLAIM, held).one_or_none())

    def _next(self, now: datetime, full: Crowded, *, leased: bool) -> int | None:
        """The number of the job that is next; `leased`: to be so now."""
        asked = {"now": now, "addresses": [*map(address_key, full.addresses)]}
        rank: int | None = ASKED
        while rank is not None:
            outside, owned = (
                (full.asked, full.removals) if rank == ASKED else (full.networks, full.nominations)
            )  # whose share is used up
            near, wide = _cut(outside)
            spans = {name: end for n, each in enumerate(wide) for name, end in zip(_ends(n), span(each), strict=True)}
            shut = {"rank": rank, "near": [*map(network_key, near)]} | spans
            found, behind = self._sql.execute(_first(len(wide), owned, leased), asked | shut).one()
            if found is not None:
                return int(found)
            rank = None if full.anywhere else behind
        return None

    def renew(self, job: Job, worker: str, lease_until: datetime) -> bool:
        """Move the end of the lease of this very take; False when the job is no longer the worker's."""
        return self._sql.execute(_RENEW, _take(job, worker) | {"lease_until": lease_until}).rowcount == 1

    def holds(self, job: Job, worker: str) -> bool:
        """Whether this very take is still the worker's."""
        return self._sql.execute(_HOLDS, _take(job, worker)).one_or_none() is not None

    def requeue(self, job: Job, due: datetime) -> None:
        """Back to the queue for a further retry in the same run."""
        self._change(job, state=JobState.QUEUED, due=due, retries=job.retries + 1, worker=None, lease_until=None)

    def put_back(self, job: Job, due: datetime, *, takes: int) -> None:
        """Back to the queue as it was, for a take that was not made (`takes` one less) or was broken off by us."""
        self._change(job, state=JobState.QUEUED, due=due, takes=takes, worker=None, lease_until=None)

    def advance(
        self,
        job: Job,
        *,
        reason: JobReason,
        profile: str,
        due: datetime,
        provocation: str,
        extent: Extent,
        rank: int = 1,
        whose: str = "",
    ) -> Job:
        """Give a live job another reason, profile, time, extent, rank and asker; returns it as it is now."""
        told: dict[str, Any] = {
            "reason": reason,
            "profile": profile,
            "due": due,
            "provocation": provocation,
            "extent": extent,
            "rank": rank,
            "whose": whose,
        }
        self._change(job, **told)
        return replace(job, **told)

    def release(self, job: Job, due: datetime) -> Job:
        """It is no stranger's any more, and due then; returns it as it is now."""
        self._change(job, whose="", due=due)
        return replace(job, whose="", due=due)

    def of_strangers(self, now: datetime) -> tuple[int, int]:
        """How many tests that strangers have asked for are queued and due: nominations, and retests."""
        asked = func.coalesce(func.sum(case((jobs.c.rank == ASKED, 1), else_=0)), 0)
        due = and_(LIVE, jobs.c.state == JobState.QUEUED, jobs.c.due <= now, jobs.c.whose != "")
        every, retests = self._sql.execute(select(func.count(), asked).select_from(jobs).where(due)).one()
        return int(every) - int(retests), int(retests)

    def coming(self, now: datetime, until: datetime) -> int:
        """How many queued tests fall due between these moments. (None that runs does: what is taken is due.)"""
        due = and_(LIVE, jobs.c.due > now, jobs.c.due <= until)
        return int(self._sql.execute(_HOW_MANY.where(due)).scalar_one())

    def running(self, now: datetime) -> int:
        """How many are in workers' hands."""
        return int(self._sql.execute(_HOW_MANY.where(RUNNING, jobs.c.lease_until >= now)).scalar_one())

    def in_hands(self, now: datetime, *, most: int) -> list[Job]:
        """Those in workers' hands, the first that was taken first; at most so many."""
        held = select(*_JOB).where(RUNNING, jobs.c.lease_until >= now)
        return many(Job, self._sql.execute(held.order_by(jobs.c.due, jobs.c.id).limit(most)))

    def waiting(self, now: datetime) -> list[WaitingTests]:
        """What is queued or running, a row for each reason, in the order of their names. Every listing has a test
        that is planned: of those that are due the first COUNTED are looked at, and of those to come the next."""
        queued = select(jobs.c.reason, jobs.c.due).where(LIVE, jobs.c.state == JobState.QUEUED).order_by(jobs.c.due)
        due = self._by_reason(queued.where(jobs.c.due <= now).limit(COUNTED).subquery())
        later = self._by_reason(queued.where(jobs.c.due > now).limit(COUNTED).subquery())
        running = self._by_reason(select(jobs.c.reason, jobs.c.due).where(RUNNING).subquery())
        none = (0, now)
        return [
            WaitingTests(
                reason=reason,
                due=due.get(reason, none)[0],
                later=later.get(reason, none)[0],
                running=running.get(reason, none)[0],
                oldest=(now - due.get(reason, none)[1]).total_seconds(),
            )
            for reason in sorted(due.keys() | later.keys() | running.keys())
        ]

    def _by_reason(self, these: Subquery) -> dict[JobReason, tuple[int, datetime]]:
        """How many of these there are of each reason, and when the first is due."""
        wanted = select(these.c.reason, func.count(), func.min(these.c.due)).group_by(these.c.reason)
        return {JobReason(reason): (int(count), first) for reason, count, first in self._sql.execute(wanted)}

    def finish(self, job: Job) -> None:
        """The address may have another job. Who holds this one keeps it, to file what is still to be filed."""
        self._change(job, state=JobState.DONE)

    def unqueue(self, addresses: Iterable[Address], reasons: Iterable[JobReason]) -> None:
        """End the list's own jobs of at most 5000 addresses that are there for one of these reasons, and that no worker
        has taken yet."""
        self._sql.execute(_UNQUEUE, {"of": [*map(address_key, addresses)], "reasons": sorted(reasons)})

    def _change(self, job: Job, **values: Any) -> None:
        self._sql.later(_CHANGE, {"of": job.id, **values})


def _cut(networks: Iterable[Network]) -> tuple[list[Network], list[Network]]:
    """Networks that are cut as neighbourhoods are, which their column tells, whatever their number; and others."""
    near: list[Network] = []
    wide: list[Network] = []
    for network in networks:
        (near if network == neighbourhood(network.network_address) else wide).append(network)
    return near, wide


def _ends(number: int) -> tuple[str, str]:
    return f"low_{number}", f"high_{number}"


def _span_of(number: int) -> tuple[BindParameter[Address], BindParameter[Address]]:
    low, high = _ends(number)
    return bindparam(low, type_=jobs.c.address.type), bindparam(high, type_=jobs.c.address.type)


@cache
def _nominated(networks: int) -> Prepared:
    """How many are nominated, and how many of them in each of so many networks."""
    inside = [_HOW_MANY.where(NOMINATED, jobs.c.address.between(*_span_of(number))) for number in range(networks)]
    every = [_HOW_MANY.where(NOMINATED), *inside]
    return prepared(select(*(each.scalar_subquery().label(f"n{number}") for number, each in enumerate(every))))


@cache
def _first(wide: int, owned: bool, leased: bool) -> Prepared:
    """The one of a rank that has been due longest, outside of so many wider networks; with `owned` no stranger's. With
    it the next rank that a test which is not done has.

    SKIP LOCKED lets a job be, of those to be `leased`, whose holder renews its lease at this very moment (SQLite has no
    need of it).
    """
    apart: list[Any] = [not_(jobs.c.address.between(*_span_of(number))) for number in range(wide)]
    if owned:
        apart.append(jobs.c.whose == literal_column("''"))
    among = jobs.c.rank == bindparam("rank")
    held = NoneOf(jobs.c.neighbourhood, "near"), NoneOf(jobs.c.address, "addresses")
    wanted = select(jobs.c.id).where(_DUE, among, *held, *apart).order_by(jobs.c.due, jobs.c.id)
    first = wanted.limit(1)
    found = (first.with_for_update(skip_locked=True) if leased else first).scalar_subquery()
    return prepared(select(found.label("found"), _NEXT_RANK.label("behind")), fresh=True)


def _take(job: Job, worker: str) -> dict[str, Any]:
    return {"of": job.id, "held_by": worker, "take": job.takes}
