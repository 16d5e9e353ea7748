"""The verbs of those who run the list: order a test, exclude, stop, list by their word, and read what was written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

from dnsbl.addresses import Address, Network
from dnsbl.casework.base import RESUMED, STOPPED, TESTER, Clears, subject_of
from dnsbl.casework.bulk import Bulk, Told
from dnsbl.casework.queueing import Queueing, begun, refuse_excluded
from dnsbl.casework.slices import SLICE, in_slices, until_done
from dnsbl.clock import Clock
from dnsbl.errors import NotFound, Refused
from dnsbl.model import Entry, Exclusion, Job, Listing, Return
from dnsbl.rules import targets
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.journal import CLOCK, Clocked
from dnsbl.store.packed import Packed
from dnsbl.vocabulary import DECLARED, DO_NOT_TEST, EXCEPTION, EXEMPT, PROOF_KINDS, JobReason, Reason, Refusal

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging

#: What a kind is called: a word that is fit for a file, a zone and a page.
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
#: Addresses of a network whose entries are read with its own.
INSIDE_MOST = 256


class Operators:
    """An operator's word is obeyed, never without an entry in the journal; it cannot list a relay (law 1)."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, queueing: Queueing, judging: Judging, clears: Clears
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._queueing = queueing
        self._judging = judging
        self._bulk = Bulk(store, settings, clock, queueing, clears)

    def order_test(self, address: Address, *, profile: str, actor: str) -> Job:
        """An operator's test, now. A queued job of the address is pulled forward; one under way is returned.

        Raises Refused (EXCLUDED).
        """
        now = self._clock.now()
        with self._store.write() as tx:
            refuse_excluded(tx, address, shell=True)
            job = tx.jobs.live(address)
            if job is not None and (begun(job) or job.reason is JobReason.REMOVAL):
                tx.journal.append(
                    at=now,
                    actor=actor,
                    subject=str(address),
                    verb="job",
                    reason=JobReason.OPERATOR,
                    before=job.state,
                    after=job.state,
                )
                return job
            return self._queueing.at_once(
                tx,
                job,
                address,
                reason=JobReason.OPERATOR,
                profile=profile,
                provocation="an operator of this list",
                actor=actor,
                now=now,
            )

    def exclude(self, network: Network, *, reason: str, actor: str, public: str = "") -> Exclusion:
        """No tests in this network from now on; queued ones are dropped. Existing listings stay until they expire.

        `reason` stays among operators; `public` is shown to everybody, and without one that of an earlier exclusion of
        this network stays. Raises Refused (TOO_WIDE).

        Tests are dropped in slices that let others write; where that breaks off, the same again does the rest."""
        now = self._clock.now()
        targets.excludable(network, self._settings)
        with self._store.write() as tx:
            before = tx.exclusions.at(network)
            exclusion = Exclusion(
                network=network, reason=reason, public=public or (before.public if before else ""), since=now
            )
            tx.exclusions.put(exclusion)
            if before is None:
                tx.changes.add([network], DO_NOT_TEST, present=True, at=now)
            subject = subject_of(network)
            tx.journal.append(
                at=now,
                actor=actor,
                subject=subject,
                verb="excluded",
                reason=Reason.EXCLUDED,
                after="excluded",
                evidence=reason,
                clocked=Clocked.NOTED,
            )

        def drop(tx: Transaction) -> bool:
            queued = tx.jobs.queued_in(network, most=SLICE)
            for job in queued:
                self._judging.unqueue(tx, job, reason=Reason.EXCLUDED, actor=actor, now=now)
            return len(queued) == SLICE

        in_slices(self._store, until_done(drop), unfinished=_undropped(network))
        return exclusion

    def end_exclusion(self, network: Network, *, reason: str, actor: str) -> None:
        """This network may be tested again: what stands on the list there, and what got off it, as policy plans it, all
        else when somebody nominates it. Raises Refused where it is not excluded.

        Tests are planned in slices that let others write; where that breaks off, the same again does the rest."""
        now = self._clock.now()
        with self._store.write() as tx:
            excluded = tx.exclusions.end(network)
            if excluded:
                tx.changes.add([network], DO_NOT_TEST, present=False, at=now)
                tx.journal.append(
                    at=now,
                    actor=actor,
                    subject=subject_of(network),
                    verb="exclusion-ended",
                    reason=Reason.OPERATOR,
                    before="excluded",
                    after="may be tested",
                    evidence=reason,
                )
        if not self._plan_again(network, actor, now) and not excluded:
            raise Refused(Refusal.NOT_EXCLUDED, f"{network} is not excluded; `dnsbl exclude --list` shows what is.")

    def _plan_again(self, network: Network, actor: str, now: datetime) -> int:
        """Queue what policy plans there, a slice at a time; returns how many tests. What breaks it off says so."""
        tests, behind, terms = 0, None, self._settings.policy

        def plan(tx: Transaction) -> bool:
            nonlocal tests, behind
            planned = self._queueing.plan_again(tx, network, terms, behind=behind, actor=actor, now=now)
            tests, behind = tests + planned.tests, planned.behind
            return behind is not None

        in_slices(self._store, until_done(plan), unfinished=_unplanned(network))
        return tests

    def exclusions(self) -> list[Exclusion]:
        """Every network that is not tested, in the order of networks."""
        with self._store.read() as tx:
            return tx.exclusions.all()

    def stop(self, *, reason: str, actor: str) -> None:
        """End all dialling, everywhere, within a second: conversations are broken off, their jobs wait."""
        with self._store.write() as tx:
            tx.journal.append(
                at=self._clock.now(),
                actor=actor,
                subject=TESTER,
                verb=STOPPED,
                reason=Reason.OPERATOR,
                after="dials nobody",
                evidence=reason,
                clocked=Clocked.NOTED,
            )

    def resume(self, *, reason: str, actor: str) -> None:
        """Dial again."""
        with self._store.write() as tx:
            tx.journal.append(
                at=self._clock.now(),
                actor=actor,
                subject=TESTER,
                verb=RESUMED,
                reason=Reason.OPERATOR,
                after="dials",
                evidence=reason,
            )

    def announce_end(self, origin: str, end: date | None, *, reason: str, actor: str) -> None:
        """Enter that a zone will list nothing from this day on, or that it goes on after all. The day itself stands in
        the zone's file."""
        with self._store.write() as tx:
            tx.journal.append(
                at=self._clock.now(),
                actor=actor,
                subject=f"zone {origin}",
                verb="retiring" if end else "retiring-ended",
                reason=Reason.OPERATOR,
                after=f"ends on {end}" if end else "goes on",
                evidence=reason,
            )

    def trust_clock(self, *, reason: str, actor: str) -> None:
        """The clock of this machine is right, whatever the store knows: what depends on time goes on by it."""
        now = self._clock.now()
        with self._store.write() as tx:
            tx.nodes.forget_after(now)
            tx.journal.append(
                at=now,
                actor=actor,
                subject=CLOCK,
                verb="trusted",
                reason=Reason.OPERATOR,
                after="what depends on time goes on",
                evidence=reason,
                clocked=Clocked.TRUSTED,
            )

    def list_networks(
        self,
        networks: Iterable[Network] | Packed,
        *,
        kind: str,
        reason: str,
        actor: str,
        public: str = "",
        told: Told = lambda _: None,
    ) -> int:
        """An operator's listings (never a proof kind), until their review; returns how many are new, none where another
        operator has to confirm them first (`Reviewing.confirm`). Raises Refused, before anything is changed.

        `reason` stays among operators; `public` is shown to everybody who looks the network up. Many are listed in
        slices (`casework.bulk`); `told` is called with how many were gone through.
        """
        if kind in PROOF_KINDS | DECLARED or not _KIND.match(kind):
            why = "it stands for a test's proof, or lists nobody; take a kind of your own, such as manual"
            raise Refused(Refusal.WRONG_KIND, f"{kind!r:.40} is not a kind that an operator may list under: {why}.")
        packed = networks if isinstance(networks, Packed) else Packed.of(networks)
        if self._settings.policy.two_persons:
            self._bulk.propose_all(packed, kind=kind, reason=reason, actor=actor, public=public, told=told)
            return 0
        return self._bulk.list_all(packed, kind=kind, reason=reason, actor=actor, public=public, told=told)

    def drop_networks(
        self,
        networks: Iterable[Network] | Packed,
        *,
        kind: str,
        reason: str,
        actor: str,
        told: Told = lambda _: None,
    ) -> int:
        """End listings of this kind, many in slices as `list_networks` does; returns how many ended. Raises Refused,
        before anything is changed, for what is not listed, unless an operator has dropped it before."""
        packed = networks if isinstance(networks, Packed) else Packed.of(networks)
        return self._bulk.drop_all(packed, kind=kind, reason=reason, actor=actor, told=told)

    def leave_out(self, network: Network, *, reason: str, actor: str, public: str = "") -> list[Listing]:
        """An exception: leave a network out of every wider listing, those of today, which are returned, and later ones.

        What lists this very network, or a narrower one, counts as before. Raises Refused where this network itself is
        listed, is left out already, or may not be listed.
        """
        now = self._clock.now()
        targets.listable(network, self._settings)
        with self._store.write() as tx:
            if network in tx.listings.active([network], EXCEPTION):
                raise Refused(Refusal.NOT_EXCEPTED, f"{network} is left out already.")
            around = tx.listings.covering(network)
            if here := next((listing for listing in around if listing.network == network), None):
                raise Refused(
                    Refusal.NOT_EXCEPTED,
                    f"{network} itself is listed as {here.kind}, from which nothing leaves it out; `dnsbl listing "
                    "drop` ends a listing.",
                )
            tx.listings.add(
                [network],
                kind=EXCEPTION,
                since=now,
                expires=None,
                reason=Reason.OPERATOR,
                note=reason,
                public=public,
                author=actor,
            )
            for kind in (EXCEPTION, EXEMPT):
                tx.changes.add([network], kind, present=True, at=now)
            tx.journal.append(
                at=now,
                actor=actor,
                subject=subject_of(network),
                verb="excepted",
                reason=Reason.OPERATOR,
                before=", ".join(f"listed {listing.kind} by {listing.network}" for listing in around)[:200],
                after="left out of wider listings",
                evidence=reason,
            )
        return around

    def leave_in(self, network: Network, *, reason: str, actor: str) -> None:
        """End an exception: wider listings hold this network again. Raises Refused where it is not left out."""
        now = self._clock.now()
        with self._store.write() as tx:
            active = tx.listings.active([network], EXCEPTION)
            if not active:
                raise Refused(
                    Refusal.NOT_EXCEPTED, f"{network} is not left out; `dnsbl listing except --list` shows what is."
                )
            tx.listings.end(active.values(), at=now, reason=Reason.OPERATOR)
            for kind in (EXCEPTION, EXEMPT):
                tx.changes.add([network], kind, present=False, at=now)
            tx.journal.append(
                at=now,
                actor=actor,
                subject=subject_of(network),
                verb="exception-ended",
                reason=Reason.OPERATOR,
                before="left out of wider listings",
                after="as what is around it",
                evidence=reason,
            )

    def exceptions(self) -> list[Listing]:
        """Every network that is left out of wider listings, in the order of networks."""
        with self._store.read() as tx:
            return tx.listings.exceptions()

    def message(self, number: int) -> Return:
        """One message at the collector. Raises NotFound."""
        with self._store.read() as tx:
            found = tx.returns.read(number)
        if found is None:
            raise NotFound(f"There is no message {number}.")
        return found

    def journal(self, subject: Address | Network | None = None, *, most: int = 200) -> list[Entry]:
        """Entries, oldest first (the last `most`); those of one address or network, or all."""
        with self._store.read() as tx:
            return tx.journal.read(None if subject is None else subject_of(subject), most=most)

    def journal_within(self, network: Network, *, most: int = 200) -> list[Entry]:
        """The entries of a network and of all in it, oldest first (the last `most`). Of a wide one only its own; raises
        Refused (TOO_WIDE) where it has none."""
        if network.num_addresses > INSIDE_MOST:
            if found := self.journal(network, most=most):
                return found
            raise Refused(
                Refusal.TOO_WIDE,
                f"There is no entry of {network} itself, and it is too wide to look at all in it: take a network of "
                f"{INSIDE_MOST} addresses at most (a /24, a /120), or one address.",
            )
        lengths = range(network.prefixlen, network.max_prefixlen + 1)
        inside = [subject_of(each) for length in lengths for each in network.subnets(new_prefix=length)]
        with self._store.read() as tx:
            return tx.journal.read_each(inside, most=most)

    def verify_journal(self) -> int:
        """Check the whole chain; returns how many entries hold together. Raises Damaged naming the first bad one."""
        with self._store.read() as tx:
            return tx.journal.verify()


def _undropped(network: Network) -> str:
    return (
        f"{network} is excluded, but not all tests that wait there are dropped: the same command again does the rest."
    )


def _unplanned(network: Network) -> str:
    return (
        f"{network} is not excluded, but not all is planned there that should be: the same command again does the rest."
    )
