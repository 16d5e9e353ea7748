"""The verbs of feeds: which are due, what one has brought; lists of others as candidates; and candidates in their turn.

A row becomes a nomination by `rules.intake` and the doors, as everything does. One with evidence is taken at once; one
without is a candidate, if there is a reason to test it at all (law 4): an operator's for a list that he imports, a
trusted reporter's word, policy (`feeds.rows_provoke`), or evidence that somebody has shown not long ago. Candidates are
nominated one bringer after the other, `feeds.per_hour` of them in an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from dnsbl.addresses import Address
from dnsbl.casework.admission import account_of
from dnsbl.casework.base import reporter_entry, wanted
from dnsbl.casework.slices import in_slices, until_done
from dnsbl.clock import Clock, day_of
from dnsbl.errors import DnsblError, Refused
from dnsbl.model import Candidate, FeedState, Job, Nomination, ReporterAccount
from dnsbl.rules import intake, queues, targets
from dnsbl.rules.feeds import Batch, Row
from dnsbl.settings import FeedSource, Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.kept import Account
from dnsbl.vocabulary import Door, Reason, Refusal, Tier
from tester.records import dataclass

#: Who asks a feed when it is due.
SCHEDULER = "scheduler"
#: Rows that one transaction looks at.
_PORTION = 200
#: Candidates that go at once.
AT_ONCE = 5000
#: The part of what is left of the places for candidates that one bringer may have.
_PART = 2
#: Refusals that pass: such a candidate keeps its place.
_LATER = frozenset({Refusal.TOO_MANY, Refusal.SUSPENDED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Yield:
    """What came of a list."""

    rows: int  #: addresses that it named
    queued: int  #: whose evidence was taken as a nomination
    waiting: int  #: that have become candidates
    known: int  #: that need no test now: tested not long ago, listed, excluded, or waiting already
    unprovoked: int  #: whose row alone is no reason to test anybody
    refused: int  #: that may not be tested, whose evidence was not taken, or for which there was no room
    skipped: int  #: lines that were no rows
    faults: tuple[str, ...]  #: what is wrong with some of them


class Feeding:
    """Feeds, imported lists, and candidates. `nominate` is the doors' verb."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, nominate: Callable[[Nomination], Job]) -> None:
        self._store = store
        self._settings = settings
        self._terms = settings.feeds
        self._clock = clock
        self._nominate = nominate

    # -- feeds ---------------------------------------------------------------------------------------------
    def claim(self, *, only: str = "") -> list[tuple[FeedSource, FeedState]]:
        """The feeds that are due, each with what was known of it before; they are due again after `feeds.every`. `only`
        names one, due or not."""
        now = self._clock.now()
        with self._store.write() as tx:
            states = {state.name: state for state in tx.feeds.all()}
            claimed = []
            for source in self._terms.sources:
                known = states.get(source.name)
                known = known if known is not None and known.place == source.place else None
                if source.name != only if only else known is not None and known.due > now:
                    continue
                account = tx.reporters.read(source.name)
                if account is None or account.suspended is not None:
                    continue
                tx.feeds.claim(source.name, source.place, now + timedelta(seconds=self._terms.every))
                claimed.append((source, known or FeedState(name=source.name, place=source.place, due=now)))
        return claimed

    def states(self) -> list[tuple[FeedSource, FeedState | None, ReporterAccount | None]]:
        """Every feed of the settings, with what is known of it and its reporter."""
        with self._store.read() as tx:
            states = {state.name: state for state in tx.feeds.all()}
            return [(each, states.get(each.name), tx.reporters.read(each.name)) for each in self._terms.sources]

    def file_feed(
        self, name: str, found: Batch | None, *, etag: str = "", modified: str = "", actor: str = SCHEDULER
    ) -> Yield | None:
        """What a feed has brought, which the `actor` has asked; None: nothing new. Raises Refused where its reporter is
        gone or suspended."""
        if found is None:
            with self._store.write() as tx:
                tx.feeds.note(name, self._clock.now(), "nothing new")
            return None
        with self._store.read() as tx:
            account = account_of(tx, name)
        came = self._take(found, bringer=f"reporter {name}", door=Door.FEED, account=account, reason="", ready=False)
        now = self._clock.now()
        with self._store.write() as tx:
            tx.feeds.note(name, now, said(came), etag=etag, modified=modified)
            reporter_entry(tx, now, name, "feed-read", "", said(came), actor=actor, reason=Reason.NOMINATED)
        return came

    def file_failure(self, name: str, why: str) -> None:
        """A feed could not be read."""
        with self._store.write() as tx:
            tx.feeds.note(name, self._clock.now(), why)

    # -- lists of others -----------------------------------------------------------------------------------
    def bring(self, found: Batch, *, reporter: str, reason: str, actor: str) -> Yield:
        """Take another list as candidates, which an operator answers for; `reporter` is the account that it counts for,
        or "". Raises Refused."""
        with self._store.read() as tx:
            account = account_of(tx, reporter)
        bringer = f"reporter {reporter}" if reporter else actor
        door = Door.FEED if reporter else Door.CLI
        came = self._take(found, bringer=bringer, door=door, account=account, reason=reason, ready=True)
        with self._store.write() as tx:
            tx.journal.append(
                at=self._clock.now(),
                actor=actor,
                subject="list",
                verb="candidates-added",
                reason=Reason.OPERATOR,
                after=said(came),
                evidence=f"{bringer}: {reason}",
            )
        return came

    def suspects(self, addresses: Sequence[Address], *, reporter: str, door: Door, reason: str) -> int:
        """Take at most 200 addresses as candidates of this reporter, for which there is a reason to test them; returns
        how many are candidates of his now, and were not before. Raises Refused where nothing is taken from him."""
        with self._store.read() as tx:
            account = account_of(tx, reporter)
        rows = [Row(line=n, address=address, reason=reason, evidence=None) for n, address in enumerate(addresses, 1)]
        became = self._candidates(rows, f"reporter {reporter}", door, account, reason, [], ready=True)
        return sum(each == "waiting" for each in became)

    def waiting(self) -> dict[str, int]:
        """How many candidates wait, by who has brought them."""
        with self._store.read() as tx:
            return tx.candidates.counts()

    def drop(self, bringer: str, *, reason: str, actor: str) -> int:
        """Let the candidates of one bringer go, a slice at a time; returns how many."""
        gone = 0

        def some(tx: Transaction) -> bool:
            nonlocal gone
            count = tx.candidates.drop_of(bringer, most=AT_ONCE)
            gone += count
            if count:
                tx.journal.append(
                    at=self._clock.now(),
                    actor=actor,
                    subject="list",
                    verb="candidates-dropped",
                    reason=Reason.OPERATOR,
                    before=f"{count} candidates",
                    evidence=f"{bringer}: {reason}",
                )
            return count == AT_ONCE

        unfinished = f"Not all candidates of {bringer} are gone: the same command again does the rest."
        in_slices(self._store, until_done(some), unfinished=unfinished)
        return gone

    # -- candidates ----------------------------------------------------------------------------------------
    def pace(self) -> int:
        """Nominate as many candidates as the hour has room for, the bringers in turn; returns how many."""
        now = self._clock.now()
        hour = Account(f"candidates in hour {now:%H}", day_of(now))
        old = now - timedelta(days=self._terms.keep_days)
        with self._store.read() as tx:
            is_old, room = tx.candidates.is_old(old), self._terms.per_hour - tx.kept.of([hour])[hour].messages
        while is_old:
            with self._store.write() as tx:
                is_old = tx.candidates.drop_before(old, most=AT_ONCE) == AT_ONCE
        done, later = 0, set[str]()
        while done < room:
            with self._store.read() as tx:
                turn = tx.candidates.next(but=later)
            if not turn:
                break
            for candidate in turn[: room - done]:
                try:
                    self._nominate(self._nomination(candidate))
                except Refused as error:
                    if error.reason in _LATER:
                        later.add(candidate.bringer)
                        continue
                    with self._store.write() as tx:
                        tx.candidates.drop(candidate.id)
                    continue
                with self._store.write() as tx:
                    tx.candidates.drop(candidate.id)
                    tx.kept.add([hour], 0)
                done += 1
        return done

    def _nomination(self, candidate: Candidate) -> Nomination:
        """What a candidate nominates now. Raises Refused where settings have changed and it may not be tested."""
        return Nomination(
            address=targets.target(str(candidate.address), self._settings),
            door=candidate.door,
            nominator=candidate.bringer,
            reason=candidate.reason,
            evidence=None,
            reporter=candidate.reporter,
        )

    # -- rows ----------------------------------------------------------------------------------------------
    def _take(
        self,
        found: Batch,
        *,
        bringer: str,
        door: Door,
        account: ReporterAccount | None,
        reason: str,
        ready: bool,
    ) -> Yield:
        count = dict.fromkeys(("queued", "waiting", "known", "unprovoked", "refused"), 0)
        more = f"more than {self._terms.rows} lines, of which the rest was not read"
        faults = [*([more] if found.left else []), *found.faults]
        bare = [row for row in found.rows if row.evidence is None]
        for row in found.rows:
            if row.evidence is not None:
                count[self._shown(row, bringer, door, account, faults)] += 1
        rest = iter(bare)
        while portion := tuple(islice(rest, _PORTION)):
            for became in self._candidates(portion, bringer, door, account, reason, faults, ready=ready):
                count[became] += 1
        return Yield(rows=len(found.rows), skipped=found.skipped, faults=tuple(faults), **count)

    def _shown(self, row: Row, bringer: str, door: Door, account: ReporterAccount | None, faults: list[str]) -> str:
        """Nominate by a row that brings its evidence; what became of it."""
        try:
            (case, *_), _ = intake.nominations(
                str(row.address),
                door=door,
                nominator=bringer,
                reason=row.reason,
                evidence=row.evidence,
                settings=self._settings,
                now=self._clock.now(),
                account=account,
                at=intake.home(self._settings, reporter=account.name if account else "", account=account is not None),
            )
            if case.nomination is None:
                raise case.refused or DnsblError()
            self._nominate(case.nomination)
        except Refused as error:
            if error.reason in (Refusal.RESTING, Refusal.ALREADY_LISTED, Refusal.EXCLUDED):
                return "known"
            _fault(faults, row, str(error))
            return "refused"
        return "queued"

    def _candidates(
        self,
        rows: Iterable[Row],
        bringer: str,
        door: Door,
        account: ReporterAccount | None,
        reason: str,
        faults: list[str],
        *,
        ready: bool,
    ) -> Iterable[str]:
        """What becomes of rows without evidence."""
        now = self._clock.now()
        believed = ready or self._terms.rows_provoke or (account is not None and account.tier is Tier.TRUSTED)
        suspects: list[tuple[Row, Address]] = []
        with self._store.read() as tx:
            for row in rows:
                try:
                    address = targets.target(str(row.address), self._settings)
                except Refused as error:
                    _fault(faults, row, str(error))
                    yield "refused"
                    continue
                if not self._news(tx, address, now):
                    yield "known"
                elif not believed and not self._provoked(tx, address, now):
                    yield "unprovoked"
                else:
                    suspects.append((row, address))
        if not suspects:
            return
        with self._store.write() as tx:
            counts = tx.candidates.counts()
            mine, taken = counts.get(bringer, 0), sum(counts.values())
            for row, address in suspects:
                if mine >= queues.allowed(self._terms.candidates, taken, _PART):
                    _fault(faults, row, "there is no room for more candidates at the moment")
                    yield "refused"
                elif tx.candidates.add(
                    Candidate(
                        id=0,
                        address=address,
                        bringer=bringer,
                        door=door,
                        reporter=account.name if account is not None else "",
                        reason=targets.worded(row.reason or reason),
                        added=now,
                    )
                ):
                    mine, taken = mine + 1, taken + 1
                    yield "waiting"
                else:
                    yield "known"

    def _news(self, tx: Transaction, address: Address, now: datetime) -> bool:
        """Whether a nomination of this address would queue a test."""
        try:
            return not wanted(tx, self._settings, address, now)[1]
        except Refused:
            return False

    def _provoked(self, tx: Transaction, address: Address, now: datetime) -> bool:
        """Whether somebody has shown spam from it not long ago."""
        return tx.nominations.with_evidence(address, now - timedelta(days=self._settings.policy.evidence_days))


def said(came: Yield) -> str:
    """What came of a list, in half a sentence."""
    parts = {
        f"{came.rows} rows": True,
        f"{came.queued} nominated": came.queued,
        f"{came.waiting} new candidates": came.waiting,
        f"{came.known} known": came.known,
        f"{came.unprovoked} without a reason to test": came.unprovoked,
        f"{came.refused} refused": came.refused,
        f"{came.skipped} lines skipped": came.skipped,
    }
    text = ", ".join(part for part, there in parts.items() if there)
    return f"{text} ({came.faults[0]})" if came.faults else text


def _fault(faults: list[str], row: Row, what: str) -> None:
    if len(faults) < _PORTION:
        faults.append(f"line {row.line}: {what}")
