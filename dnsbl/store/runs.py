"""Tests that were begun: their state, their verdict, and what policy asks about the past of an address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, insert, select, update

from dnsbl.addresses import Address, Network
from dnsbl.model import Job, Run
from dnsbl.store.clerk import Prepared, prepared
from dnsbl.store.columns import address_key, clean, one_of, span
from dnsbl.store.paths import OF, first_way
from dnsbl.store.schema.tested import COUNTS, WAITING, letters, paths, runs
from dnsbl.store.shelf import Shelf, columns, many, one
from dnsbl.vocabulary import LENT, JobReason, RunState
from tester import canary
from tester.verdict import ELSEWHERE, Verdict

_RUN = columns(runs, Run)
_READ = prepared(select(*_RUN).where(runs.c.id == bindparam("run")))
_FIRST_WAY = prepared(insert(paths))
_BEGIN = prepared(insert(runs).returning(*_RUN))
_CHANGE = prepared(update(runs).where(runs.c.id == bindparam("of")))
_ADDRESS, _FROM, _BUT = (
    runs.c.address == bindparam("address"),
    runs.c.started >= bindparam("from_then"),
    runs.c.id != bindparam("but"),
)
_COUNT = select(func.count()).select_from(runs)
_PROBATIONS = prepared(
    _COUNT.where(_ADDRESS, runs.c.reason == JobReason.PROBATION, runs.c.state == RunState.SETTLED, _FROM, _BUT)
)
_OTHER_OUTPUT = (
    select(letters.c.run)
    .join(paths, and_(paths.c.run == letters.c.run, paths.c.number == letters.c.path))
    .where(
        paths.c.address == bindparam("address"),
        letters.c.vector != canary.FORM,
        letters.c.finding.in_(ELSEWHERE),
    )
)
_WITH_OTHER_OUTPUT = prepared(
    _COUNT.where(COUNTS, runs.c.state == RunState.SETTLED, _FROM, _BUT, runs.c.id.in_(_OTHER_OUTPUT))
)
_JUDGED_AFTER = prepared(
    _COUNT.where(
        COUNTS,
        _ADDRESS,
        runs.c.started > bindparam("since"),
        runs.c.verdict.in_(bindparam("verdicts", expanding=True)),
    )
)
_SETTLED_BEFORE = prepared(
    select(runs.c.reason, runs.c.unreached)
    .where(COUNTS, _ADDRESS, runs.c.started < bindparam("until"), runs.c.state == RunState.SETTLED)
    .order_by(runs.c.started.desc())
    .limit(20)
)
_BEGUN_IN = prepared(
    select(runs.c.started)
    .where(runs.c.address.between(bindparam("low"), bindparam("high")), COUNTS)
    .order_by(runs.c.started.desc())
    .offset(bindparam("before"))
    .limit(1)
)
_OF = prepared(
    select(*_RUN).where(_ADDRESS, COUNTS).order_by(runs.c.started.desc(), runs.c.id).limit(bindparam("most"))
)
_LAST_STARTED = prepared(select(func.max(runs.c.started)).where(_ADDRESS, COUNTS))
_FIRST_SETTLED = prepared(
    select(func.min(runs.c.settled)).where(COUNTS, _ADDRESS, runs.c.verdict == bindparam("verdict"), _FROM, _BUT)
)


class Runs(Shelf):
    """One row a run, from its first take on."""

    def begin(self, job: Job, started: datetime) -> Run:
        """Open the run of a job. Where no ways in were filed with the job, the address's mail port is the first."""
        values = {
            "id": job.run,
            "address": job.address,
            "port": job.port,
            "reason": job.reason,
            "profile": job.profile,
            "provocation": job.provocation,
            "state": RunState.OPEN,
            "started": started,
            "explanation": "",
            "unreached": False,
            "extent": job.extent,
        }
        if self._sql.execute(OF, {"run": job.run}).first() is None:
            first = first_way(job)
            way = {"address": first.address, "port": first.port, "tls": first.tls}
            self._sql.later(_FIRST_WAY, {"run": job.run, "number": 0, "explanation": "", **way})
        return Run(**self._sql.execute(_BEGIN, values).one()._asdict())

    def read(self, run: str) -> Run | None:
        """The run of this id."""
        return one(Run, self._sql.execute(_READ, {"run": run}).one_or_none())

    def these(self, ids: Iterable[str]) -> dict[str, Run]:
        """The runs of these ids, of 500 at most."""
        wanted = select(*_RUN).where(runs.c.id.in_(list(ids)))
        return {run.id: run for run in many(Run, self._sql.execute(wanted))}

    def provocation(self, run: str) -> str:
        """What provoked this run."""
        return str(self._sql.execute(select(runs.c.provocation).where(runs.c.id == run)).scalar_one())

    def wait(self, run: Run, ends: datetime, explanation: str) -> Run:
        """All is said; letters may come back until `ends`. Returns the run as it is then."""
        told: dict[str, Any] = {"state": RunState.WAITING, "ends": ends, "explanation": clean(explanation)}
        self._sql.later(_CHANGE, {"of": run.id, **told})
        return replace(run, **told)

    def settle(
        self, run: Run, *, verdict: Verdict | None, explanation: str, at: datetime, unreached: bool = False
    ) -> Run:
        """Judged for good; without a verdict where a remote tester's letters have shown nothing. `unreached`: no
        connection came about, in this run's whole course. Returns the run as it is then."""
        told: dict[str, Any] = {"state": RunState.SETTLED, "verdict": verdict, "explanation": clean(explanation)}
        self._sql.later(_CHANGE, {"of": run.id, **told, "settled": at, "unreached": unreached})
        return replace(run, **told)

    def over(self, now: datetime, *, most: int) -> list[str]:
        """The waiting runs whose delivery window has closed, the longest closed first."""
        wanted = select(runs.c.id).where(WAITING, runs.c.ends <= now)
        return list(self._sql.execute(wanted.order_by(runs.c.ends).limit(most)).scalars())

    def asked_for(self, addresses: Iterable[Address]) -> set[Address]:
        """Those of at most 5000 addresses that an operator, or whoever comes from there, has had tested."""
        wanted = select(runs.c.address).where(
            runs.c.address.in_(list(addresses)), runs.c.reason.in_([JobReason.OPERATOR, JobReason.SELF_TEST])
        )
        return set(self._sql.execute(wanted.distinct()).scalars())

    def under_way(self) -> list[Run]:
        """The runs that are not settled."""
        found = self._sql.execute(select(*_RUN).where(runs.c.state != RunState.SETTLED).order_by(runs.c.started))
        return many(Run, found)

    def of(self, address: Address, *, most: int) -> list[Run]:
        """The runs of an address that count for the list, newest first."""
        return many(Run, self._sql.execute(_OF, {"address": address, "most": most}))

    def newest_among(
        self, addresses: Iterable[Address], *, most: int
    ) -> dict[Address, list[tuple[RunState, Verdict | None]]]:
        """How these runs stand, of each of at most 5000 addresses that has some."""
        order = runs.c.started.desc(), runs.c.id
        place = func.row_number().over(partition_by=runs.c.address, order_by=order).label("place")
        every = select(runs.c.address, runs.c.state, runs.c.verdict, place)
        ranked = every.where(one_of(runs.c.address, map(address_key, addresses)), COUNTS).subquery()
        wanted = select(ranked.c.address, ranked.c.state, ranked.c.verdict).where(ranked.c.place <= most)
        found: dict[Address, list[tuple[RunState, Verdict | None]]] = {}
        for address, state, verdict in self._sql.execute(wanted.order_by(ranked.c.address, ranked.c.place)):
            found.setdefault(address, []).append((state, verdict))
        return found

    def last_started(self, address: Address) -> datetime | None:
        """When the newest run of an address began."""
        started: datetime | None = self._sql.execute(_LAST_STARTED, {"address": address}).scalar()
        return started

    def last_elsewhere(self, address: Address) -> datetime | None:
        """When a remote tester was last given letters for an address."""
        wanted = select(func.max(runs.c.started)).where(runs.c.address == address, runs.c.reason.in_(LENT))
        return self._sql.execute(wanted).scalar()

    def begun_elsewhere(self, network: Network, since: datetime) -> list[datetime]:
        """When remote testers were given letters for addresses of a network since then, oldest first."""
        wanted = select(runs.c.started).where(
            runs.c.address.between(*span(network)), runs.c.reason.in_(LENT), runs.c.started >= since
        )
        return list(self._sql.execute(wanted.order_by(runs.c.started)).scalars())

    def begun_in(self, network: Network, n: int) -> datetime | None:
        """When the run that is the `n`-th newest in this network began, or None when there are fewer."""
        low, high = span(network)
        began: datetime | None = self._sql.execute(_BEGUN_IN, {"low": low, "high": high, "before": n - 1}).scalar()
        return began

    def first_settled(self, address: Address, verdict: Verdict, since: datetime, *, but: str) -> datetime | None:
        """When the first run begun since then, other than `but`, was settled with this verdict."""
        asked = {"address": address, "verdict": verdict, "from_then": since, "but": but}
        settled: datetime | None = self._sql.execute(_FIRST_SETTLED, asked).scalar()
        return settled

    def probations(self, address: Address, since: datetime, *, but: str) -> int:
        """How many surprise retests, other than `but`, were begun since then and settled."""
        return self._count(_PROBATIONS, address=address, from_then=since, but=but)

    def with_other_output(self, address: Address, since: datetime, *, but: str) -> int:
        """How many settled runs begun since then, other than `but`, had a letter come back from another address that
        was offered to this one, whichever address of the machine they were of."""
        return self._count(_WITH_OTHER_OUTPUT, address=address, from_then=since, but=but)

    def closed_after(self, run: Run) -> bool:
        """Whether a later run of the same address has shown that it no longer relays."""
        return self.judged_after(run, run.address, [Verdict.CLOSED, Verdict.ACCEPTS_BOUNCES])

    def judged_after(self, run: Run, address: Address, verdicts: Iterable[Verdict]) -> bool:
        """Whether a later run of this address has come to one of these verdicts."""
        return self._count(_JUDGED_AFTER, address=address, since=run.started, verdicts=list(verdicts)) > 0

    def unreached_before(self, run: Run) -> int:
        """How many tries in a row, up to this one, could not reach the address.

        Counted along the chain that one provocation set going: back over runs with the reason UNREACHABLE to the run
        that they are the further tries of.
        """
        count, further = 0, run.reason is JobReason.UNREACHABLE
        for reason, unreached in self._sql.execute(_SETTLED_BEFORE, {"address": run.address, "until": run.started}):
            if not further or not unreached:
                break
            count, further = count + 1, reason is JobReason.UNREACHABLE
        return count

    def judged(self, since: datetime) -> dict[Verdict, int]:
        """How many runs that count for the list were judged since then, by verdict."""
        wanted = select(runs.c.verdict, func.count()).where(
            COUNTS, runs.c.settled >= since, runs.c.verdict.is_not(None)
        )
        return {verdict: int(count) for verdict, count in self._sql.execute(wanted.group_by(runs.c.verdict))}

    def _count(self, wanted: Prepared, **asked: Any) -> int:
        return int(self._sql.execute(wanted, asked).scalar_one())
