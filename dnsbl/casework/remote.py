"""The verbs of remote testers: ask for letters of one address, see what became of them.

Store before you act (law 2): the letters are filed, with the nomination that provokes them, before they are handed out.
Their test takes no place in the queue and is nobody's turn; what it shows is judged in `judging`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from dnsbl.addresses import Address, neighbourhood
from dnsbl.casework.admission import Admission, account_of
from dnsbl.casework.base import DAY, refuse_suspended, stop_in, wanted
from dnsbl.casework.queueing import Queueing
from dnsbl.casework.standstill import without_store
from dnsbl.clock import Clock
from dnsbl.errors import NotFound, Refused
from dnsbl.log.leaves import digest_of
from dnsbl.model import Listing, Nomination, Return, Run
from dnsbl.rules import remote, schedule
from dnsbl.rules.remote import Grade
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import LENT, JobReason, Reason, Refusal
from tester import letter as letters
from tester import vectors
from tester.guises import Guise, pair
from tester.letter import Keyring, Letter
from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Lent:
    """Letters in a remote tester's hands."""

    run: Run
    letters: tuple[Letter, ...]
    proofs: tuple[str, ...]  #: of each letter; nobody but its tester is told them
    guise: Guise  #: the domains and the wording of the letters; the name in EHLO is the tester's own
    provocation: str  #: the reference that the letters name
    grade: Grade  #: what they show where they come back


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """How a remote test stands, for its tester."""

    run: Run
    returns: tuple[Return, ...]  #: heads of what came for its letters, in the order of arrival
    listings: tuple[Listing, ...]  #: what its address is listed under by tests, as things stand


class RemoteTests:
    """Tests whose letters somebody else sends."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        keyring: Keyring,
        clock: Clock,
        queueing: Queueing,
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self._queueing = queueing
        self._random = random
        self._admission = Admission(settings)

    def ask(self, nomination: Nomination, *, came_from: Address | None) -> Lent:
        """Give the account of this nomination letters for its address; `came_from` is where it asks from.

        Raises Refused: OFF (no letters for this account, or nobody is tested now), OWN_ADDRESS, EXCLUDED, SUSPENDED,
        ALREADY_LISTED, RESTING or TOO_MANY (with retry_after).
        """
        now, address = self._clock.now(), nomination.address
        remote.refuse_own(address, came_from)
        if address in self._settings.collector.addresses:
            raise Refused(Refusal.OWN_ADDRESS, f"{address} is our own collector.")
        with self._store.write() as tx:
            account = account_of(tx, nomination.reporter)
            grade = remote.grade(account, self._settings.remote)
            self._refuse_now(tx, grade, now)
            refuse_suspended(tx, nomination, self._settings.service.contact)
            job, _ = wanted(tx, self._settings, address, now)
            if job is not None:
                raise Refused(Refusal.RESTING, f"{address} is about to be tested by ourselves.")
            self._refuse_too_soon(tx, address, now)
            evidence, octets = (
                tx.evidence.keep(nomination.evidence, now) if nomination.evidence is not None else (None, 0)
            )
            self._admission.count(tx, nomination, account, octets, now)
            number = tx.nominations.add(nomination, evidence, now)
            actor, provocation = f"{nomination.door} {nomination.nominator}", f"nomination {number}"
            tx.journal.append(
                at=now,
                actor=actor,
                subject=str(address),
                verb="nominated",
                reason=Reason.NOMINATED,
                after="letters for a remote test",
                evidence=provocation + (f", evidence sha256:{evidence}" if evidence else ""),
            )
            run = self._queueing.elsewhere(
                tx,
                address,
                reason=JobReason.REMOTE_PROVEN if grade is Grade.PROVEN else JobReason.REMOTE,
                profile=self._settings.tester.profile if evidence else "basic",
                provocation=provocation,
                whose=nomination.nominator,
                ends=now + timedelta(hours=self._settings.remote.hours),
                now=now,
            )
            tx.nominations.leads_to(number, run.id)
            issued = self._issued(run, now)
            tx.letters.add(issued)
            tx.journal.append(
                at=now,
                actor=actor,
                subject=str(address),
                verb="letters",
                reason=run.reason,
                after=f"{len(issued)} given out: {' '.join(one.vector for one in issued)}",
                evidence=f"run {run.id}, letters sha256:{digest_of(issued)}",
            )
        return Lent(
            run=run,
            letters=issued,
            proofs=tuple(letters.proof(self._keyring, one) for one in issued),
            guise=pair(self._settings.tester.wardrobe(address.version), None, self._random)[0],
            provocation=provocation,
            grade=grade,
        )

    def see(self, run: str, account: str) -> Watched:
        """How a test stands, for the account that has its letters. Raises NotFound for everybody else."""
        with self._store.read() as tx:
            found, job = tx.runs.read(run), tx.jobs.of_run(run)
            if found is None or job is None or found.reason not in LENT or job.whose != f"reporter {account}":
                raise NotFound(f"You have no remote test {run!r:.40}.")
            listing = tx.listings.proven(found.address)
            return Watched(run=found, returns=tuple(tx.returns.of(run)), listings=(listing,) if listing else ())

    def _issued(self, run: Run, now: datetime) -> tuple[Letter, ...]:
        """A letter for each form of the profile that is switched on."""
        off, at = self._settings.tester.vectors_off, int(now.timestamp())
        return tuple(
            letters.issue(
                self._keyring,
                address=run.address,
                port=run.port,
                vector=form.id,
                run=run.id,
                not_before=at,
                not_after=at + int(self._settings.remote.hours * 3600),
                random=self._random,
            )
            for form in vectors.profile(run.profile)
            if form.id not in off and not form.stranger
        )

    def _refuse_now(self, tx: Transaction, grade: Grade, now: datetime) -> None:
        """Raises Refused (OFF) where this account gets no letters, or nobody is tested."""
        if not self._settings.remote.on:
            raise Refused(Refusal.OFF, "This list gives nobody letters to send.")
        if grade is Grade.NONE:
            raise Refused(Refusal.OFF, "Accounts of your tier get no letters here; please write to us.")
        if stop_in(tx) is not None or without_store(self._settings, now) is not None:
            raise Refused(Refusal.OFF, "Nobody is tested at the moment; please come again later.")
        if not self._keyring.keys:
            raise Refused(Refusal.OFF, "This node has no keys at the moment; try again in a minute.")

    def _refuse_too_soon(self, tx: Transaction, address: Address, now: datetime) -> None:
        """Tests of others knock at a host as ours do, and so rest as ours do."""
        last, rest = tx.runs.last_elsewhere(address), timedelta(days=self._settings.policy.rest_days)
        if last is not None and last + rest > now:
            raise Refused(
                Refusal.RESTING,
                f"Letters for {address} were given out not long ago; there are others at "
                f"{last + rest:%Y-%m-%d %H:%M:%S} UTC.",
                retry_after=math.ceil((last + rest - now).total_seconds()),
            )
        if any(address in lab for lab in self._settings.tester.lab_networks):
            return
        near, most = neighbourhood(address), self._settings.tester.per_network_day
        free = schedule.free_again(tx.runs.begun_elsewhere(near, now - DAY), most, DAY)
        if free is not None:
            raise Refused(
                Refusal.TOO_MANY,
                f"There were {most} tests in {near} within a day, which is the limit.",
                retry_after=max(1, math.ceil((free - now).total_seconds())),
            )
