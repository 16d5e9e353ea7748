"""The verbs of people: nominate, order a test, ask for removal, exclude, and an operator's own listings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from dnsbl.addresses import Address, Network
from dnsbl.casework.base import RESUMED, STOPPED, TESTER, Base, subject_of
from dnsbl.errors import Refused
from dnsbl.model import PROOF_KINDS, Door, Exclusion, Job, JobReason, JobState, Nomination, Reason, Refusal, RunState
from dnsbl.rules import intake
from dnsbl.store import Transaction
from dnsbl.store.columns import chunks

#: What a kind is called: a word that is fit for a file, a zone and a page.
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")


class Doors(Base):
    """Requests; each is taken, with a journal entry, or refused with one sentence."""

    def nominate(self, nomination: Nomination) -> Job:
        """File a nomination with its evidence and queue its test.

        While a test of the address is under way, or an earlier nomination's is queued, that one serves both. Raises
        Refused: EXCLUDED, ALREADY_LISTED, or RESTING (with retry_after) when it was tested not long ago.
        """
        now, address = self._clock.now(), nomination.address
        with self._store.write() as tx:
            self._refuse_excluded(tx, address)
            if listing := tx.listings.proven(address):
                raise Refused(
                    Refusal.ALREADY_LISTED, f"{address} is already listed, since {listing.since:%Y-%m-%d %H:%M} UTC."
                )
            job = tx.jobs.live(address)
            shared = job is not None and (_begun(job) or job.reason is JobReason.NOMINATION)
            if not shared:
                self._refuse_resting(tx, address, now)
            evidence = tx.evidence.keep(nomination.evidence, now) if nomination.evidence is not None else None
            number = tx.nominations.add(nomination, evidence, now)
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
            if job is not None and shared:
                return job
            profile = self._settings.tester.profile if evidence else "basic"
            return self._queue_now(
                tx, job, address, JobReason.NOMINATION, profile, f"nomination {number}", actor=actor, now=now
            )

    def order_test(self, address: Address, *, profile: str, actor: str) -> Job:
        """An operator's test, now. A queued job of the address is pulled forward; one under way is returned.

        Raises Refused (EXCLUDED).
        """
        now = self._clock.now()
        with self._store.write() as tx:
            self._refuse_excluded(tx, address)
            job = tx.jobs.live(address)
            if job is not None and (_begun(job) or job.reason is JobReason.REMOVAL):
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
            return self._queue_now(
                tx, job, address, JobReason.OPERATOR, profile, "an operator of this list", actor=actor, now=now
            )

    def ask_removal(self, address: Address, *, door: Door, actor: str) -> Job:
        """Queue the retest of a listed address, now. A test that is under way is returned instead.

        Raises Refused: NOT_LISTED, EXCLUDED (we may not test it), or RESTING with retry_after.
        """
        now = self._clock.now()
        with self._store.write() as tx:
            listing = tx.listings.proven(address)
            if listing is None:
                raise Refused(Refusal.NOT_LISTED, self._nothing_to_remove(tx, address))
            self._refuse_excluded(tx, address)
            job, actor = tx.jobs.live(address), f"{door} {actor}"
            under_way = job is not None and (_begun(job) or job.reason is JobReason.REMOVAL)
            after = self._removal_after(tx, listing)
            if not under_way and after is not None and after > now:
                raise Refused(
                    Refusal.RESTING,
                    f"The last retest of {address} did not find it closed; the next request is taken at "
                    f"{after:%Y-%m-%d %H:%M:%S} UTC.",
                    retry_after=math.ceil((after - now).total_seconds()),
                )
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
            return self._queue_now(
                tx, job, address, JobReason.REMOVAL, profile, "request for removal", actor=actor, now=now
            )

    def exclude(self, network: Network, *, reason: str, actor: str) -> Exclusion:
        """No tests in this network from now on; queued ones are dropped. Existing listings stay until they expire."""
        now = self._clock.now()
        exclusion = Exclusion(network=network, reason=reason, since=now)
        with self._store.write() as tx:
            tx.exclusions.put(exclusion)
            subject = subject_of(network)
            tx.journal.append(
                at=now,
                actor=actor,
                subject=subject,
                verb="excluded",
                reason=Reason.EXCLUDED,
                after="excluded",
                evidence=reason,
            )
            for job in tx.jobs.queued_in(network):
                tx.jobs.finish(job)
                tx.journal.append(
                    at=now,
                    actor=actor,
                    subject=str(job.address),
                    verb="job",
                    reason=Reason.EXCLUDED,
                    before=job.state,
                    after="dropped",
                )
                run = tx.runs.read(job.run)
                if run is not None and run.state is RunState.OPEN:
                    self._judging.talk_over(tx, run, now)
        return exclusion

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

    def list_networks(self, networks: Iterable[Network], *, kind: str, reason: str, actor: str) -> int:
        """An operator's listings (never a proof kind). All or nothing; returns how many are new. Raises Refused.

        Streams: a million networks are one transaction, one journal entry, and a change each.
        """
        if kind in PROOF_KINDS or not _KIND.match(kind):
            raise Refused(Refusal.WRONG_KIND, f"{kind!r:.40} is not a kind that an operator may list under.")
        now = self._clock.now()
        with self._store.write() as tx:
            first, count, subject = tx.changes.last() + 1, 0, ""
            for chunk in chunks(intake.listable(network, self._settings) for network in networks):
                fresh = tx.listings.add(chunk, kind=kind, since=now, expires=None, reason=Reason.OPERATOR, note=reason)
                tx.changes.add(fresh, kind, present=True)
                subject, count = subject_of(fresh[0]) if fresh else subject, count + len(fresh)
            if count:
                subject = subject if count == 1 else "list"
                after = f"listed {kind}" if count == 1 else f"{count} networks listed {kind}"
                changes = f"changes {first}-{first + count - 1}: {reason}"
                tx.journal.append(
                    at=now,
                    actor=actor,
                    subject=subject,
                    verb="listed",
                    reason=Reason.OPERATOR,
                    after=after,
                    evidence=changes,
                )
        return count

    def drop_networks(self, networks: Iterable[Network], *, kind: str, reason: str, actor: str) -> int:
        """End listings of this kind. Unknown ones raise Refused and nothing is dropped; returns how many ended."""
        now = self._clock.now()
        with self._store.write() as tx:
            first, count = tx.changes.last() + 1, 0
            for chunk in chunks(iter(networks)):
                active = tx.listings.active(chunk, kind)
                for network in chunk:
                    if network not in active:
                        raise Refused(
                            Refusal.NOT_LISTED, f"{network} is not listed as {kind:.40}; nothing was dropped."
                        )
                tx.listings.end(active.values(), at=now, reason=Reason.OPERATOR)
                tx.changes.add(chunk, kind, present=False)
                if kind in PROOF_KINDS:
                    self._judging.drop_retests(tx, chunk)
                subject, count = subject_of(chunk[0]), count + len(chunk)
            if count:
                subject = subject if count == 1 else "list"
                after = "not listed" if count == 1 else f"{count} networks not listed {kind}"
                changes = f"changes {first}-{first + count - 1}: {reason}"
                tx.journal.append(
                    at=now,
                    actor=actor,
                    subject=subject,
                    verb="dropped",
                    reason=Reason.OPERATOR,
                    before=f"listed {kind}",
                    after=after,
                    evidence=changes,
                )
        return count

    def _queue_now(
        self,
        tx: Transaction,
        job: Job | None,
        address: Address,
        reason: JobReason,
        profile: str,
        provocation: str,
        *,
        actor: str,
        now: datetime,
    ) -> Job:
        """A test that is due now: a queued job that has not begun is pulled forward, else there is a new one."""
        if job is None:
            return self._judging.queue(
                tx,
                address,
                port=self._settings.tester.port,
                reason=reason,
                profile=profile,
                due=now,
                provocation=provocation,
                actor=actor,
                now=now,
            )
        before = f"queued for {job.due:%Y-%m-%dT%H:%M:%SZ}, {job.reason}"
        tx.journal.append(
            at=now,
            actor=actor,
            subject=str(address),
            verb="job",
            reason=reason,
            before=before,
            after="queued for now",
            evidence=provocation,
        )
        return tx.jobs.advance(job, reason=reason, profile=profile, due=min(job.due, now), provocation=provocation)

    def _nothing_to_remove(self, tx: Transaction, address: Address) -> str:
        """What is said to somebody who asks for a removal that no retest can bring."""
        if others := tx.listings.covering(address):
            return (
                f"{address} is not listed for relaying; an operator has listed it as {others[0].kind}, which no retest "
                f"ends: please write to {self._settings.service.contact}."
            )
        return f"{address} is not listed for relaying: there is nothing to remove, and nothing that you need to do."

    def _refuse_excluded(self, tx: Transaction, address: Address) -> None:
        if exclusion := tx.exclusions.covering(address):
            raise Refused(Refusal.EXCLUDED, f"{exclusion.network} is not tested, at its owner's or our wish.")

    def _refuse_resting(self, tx: Transaction, address: Address, now: datetime) -> None:
        last = tx.runs.last_started(address)
        rested = last + timedelta(days=self._settings.policy.rest_days) if last else now
        if rested > now:
            raise Refused(
                Refusal.RESTING,
                f"{address} was tested not long ago; a nomination is taken again at {rested:%Y-%m-%d %H:%M:%S} UTC.",
                retry_after=math.ceil((rested - now).total_seconds()),
            )


def _begun(job: Job) -> bool:
    """Whether the job's run has begun: from then on its letters, profile and times stay as they are."""
    return job.takes > 0
