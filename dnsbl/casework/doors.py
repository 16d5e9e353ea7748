"""The verbs of strangers, at whatever door they come in: nominate a suspect, ask for a removal."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from dnsbl.addresses import Address, network_of
from dnsbl.casework.admission import Admission, account_of
from dnsbl.casework.allowance import Allowance
from dnsbl.casework.base import (
    Asker,
    Clears,
    asks_of_wanted,
    at_once,
    cleared,
    next_removal,
    refuse_suspended,
    wanted,
)
from dnsbl.casework.queueing import Queueing, begun, queued_for, refuse_excluded
from dnsbl.clock import Clock
from dnsbl.errors import NotFound, Refused
from dnsbl.logbook import events
from dnsbl.model import ASKED, Exclusion, Job, Listing, Nomination, ReporterAccount
from dnsbl.rules import reporters, schedule, sending
from dnsbl.rules.intake import Intake, Taken
from dnsbl.settings import Settings
from dnsbl.settings.policy import AT_ONCE, OWNERS
from dnsbl.store import Store, Transaction
from dnsbl.store.evidence import name_of
from dnsbl.vocabulary import TRUSTED, Door, JobReason, JobState, Reason, Refusal

if TYPE_CHECKING:
    from dnsbl.casework.posting import Posting

_log = logging.getLogger("dnsbl.journal")


class Doors:
    """Requests; each is taken, with a journal entry, or refused with one sentence."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        queueing: Queueing,
        posting: Posting,
        clears: Clears = at_once,
    ) -> None:
        """`clears` says how long caches may keep an answer about listings of these kinds that have ended."""
        self._clears = clears
        self._posting = posting
        self._store = store
        self._settings = settings
        self._clock = clock
        self._queueing = queueing
        self._admission = Admission(settings)
        self._allowance = Allowance(settings.tester)

    def reporter_of(self, key: str) -> ReporterAccount:
        """The account whose key this is. Raises Refused: UNKNOWN_KEY, or SUSPENDED."""
        with self._store.read() as tx:
            account = tx.reporters.by_key(reporters.hash_of(key))
        if account is None:
            raise Refused(Refusal.UNKNOWN_KEY, "This key is none of ours, or no longer; ask for a new one.")
        if account.suspended is not None:
            raise Refused(Refusal.SUSPENDED, "Nothing is taken under this key at the moment; please write to us.")
        return account

    def nominate(self, nomination: Nomination, *, confirm: str = "") -> Job:
        """File a nomination with its evidence and queue its test; `confirm` is a mail address to which that is written,
        where the settings say so.

        While a test of the address is under way, or an earlier nomination's is queued, that one serves both. Raises
        Refused: EXCLUDED, ALREADY_LISTED, RESTING (with retry_after) when it was tested not long ago, TOO_MANY, or
        SUSPENDED. Where all wait in one queue, who nominates a listed address asks for its retest.
        """
        try:
            return self._nominate(nomination, confirm)
        except Refused as error:
            door, who = nomination.door, f"{nomination.door} {nomination.nominator}"
            events.refused(_log, door=door, actor=who, reason=error.reason, address=nomination.address)
            raise

    def _nominate(self, nomination: Nomination, confirm: str) -> Job:
        now, address = self._clock.now(), nomination.address
        if self._settings.policy.one_queue and (again := self._resubmitted(nomination, confirm)) is not None:
            return again
        name = name_of(nomination.evidence) if nomination.evidence is not None else ""
        with self._store.write() as tx:
            self._foresee(tx, nomination, name, now)
            refuse_excluded(tx, address, self._settings.service.contact, shell=(shell := nomination.door is Door.CLI))
            self._refuse_door(nomination.door)
            account = account_of(tx, nomination.reporter)
            refuse_suspended(tx, nomination, self._settings.service.contact)
            job, shared = wanted(tx, self._settings, address, now, shell=shell)
            rank = ASKED if shared else self._admission.queue(tx, nomination)
            evidence, octets = (
                tx.evidence.keep(nomination.evidence, now, name=name) if nomination.evidence is not None else (None, 0)
            )
            rank = max(rank, self._admission.count(tx, nomination, account, octets, now))
            run = job.run if job is not None else self._queueing.fresh_run()
            number = tx.nominations.add(nomination, evidence, now, run=run)
            actor = f"{nomination.door} {nomination.nominator}"
            tx.journal.append(
                at=now,
                actor=actor,
                subject=str(address),
                verb="nominated",
                reason=Reason.NOMINATED,
                before=job.state if job else "",
                after=job.state if job and shared else JobState.QUEUED,
                evidence=f"nomination {number}" + (f", evidence sha256:{evidence}" if evidence else ""),
            )
            self._posting.nominated(tx, address, confirm, actor=actor, now=now)
            if job is not None and shared:
                return tx.jobs.release(job, min(job.due, now)) if nomination.door in TRUSTED and job.whose else job
            profile = self._settings.tester.profile if evidence else "basic"
            return self._queueing.at_once(
                tx,
                job,
                address,
                run=run,
                reason=JobReason.NOMINATION,
                profile=profile,
                provocation=f"nomination {number}",
                actor=actor,
                now=now,
                rank=rank,
                whose=sending.stranger(nomination.nominator, known=nomination.door in TRUSTED),
            )

    def _foresee(self, tx: Transaction, nomination: Nomination, name: str, now: datetime) -> None:
        """Ask together what taking a nomination asks; `name` is that of its evidence, or ""."""
        asks: list[Callable[[], object]] = [partial(tx.suspensions.all), *asks_of_wanted(tx, nomination.address)]
        if nomination.door not in TRUSTED:
            asks.append(partial(self._admission.waiting, tx, nomination.address))
        if nomination.door not in TRUSTED and not nomination.reporter:
            asks.append(partial(self._admission.brought, tx, nomination, None, now))
        if name:
            asks.append(partial(tx.evidence.size, name))
        tx.foresee(*asks, partial(tx.journal.strange, now))

    def nominate_each(
        self, cases: Iterable[Intake], *, confirm: str = "", door: Door | None = None
    ) -> tuple[Taken, ...]:
        """File what each message of some evidence nominates, one by one: a refusal of one is none of the others. `door`
        is where the evidence came in, for the log of what nominates nobody."""
        taken: list[Taken] = []
        for case in cases:
            job, refused = None, case.refused
            if case.nomination is not None:
                try:
                    job = self.nominate(case.nomination, confirm=confirm)
                except Refused as error:
                    refused = error
            elif refused is not None:
                events.refused(_log, door=door or "", actor=door or "somebody", reason=refused.reason)
            taken.append(Taken(case=case, job=job, refused=refused))
        return tuple(taken)

    def foresee_each(self, cases: Iterable[Intake]) -> tuple[Taken, ...]:
        """What would come of each message; nothing is filed. What is refused for its number is not foreseen."""
        now, taken = self._clock.now(), []
        with self._store.read() as tx:
            for case in cases:
                refused = case.refused
                if case.nomination is not None:
                    try:
                        account_of(tx, case.nomination.reporter)
                        refuse_suspended(tx, case.nomination, self._settings.service.contact)
                        nomination = case.nomination
                        wanted(tx, self._settings, nomination.address, now, shell=nomination.door is Door.CLI)
                    except Refused as error:
                        again = self._settings.policy.one_queue and error.reason is Refusal.ALREADY_LISTED
                        refused = None if again else error
                taken.append(Taken(case=case, job=None, refused=refused))
        return tuple(taken)

    def no_more_mail(self, token: str, *, done: bool) -> str:
        """The domain of whoever got the mail with this token; `done`: he has said that he wants no more, and gets none
        from now on. Raises NotFound for a token of no mail that is remembered (notices.keep_days)."""
        now = self._clock.now()
        with self._store.write() as tx:
            notice = tx.notices.find(token)
            if notice is None or not notice.recipient:
                raise NotFound("There is no such mail of ours, or it is too long ago; please write to us.")
            domain = notice.recipient.rpartition("@")[2]
            if done and tx.notices.silence(notice.recipient, why="it has said so itself", at=now):
                tx.journal.append(
                    at=now,
                    actor="web, by the link in a mail",
                    subject="list",
                    verb="silence",
                    reason=Reason.OPTED_OUT,
                    after="silenced",
                    evidence=f"notice {notice.id}, somebody at {domain}, {self._posting.veiled(notice.recipient)}",
                )
            return domain

    def ask_removal(
        self, address: Address, *, door: Door, actor: str, control: bool = False, shown: bool = False, tell: str = ""
    ) -> Job | None:
        """Queue the retest of a listed address, now or on the day that is drawn. A test that is under way is returned
        instead; None where the request alone has ended the listing (`policy.removal`). `tell` is a mail address to
        which the result is written.

        `control` says that whoever asks has shown the address to be his: he asks from there, which is consent to a
        test of an excluded one too, or he has `shown` it in another way, which is none. Raises Refused: NOT_LISTED,
        NOT_SHOWN (only who has shown that may ask), EXCLUDED (we may not test it), or RESTING with retry_after.
        """
        try:
            return self._removal(address, door, actor, control, shown, tell)
        except Refused as error:
            who = f"{door} {actor}"
            events.refused(_log, door=door, actor=who, reason=error.reason, address=address, removal=True)
            raise

    def _removal(self, address: Address, door: Door, actor: str, control: bool, shown: bool, tell: str) -> Job | None:
        now, terms = self._clock.now(), self._settings.policy
        with self._store.write() as tx:
            listing = tx.listings.proven(address)
            if listing is None:
                raise Refused(Refusal.NOT_LISTED, self._nothing_to_remove(tx, address, door))
            exclusion = tx.exclusions.covering(address)
            if exclusion is not None and (shown or not control) and terms.removal not in AT_ONCE:
                raise Refused(Refusal.EXCLUDED, self._excluded_and_listed(exclusion, listing, door))
            job, asker = tx.jobs.live(address), Asker.of(door, actor, control=control, shown=shown)
            if terms.removal in OWNERS and not asker.known:
                raise Refused(Refusal.NOT_SHOWN, self._only_its_owner(address))
            actor = f"{door} {actor}"
            under_way = job is not None and (begun(job) or job.reason is JobReason.REMOVAL)
            wait = next_removal(tx, listing, terms, asker, now)
            if wait is not None and (terms.removal in AT_ONCE or not under_way):
                sooner = f"; `dnsbl test {address}` tests it now" if door is Door.CLI else ""
                raise Refused(
                    Refusal.RESTING,
                    f"{wait.why}; your next request is taken at {wait.until:%Y-%m-%d %H:%M:%S} UTC{sooner}.",
                    retry_after=math.ceil((wait.until - now).total_seconds()),
                )
            if terms.removal in AT_ONCE:
                self._take_off(tx, listing, actor, now)
                return None
            if job is not None and under_way and asker.known and job.whose:
                job = self._release(tx, job, now)
            if job is not None and begun(job) and asker.known:
                job = self._sooner(tx, job, actor, now)
            if job is not None and under_way:
                self._posting.hear(tx, job, tell)
                if not self._joins(tx, job, asker, now):
                    return job
            state = f"listed {listing.kind}"
            tx.journal.append(
                at=now,
                actor=actor,
                subject=str(address),
                verb="asked-removal",
                reason=Reason.ASKED_REMOVAL,
                before=state,
                after=state,
            )
            if job is not None and under_way:
                return job
            profile = "full" if job is not None and job.profile == "full" else "standard"
            queued = self._queueing.at_once(
                tx,
                job,
                address,
                reason=JobReason.REMOVAL,
                profile=profile,
                provocation="request for removal",
                actor=actor,
                now=now,
                rank=ASKED + 1 if terms.one_queue else ASKED,
                whose=sending.stranger(asker.name, known=asker.known),
                due=schedule.removal_due(terms, now, self._queueing.chance()),
            )
            tx.removals.add(address, queued.run, asker=asker.name, counted=not asker.known, at=now)
            self._posting.hear(tx, queued, tell)
            return queued

    def _resubmitted(self, nomination: Nomination, confirm: str) -> Job | None:
        """The retest that is asked for by nominating a listed address; None for one that is not, or got off by it."""
        with self._store.read() as tx:
            if tx.listings.proven(nomination.address) is None:
                return None
        self._refuse_door(nomination.door)
        who = nomination.nominator
        return self._removal(nomination.address, nomination.door, who, False, False, confirm)

    def _take_off(self, tx: Transaction, listing: Listing, actor: str, now: datetime) -> None:
        """A listing ends since somebody has asked for it; surprise retests follow."""
        tx.listings.end([listing.id], at=now, reason=Reason.REMOVED)
        tx.changes.add([listing.network], listing.kind, present=False, at=now)
        self._queueing.drop_planned(tx, [listing.network])
        address = listing.network.network_address
        tx.journal.append(
            at=now,
            actor=actor,
            subject=str(address),
            verb="delisted",
            reason=Reason.REMOVED,
            before=f"listed {listing.kind}",
            after="not listed",
            evidence=f"a request{cleared(self._clears, [listing.kind], now)}",
        )
        self._queueing.plan_again(tx, listing.network, self._settings.policy, actor="policy", now=now)

    def _only_its_owner(self, address: Address) -> str:
        """What is said to who has not shown that the address is his, where only its owner may ask."""
        page = f"{self._settings.web.base_url}/control?address={address}"
        return f"Here only who shows that {address} is his may ask for its removal: come from it, or see {page}."

    def _excluded_and_listed(self, exclusion: Exclusion, listing: Listing, door: Door) -> str:
        """What is said to who asks for the removal of what may not be tested: the truth, and ways off."""
        operator = f"an operator can be written to at {self._settings.service.contact}"
        if door is Door.CLI:
            operator = f"after `dnsbl exclude {exclusion.network} --end --reason TEXT` it is retested for you"
        ends = f"the listing ends by itself at {listing.expires:%Y-%m-%d %H:%M} UTC" if listing.expires else ""
        own = "whoever asks from the address itself has it retested once all the same, and so removed when it is closed"
        ways = "; ".join(filter(None, [own, operator, ends]))
        return (
            f"{listing.network.network_address} is listed, and {exclusion.network} is not tested, at its owner's or "
            f"our wish, so no retest is made for others: {ways}."
        )

    def _refuse_door(self, door: Door) -> None:
        """Raises Refused (OFF) at a door where this list takes no nominations."""
        if door not in TRUSTED and door not in self._settings.policy.nominators:
            open_ones = ", ".join(self._settings.policy.nominators) or "none"
            raise Refused(Refusal.OFF, f"Nominations are not taken by {door} here; the ways are: {open_ones}.")

    def _release(self, tx: Transaction, job: Job, now: datetime) -> Job:
        """A test that a stranger has asked for is the owner's from now on: what strangers may have us send does not
        concern it, and where that has put it off, it goes on."""
        put_off = self._allowance.why(tx, job, now) or not (begun(job) or self._settings.policy.removal_delay_days[1])
        return tx.jobs.release(job, min(job.due, now) if put_off else job.due)

    def _sooner(self, tx: Transaction, job: Job, actor: str, now: datetime) -> Job:
        """A test that has begun and that the server has put off, perhaps for a day: whoever has shown the address to be
        his knows better. It goes on after the shortest wait that we keep after a refusal for now."""
        soon = now + timedelta(seconds=min(self._settings.tester.retry_after, default=360.0))
        if job.state is not JobState.QUEUED or job.due <= soon:
            return job
        tx.jobs.put_back(job, soon, takes=job.takes)
        tx.journal.append(
            at=now,
            actor=actor,
            subject=str(job.address),
            verb="job",
            reason=JobReason.REMOVAL,
            before=f"{queued_for(job.due)}, {job.reason}",
            after=queued_for(soon),
        )
        return replace(job, due=soon)

    def _joins(self, tx: Transaction, job: Job, asker: Asker, now: datetime) -> bool:
        """Whether a request is news where a test is under way: what has not begun is his retest as well, once."""
        return begun(job) or tx.removals.add(job.address, job.run, asker=asker.name, counted=False, at=now)

    def _nothing_to_remove(self, tx: Transaction, address: Address, door: Door) -> str:
        """What is said to somebody who asks for a removal that no retest can bring."""
        inputs = [str(each.input.network_address) for each in tx.outputs.of_output(network_of(address))]
        if inputs:
            return (
                f"{address} itself was not tested: letters that {', '.join(inputs[:5])} had taken came out of it. Ask "
                "for the retest there; what is listed, or will be, for that ends when no such relay is left."
            )
        if others := tx.listings.covering(address):
            ends = f"please write to {self._settings.service.contact}."
            if door is Door.CLI:
                ends = f"{others[0].dropping} does."
            return (
                f"{address} is not listed for relaying; an operator has listed it as {others[0].kind}, which no retest "
                f"ends: {ends}"
            )
        return f"{address} is not listed for relaying: there is nothing to remove, and nothing that you need to do."
