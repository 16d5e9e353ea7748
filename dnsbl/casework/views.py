"""Verbs that only look: for people, and for the feed. They change nothing and enter nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dnsbl.addresses import Address, Network
from dnsbl.casework.base import Base, subject_of
from dnsbl.casework.judging import tester_specific
from dnsbl.errors import NotFound
from dnsbl.model import (
    Change,
    Entry,
    Exclusion,
    Job,
    JobReason,
    JobState,
    Listing,
    Return,
    Run,
    RunReport,
    RunState,
    Standing,
    State,
)
from tester.smtp import Flag, Transcript
from tester.verdict import Finding, Verdict


class Views(Base):
    """What is known, each answer from one moment."""

    def look_up(self, address: Address) -> Standing:
        """Everything known about an address; an unknown address is a Standing too.

        A surprise retest that is queued stays a surprise: it is not shown.
        """
        now = self._clock.now()
        with self._store.read() as tx:
            listings = tx.listings.covering(address)
            runs = tx.runs.of(address, most=10)
            job = tx.jobs.live(address)
            exclusion = tx.exclusions.covering(address)
            proven = tx.listings.proven(address)
            removal_after = self._removal_after(tx, proven) if proven else None
            past = tx.listings.past(address, most=20)
        if job is not None and job.reason is JobReason.PROBATION and job.state is JobState.QUEUED:
            job = None
        verdict = next((run.verdict for run in runs if run.verdict), None)
        return Standing(
            address=address,
            state=_state(listings, job, runs, exclusion, verdict),
            listings=tuple(listings),
            past=tuple(past),
            runs=tuple(runs),
            last_verdict=verdict,
            next_test=job.due if job and job.state is JobState.QUEUED else None,
            job=job,
            exclusion=exclusion,
            removal_after=removal_after if removal_after and removal_after > now else None,
        )

    def run_report(self, run: str) -> RunReport:
        """One run with letters, transcripts and returns. Raises NotFound."""
        with self._store.read() as tx:
            found = self._run(tx, run)
            documents = tuple(tx.sessions.documents(run))
            flags = {flag for document in documents for flag in Transcript.from_json(document).flags}
            if tester_specific(found.reason, found.verdict):
                flags.add(Flag.TESTER_SPECIFIC)
            return RunReport(
                run=found,
                letters=tuple(tx.letters.of(run)),
                transcripts=documents,
                returns=tuple(tx.returns.of(run)),
                provocation=tx.runs.provocation(run),
                flags=frozenset(flags),
            )

    def inbox(self, *, most: int = 50) -> list[Return]:
        """What people have written to us, newest first."""
        with self._store.read() as tx:
            return tx.returns.found(Finding.HUMAN, most=most)

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

    def verify_journal(self) -> int:
        """Check the whole chain; returns how many entries hold together. Raises Damaged naming the first bad one."""
        with self._store.read() as tx:
            return tx.journal.verify()

    def snapshot(self) -> tuple[int, Iterator[tuple[bytes, str]]]:
        """The change number, and (network, kind) of every active listing at that number, as a stream in their order.

        A network comes as its sorting key: version, packed address, prefix length. The stream holds a connection until
        it is exhausted or closed.
        """
        stream = self._present()
        number: int = next(stream)
        return number, stream

    def _present(self) -> Iterator[Any]:
        """The change number, then the rows, from one transaction that ends with the stream."""
        with self._store.read() as tx:
            yield tx.changes.last()
            yield from tx.listings.present()

    def last_change(self) -> int:
        """The number of the newest change, 0 before the first."""
        with self._store.read() as tx:
            return tx.changes.last()

    def changes(self, after: int, *, most: int = 10000) -> list[Change]:
        """The changes behind number `after`, in order."""
        with self._store.read() as tx:
            return tx.changes.after(after, most=most)


def _state(
    listings: list[Listing],
    job: Job | None,
    runs: list[Run],
    exclusion: Exclusion | None,
    verdict: Verdict | None,
) -> State:
    """Where an address stands, in one word: the strongest that applies."""
    if listings:
        return State.LISTED
    if job is not None:
        return State.TESTING if job.state is JobState.RUNNING else State.QUEUED
    if any(run.state is not RunState.SETTLED for run in runs):
        return State.PENDING
    if exclusion is not None:
        return State.EXCLUDED
    match verdict:
        case Verdict.CLOSED | Verdict.ACCEPTS_BOUNCES | Verdict.ACCEPTS_LOSES:
            return State.CLEAR
        case Verdict.REFUSES_TESTER | Verdict.UNREACHABLE | Verdict.INCONCLUSIVE:
            return State.UNTESTABLE
    return State.UNKNOWN
