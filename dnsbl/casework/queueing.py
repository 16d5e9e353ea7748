"""Which tests are to be made: a job is queued, pulled forward, or dropped, each with its entry in the journal.

Works inside the transaction of the verb that calls it. Holds no reason of its own (law 4): who asks brings one, and of
those that policy asks for each has its sentence here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import NamedTuple

from dnsbl.addresses import Address, Network
from dnsbl.errors import Refused
from dnsbl.model import ASKED, FollowUp, Job, Run
from dnsbl.rules import schedule
from dnsbl.settings import Policy
from dnsbl.store import Transaction
from dnsbl.vocabulary import ASKED_FOR, Extent, JobReason, JobState, Reason, Refusal
from tester.paths import Path

#: How the address itself is called among those who ask for its removal.
OWNER = "the address itself"
#: How they are called who have shown in another way that it is theirs.
SHOWN = "who has shown control"
#: Tests of a listed address that nobody has asked for: they go when the listing goes.
_PLANNED = frozenset({JobReason.RETEST, JobReason.REPEAT})
#: Addresses whose planned tests go at once.
_AT_ONCE = 5000
#: Addresses whose planned tests come at once, in a turn that others wait for.
SLICE = 250
#: What follows a test within so much time completes it; what comes later is another one.
_COMPLETES = timedelta(days=1)
#: What provoked a test that policy asks for.
_PROVOCATIONS = {
    JobReason.RETEST: "retest of a listed address",
    JobReason.PROBATION: "surprise retest after delisting",
    JobReason.CONFIRM: "confirmation of a letter that came back through another address",
    JobReason.UNREACHABLE: "further try at an address that did not answer",
    JobReason.REPEAT: "repetition of a test that a fault of our own collector spoilt",
    JobReason.VANTAGE: "second look, by another stranger, at a server that refused the first",
}


#: What an owner's request for removal is consent to, where his network is excluded from tests.
_CONSENTED = frozenset({JobReason.REMOVAL, JobReason.VANTAGE, JobReason.CONFIRM, JobReason.REPEAT})

#: Tests of the whole host: who runs it has asked, or it is on the list, or was. What any other follows has its extent.
_WHOLE = frozenset({JobReason.REMOVAL, JobReason.OPERATOR, JobReason.RETEST, JobReason.PROBATION})


#: Tests that follow from the list's own rules, whoever has provoked the one before.
_OURS = frozenset({JobReason.RETEST, JobReason.PROBATION})


def begun(job: Job) -> bool:
    """Whether the job's run has begun: from then on its letters, profile and times stay as they are."""
    return job.takes > 0


def queued_for(due: datetime) -> str:
    """How the journal says that a test waits for its time."""
    return f"queued for {due:%Y-%m-%dT%H:%M:%SZ}"


def refuse_excluded(tx: Transaction, address: Address, contact: str = "", *, shell: bool = False) -> None:
    """Raises Refused (EXCLUDED) for an address that is not to be tested; who thinks otherwise is told whom to ask, and
    an operator at his `shell` what ends it."""
    if exclusion := tx.exclusions.covering(address):
        further = f"; please write to {contact} about that" if contact else ""
        if shell:
            further = f"; `dnsbl exclude {exclusion.network} --end --reason TEXT` ends that"
        raise Refused(Refusal.EXCLUDED, f"{exclusion.network} is not tested, at its owner's or our wish{further}.")


def consented(tx: Transaction, address: Address, reason: JobReason) -> bool:
    """Whether whoever comes from an excluded address has asked for this test since it was excluded: asking for a
    removal is consent to the retest and what completes it, and to nothing later."""
    exclusion = tx.exclusions.covering(address)
    if exclusion is None or reason not in _CONSENTED:
        return False
    asked = tx.removals.last_asked(address, OWNER)
    return asked is not None and asked >= exclusion.since


def unwanted(tx: Transaction, address: Address, reason: JobReason) -> Reason | None:
    """Why an address is neither tested nor listed for a test of this reason: its network is excluded, or nobody has
    named it but a source that was found to be bad."""
    if tx.exclusions.covering(address):
        return None if consented(tx, address, reason) else Reason.EXCLUDED
    if reason in ASKED_FOR or not tx.nominations.void_alone(address) or tx.runs.asked_for([address]):
        return None
    return Reason.PURGED


def asks_of_unwanted(tx: Transaction, address: Address) -> list[Callable[[], object]]:
    """What `unwanted` asks, to be foreseen."""
    return [partial(tx.exclusions.covering, address), partial(tx.nominations.void_alone, address)]


class Planned(NamedTuple):
    """What came of a slice of a network."""

    tests: int  #: that were queued
    behind: Network | None  #: where the next slice begins; None: this was the last


class Queueing:
    """Steps of the queue. `random` makes the ids of runs; `port` is where servers are tested."""

    def __init__(self, port: int, random: Callable[[int], bytes]) -> None:
        self._port = port
        self._random = random

    def add(
        self,
        tx: Transaction,
        address: Address,
        *,
        port: int,
        reason: JobReason,
        profile: str,
        due: datetime,
        provocation: str,
        actor: str,
        now: datetime,
        rank: int = ASKED + 1,
        extent: Extent = Extent.NOMINATED,
        paths: Iterable[Path] = (),
        whose: str = "",
        run: str = "",
    ) -> Job:
        """Queue a test of an address that has no live job, with this run id or a fresh one. Where it is of ways in of
        its own (`paths`), these and no others are offered letters; else `extent` holds for reasons that have none.
        `whose` is the stranger whom it is counted for (`rules.sending`)."""
        chosen = tuple(paths)
        job = tx.jobs.add(
            address=address,
            port=port,
            reason=reason,
            profile=profile,
            due=due,
            run=run or self.fresh_run(),
            provocation=provocation,
            extent=Extent.CHOSEN if chosen else Extent.HOST if reason in _WHOLE else extent,
            rank=rank,
            whose=whose,
        )
        for path in chosen:
            tx.paths.add(job.run, path)
        tx.journal.append(
            at=now,
            actor=actor,
            subject=str(address),
            verb="job",
            reason=reason,
            after=queued_for(due),
            evidence=provocation,
        )
        return job

    def elsewhere(
        self,
        tx: Transaction,
        address: Address,
        *,
        reason: JobReason,
        profile: str,
        provocation: str,
        whose: str,
        ends: datetime,
        now: datetime,
    ) -> Run:
        """A test whose letters `whose` sends, who is a remote tester: it is in no queue, and waits until `ends` for
        what comes back."""
        job = tx.jobs.add(
            address=address,
            port=self._port,
            reason=reason,
            profile=profile,
            due=now,
            run=self.fresh_run(),
            provocation=provocation,
            whose=whose,
            state=JobState.DONE,
        )
        return tx.runs.wait(tx.runs.begin(job, now), ends, "A remote tester has the letters.")

    def at_once(
        self,
        tx: Transaction,
        job: Job | None,
        address: Address,
        *,
        reason: JobReason,
        profile: str,
        provocation: str,
        actor: str,
        now: datetime,
        rank: int = ASKED,
        paths: Iterable[Path] = (),
        whose: str = "",
        due: datetime | None = None,
        run: str = "",
    ) -> Job:
        """A test that is due now, or then: the address's live job, which has not begun, is given that time; else there
        is a new one. By its rank it comes before whatever nobody asked for, unless it is told another. `paths`,
        `whose` and `run` as in `add`."""
        chosen, due = tuple(paths), due or now
        if job is not None and job.reason in _PLANNED:
            due = min(job.due, due)  # what is planned is never put off
        if job is None:
            return self.add(
                tx,
                address,
                port=self._port,
                reason=reason,
                profile=profile,
                due=due,
                provocation=provocation,
                actor=actor,
                now=now,
                paths=chosen,
                rank=rank,
                whose=whose,
                run=run,
            )
        tx.journal.append(
            at=now,
            actor=actor,
            subject=str(address),
            verb="job",
            reason=reason,
            before=f"{queued_for(job.due)}, {job.reason}",
            after="queued for now" if due <= now else queued_for(due),
            evidence=provocation,
        )
        for path in chosen:
            tx.paths.add(job.run, path)
        return tx.jobs.advance(
            job,
            reason=reason,
            profile=profile,
            due=min(job.due, due) if due <= now else due,
            provocation=provocation,
            extent=Extent.CHOSEN if chosen else Extent.HOST if reason in _WHOLE else Extent.NOMINATED,
            rank=rank,
            whose=whose,
        )

    def chance(self) -> float:
        """A number in [0, 1) from 53 random bits."""
        return (int.from_bytes(self._random(7), "big") >> 3) / 2**53

    def plan(
        self,
        tx: Transaction,
        address: Address,
        reason: JobReason,
        due: datetime,
        *,
        port: int,
        actor: str,
        now: datetime,
    ) -> None:
        """Queue a test that policy asks for, without a run to follow."""
        self.add(
            tx,
            address,
            port=port,
            reason=reason,
            profile="standard",
            due=due,
            provocation=_PROVOCATIONS[reason],
            actor=actor,
            now=now,
        )

    def plan_again(
        self,
        tx: Transaction,
        network: Network,
        terms: Policy,
        *,
        behind: Network | None = None,
        actor: str,
        now: datetime,
    ) -> Planned:
        """Queue what policy plans for a slice of the addresses in a network, those behind this one: the retest of each
        that a test has listed, at the time that its schedule has, counted from its listing, and the next surprise
        retest of each that got off. None where a test waits, or nobody may test it."""
        found, tests = tx.listings.tested(network, behind=behind, most=SLICE), 0
        waiting = tx.jobs.live_among(each.network_address for each, _, _ in found)
        for each, listed, off in found:
            address, reason = each.network_address, JobReason.RETEST if listed else JobReason.PROBATION
            if address in waiting or unwanted(tx, address, reason):
                continue
            due = schedule.retest(terms, listed, now) if listed else self._surprise(tx, address, off, terms, now)
            if due is not None:
                self.plan(tx, address, reason, due, port=self._port, actor=actor, now=now)
                tests += 1
        return Planned(tests, found[-1][0] if len(found) == SLICE else None)

    def _surprise(
        self, tx: Transaction, address: Address, off: datetime | None, terms: Policy, now: datetime
    ) -> datetime | None:
        """When what got off the list then is next tested by surprise."""
        if off is None:
            return None
        return schedule.probation(terms, off, tx.runs.probations(address, off, but=""), now, self.chance())

    def fresh_run(self) -> str:
        """A fresh id of a run."""
        return base64.b32encode(self._random(10)).decode().lower()

    def follow(self, tx: Transaction, run: Run, follow_up: FollowUp, now: datetime) -> Job | None:
        """Queue the test that should follow a run, unless one is queued already or the owner wants none.

        What completes a test that was asked for has its rank; what completes a stranger's counts for him.
        """
        if any(unwanted(tx, run.address, reason) for reason in (run.reason, follow_up.reason)):
            return None
        if tx.jobs.live(run.address) is None:
            before = tx.jobs.of_run(run.id) if follow_up.reason not in _OURS else None
            return self.add(
                tx,
                run.address,
                port=run.port,
                reason=follow_up.reason,
                profile=follow_up.profile,
                due=follow_up.due,
                provocation=_PROVOCATIONS[follow_up.reason],
                actor="policy",
                now=now,
                extent=run.extent,
                paths=self._same(tx, run, follow_up),
                rank=ASKED if _completes(run, follow_up, now) else ASKED + 1,
                whose=before.whose if before else "",
            )
        return None

    def by(self, tx: Transaction, run: Run, due: datetime, now: datetime) -> None:
        """The planned retest of a listed address is made then at the latest, whether it is queued already or not."""
        job = tx.jobs.live(run.address)
        if job is None:
            self.follow(tx, run, FollowUp(reason=JobReason.RETEST, due=due, profile="standard"), now)
        elif job.reason in _PLANNED and job.state is JobState.QUEUED and not begun(job) and job.due > due:
            tx.jobs.put_back(job, due, takes=job.takes)
            tx.journal.append(
                at=now,
                actor="policy",
                subject=str(run.address),
                verb="job",
                reason=job.reason,
                before=queued_for(job.due),
                after=queued_for(due),
                evidence="an output of it is to be listed",
            )

    def _same(self, tx: Transaction, run: Run, follow_up: FollowUp) -> list[Path]:
        """The chosen ways in of a run, for the test that follows it; none where that one is of the whole host."""
        if run.extent is not Extent.CHOSEN or follow_up.reason in _WHOLE:
            return []
        return [report.path for report in tx.paths.of(run.id)]

    def drop_planned(self, tx: Transaction, networks: Iterable[Network]) -> None:
        """Unqueue the planned retests of addresses that are no longer listed: their reason is gone (law 4)."""
        single = (network.network_address for network in networks if network.num_addresses == 1)
        while some := list(islice(single, _AT_ONCE)):
            tx.jobs.unqueue(some, _PLANNED)


def _completes(run: Run, follow_up: FollowUp, now: datetime) -> bool:
    """Whether a test that was asked for has its answer only with this one."""
    asked = run.reason in ASKED_FOR and follow_up.reason is not JobReason.PROBATION
    return asked and follow_up.due <= now + _COMPLETES
