"""What those who run the list look at: how it does, in one picture, and pages of what it holds. Changes nothing.

The picture is one record (`Summary`), from which the command `dnsbl status` and the first page of the operators' side
tell the same. What of it needs a person is decided in one place, `checks`, which is pure. Pages go on behind the number
of their last row, so that each costs the same however much there is.

Over 400 lines, since the picture, what is seen in it and the pages behind it are told in the same words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dnsbl.addresses import Address, Network, parse_address
from dnsbl.casework.base import DAY, answered, stop_in, subject_of
from dnsbl.casework.standstill import halted_here, standing_still
from dnsbl.casework.views import NEEDED
from dnsbl.clock import Clock
from dnsbl.errors import NotFound, capital
from dnsbl.health import IDLE, Health
from dnsbl.model import Entry, Listing, Nominated, SignOfLife
from dnsbl.places import halted
from dnsbl.rules.keeping import INBOX
from dnsbl.rules.timekeeping import FRESH, LATE
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import Door, JobReason, Reason, RunState
from tester.fate import Fate
from tester.records import dataclass
from tester.smtp import RETRY
from tester.verdict import Finding, Verdict

if TYPE_CHECKING:
    from dnsbl.casework.dispatch import Dispatch, Postage
    from dnsbl.casework.lookups import LookupDoor, Questioner
    from dnsbl.casework.presence import Presence
    from dnsbl.casework.upkeep import Upkeep

#: Tests under way, and entries of the journal, that the picture holds.
TESTS, ENTRIES = 12, 8
#: Operators' listings that lapse within so long are told.
SOON = timedelta(days=7)
#: What does not happen while nobody has a role.
LACK: Mapping[str, str] = {
    "worker": "no host is tested",
    "collector": "no letter can come back",
    "scheduler": "nothing expires, and no test falls due by itself",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """Tests of one reason that are due and wait."""

    reason: JobReason
    count: int
    oldest: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class UnderWay:
    """A test in a worker's hands."""

    address: Address
    reason: JobReason
    where: str  #: what is tried now: "465, S01", or what it waits for
    tried: int  #: forms
    of: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """How the list does, as of one moment (what is asked beside the database, a moment later)."""

    at: datetime
    stop: Entry | None  #: the entry that has stopped all dialling
    held: str  #: why nobody is dialled, no full stop; or ""
    quiet: str  #: the same, where that is planned
    halted: str  #: the same, where an operator has stopped this machine alone
    told: frozenset[tuple[str, str]]  #: process and trouble of the workers that these tell of
    withheld: str  #: why no listing ends by its age, a sentence; or ""
    strange: str  #: why the clock is not believed, a sentence; or ""
    postage: Postage
    asked: tuple[Questioner, ...]
    signs: tuple[SignOfLife, ...]
    unmanned: tuple[str, ...]
    queue: tuple[Queued, ...]
    running: int
    places: int
    tests: tuple[UnderWay, ...]  #: of those that run the first
    due_hour: int
    due_day: int
    begun: int  #: listings since midnight UTC, as what follows
    begun_before: int  #: the day before
    ended: Mapping[Reason, int]
    listed: Mapping[str, int]  #: active now, by kind
    verdicts: Mapping[Verdict, int]
    returns: Mapping[Finding, int]
    last_return: datetime | None
    nominated: Mapping[Door, int]
    proposals: int
    oldest_proposal: datetime | None
    lapsing: int
    letters: int  #: from people, in the last week, not answered by anybody, nor by the list
    entries: tuple[Entry, ...]  #: the newest first

    @property
    def waiting(self) -> int:
        """Tests that are due and wait."""
        return sum(one.count for one in self.queue)

    @property
    def oldest(self) -> datetime | None:
        """Since when the oldest of them is due."""
        return min((one.oldest for one in self.queue), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that is fine, or needs a person."""

    what: str  #: what it is about, a word or two
    fine: bool
    title: str = ""  #: what is the matter, half a sentence
    detail: str = ""  #: and what helps, or since when
    page: str = ""  #: where on the operators' side
    urgent: bool = True  #: whether something is broken; else somebody waits for a decision


class Oversight:
    """The picture, and pages."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        upkeep: Upkeep,
        dispatch: Dispatch,
        presence: Presence,
        lookups: LookupDoor,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._upkeep = upkeep
        self._dispatch = dispatch
        self._presence = presence
        self._lookups = lookups

    def summary(self) -> Summary:
        """How the list does now."""
        now = self._clock.now()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        with self._store.read() as tx:
            stop, signs = stop_in(tx), tx.nodes.since(now - FRESH)
            manned = {role for sign in signs for role in sign.roles}
            arrived, proposals = tx.returns.arrived(today), tx.proposals.all()
            still = standing_still(tx, self._settings, now)
            why, planned = (still.why, still.planned) if still else ("", False)
            here = halted(self._settings)
            told = (still.told if still else frozenset()) | (halted_here(signs) if here else frozenset())
            facts = {
                "stop": stop,
                "held": "" if planned else why,
                "quiet": why if planned else "",
                "halted": here,
                "told": told,
                "signs": tuple(signs),
                "unmanned": tuple(role for role in NEEDED if role not in manned),
                "queue": tuple(
                    Queued(reason=one.reason, count=one.due, oldest=now - timedelta(seconds=one.oldest))
                    for one in sorted(tx.jobs.waiting(now), key=lambda one: -one.due)
                    if one.due
                ),
                "running": tx.jobs.running(now),
                "places": self._settings.tester.concurrency * max(1, sum("worker" in sign.roles for sign in signs)),
                "tests": tuple(_under_way(tx, now)),
                "due_hour": tx.jobs.coming(now, now + timedelta(hours=1)),
                "due_day": tx.jobs.coming(now, now + DAY),
                "begun": tx.listings.begun(today, now + DAY),
                "begun_before": tx.listings.begun(today - DAY, today),
                "ended": tx.listings.ended(today),
                "listed": _listed(tx),
                "verdicts": tx.runs.judged(today),
                "returns": {finding: count for finding, (count, _) in arrived.items()},
                "last_return": max((last for _, last in arrived.values()), default=None),
                "nominated": tx.nominations.received(today),
                "proposals": len(proposals),
                "oldest_proposal": min((one.at for one in proposals), default=None),
                "lapsing": len(tx.listings.to_review(now + SOON, most=1000)),
                "letters": _unanswered(tx, now - timedelta(days=7)),
                "entries": tuple(reversed(tx.journal.read(None, most=ENTRIES))),
            }
        return Summary(
            at=now,
            withheld=self._upkeep.withheld(),
            strange=self._presence.reckon().strange,
            postage=self._dispatch.postage(),
            asked=tuple(self._lookups.standing()),
            **facts,  # type: ignore[arg-type]
        )

    def nominations(self, before: int | None = None, door: Door | None = None, *, most: int) -> list[Nominated]:
        """Nominations, newest first, behind the one of this number."""
        with self._store.read() as tx:
            return tx.nominations.page(before, door, most=most)

    def nomination(self, number: int) -> tuple[Nominated, bytes | None]:
        """One nomination, and the message that was shown; None where there was none, or it was forgotten. Raises
        NotFound."""
        with self._store.read() as tx:
            found = tx.nominations.read(number)
            if found is None:
                raise NotFound(f"There is no nomination {number}.")
            return found, tx.evidence.read(found.evidence) if found.evidence else None

    def listings(
        self,
        *,
        kinds: Collection[str] | None = None,
        network: Network | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        reason: Reason | None = None,
        before: int | None = None,
        most: int,
        whole: bool = False,
    ) -> tuple[list[Listing], int | None]:
        """Active listings, newest first, behind the one of this number, as far as all filters let them through; and
        the number behind which there may be more, or None. `whole`: on a long list it is looked on until there are so
        many, or no more; else for no longer than a page may take."""
        found = list[Listing]()
        while True:
            with self._store.read() as tx:
                part, before = tx.listings.page(
                    kinds=kinds,
                    network=network,
                    since=since,
                    until=until,
                    reason=reason,
                    before=before,
                    most=most - len(found),
                )
            found += part
            if before is None or len(found) == most or not whole:
                return found, before

    def entries(
        self,
        *,
        subject: Address | Network | str | None = None,
        actor: str = "",
        verb: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        most: int,
    ) -> tuple[list[Entry], int | None]:
        """Entries of the journal, newest first, before the one of this number; and before which there may be more."""
        about = subject if subject is None or isinstance(subject, str) else subject_of(subject)
        with self._store.read() as tx:
            return tx.journal.page(
                subject=about, actor=actor, verb=verb, since=since, until=until, before=before, most=most
            )


def _listed(tx: Transaction) -> dict[str, int]:
    """How many listings are active, by kind, exceptions apart."""
    counted = tx.statistics.listed()
    return tx.listings.by_kind() if counted is None else counted


def _under_way(tx: Transaction, now: datetime) -> Iterator[UnderWay]:
    """The tests that run, as far as they are shown."""
    for job in tx.jobs.in_hands(now, most=TESTS):
        fates, run = tx.letters.of(job.run), tx.runs.read(job.run)
        tried = sum(fate.outcome is not None for fate in fates)
        ahead = next((fate for fate in fates if fate.outcome is None), None)
        where = (
            "begins" if not fates else f"{ahead.letter.port}, {ahead.letter.vector}" if ahead else _at_its_end(fates)
        )
        if run is not None and run.state is not RunState.OPEN:
            where = "waits for letters"
        yield UnderWay(address=job.address, reason=job.reason, where=where, tried=tried, of=len(fates))


def _at_its_end(fates: Iterable[Fate]) -> str:
    return "waits: put off by the server" if any(fate.outcome in RETRY for fate in fates) else "ends"


def _unanswered(tx: Transaction, since: datetime) -> int:
    """Letters from people since then that neither a person nor the list has answered, of the newest hundred."""
    found = [one.id for one in tx.returns.page(INBOX, most=100) if one.received >= since]
    return len(found) - len(answered(tx, found))


def checks(
    summary: Summary, health: Iterable[Health] = (), servers: Iterable[Mapping[str, object]] = ()
) -> list[Check]:
    """All that is looked at, what needs a person first: by what ails the list, then by who waits for a decision.

    `health` is what the parts of a node say, `servers` what was asked of the servers of its zones.
    """
    told = {why for _, why in summary.told}  # which needs a person once
    here = [part for part in health if part.why not in told]
    found = [*_ails(summary), *_parts(here), *_elsewhere(summary, here), *_servers(servers), *_decisions(summary)]
    return sorted(found, key=lambda one: (one.fine, not one.urgent))


def _ails(summary: Summary) -> Iterator[Check]:
    yield Check(
        what="testing",
        fine=not summary.held,
        title="All testing is stopped" if summary.stop else "Nobody is dialled",
        detail=f"{capital(summary.held)}." if summary.held else "",
        page="stop",
    )
    if summary.halted and summary.halted != summary.held:
        yield Check(
            what="testing here",
            fine=False,
            title="Nobody is dialled from this machine",
            detail=f"{capital(summary.halted)}.",
            page="stop",
        )
    yield Check(what="expiry", fine=not summary.withheld, title="No listing ends by its age", detail=summary.withheld)
    yield Check(what="clock", fine=not summary.strange, title="The clock is not believed", detail=summary.strange)
    for role in NEEDED:
        yield Check(
            what=role,
            fine=role not in summary.unmanned,
            title=f"Nobody is at work as {role}",
            detail=f"{capital(LACK[role])}; `dnsbl serve` begins it.",
        )
    postage = summary.postage
    if postage.on:
        late = postage.oldest is not None and summary.at - postage.oldest > timedelta(hours=1)
        yield Check(
            what="mail",
            fine=not (late or postage.withheld),
            title="Our mail does not go out" if late else "Mail was left out today",
            detail=f"{postage.waiting} waiting, {postage.failed} failed in a day, {postage.withheld} left out.",
        )


def _parts(health: Iterable[Health]) -> Iterator[Check]:
    for part in health:
        yield Check(
            what=part.part,
            fine=part.up and not part.why,
            title=f"{part.part} is down" if not part.up else f"{part.part} waits for a word",
            detail=f"Since {part.since:%Y-%m-%d %H:%M:%S} UTC: {part.why}",
        )


def _elsewhere(summary: Summary, here: Iterable[Health]) -> Iterator[Check]:
    """What processes have said with their signs of life, but for what is known here."""
    known = {(part.trouble, part.why) for part in here}
    for sign in summary.signs:
        if (late := summary.at - sign.seen) > LATE:
            yield Check(
                what=sign.process,
                fine=False,
                title=f"{sign.process} was last seen {late.seconds} s ago",
                detail="It has died, or cannot write to the store; /readyz and the log there say more.",
            )
        for part, why in sign.down.items():
            if (part, why) not in known and (sign.process, why) not in summary.told:
                name = "worker" if part in IDLE else part
                yield Check(what=name, fine=False, title=f"{name} does not work on {sign.process}", detail=capital(why))


def _servers(servers: Iterable[Mapping[str, object]]) -> Iterator[Check]:
    for one in servers:
        trouble = one["trouble"]
        assert isinstance(trouble, list)
        yield Check(
            what=f"{one['server']} {one['zone']}",
            fine=not trouble,
            title=f"The server {one['server']} is not right about {one['zone']}",
            detail="; ".join(map(str, trouble)) + ".",
            page="#secondaries",
        )


def _decisions(summary: Summary) -> Iterator[Check]:
    oldest = f"The oldest since {summary.oldest_proposal:%Y-%m-%d %H:%M} UTC." if summary.oldest_proposal else ""
    count = summary.proposals
    yield Check(
        what="proposals",
        fine=not count,
        title="A listing waits for a person" if count == 1 else f"{count} listings wait for a person",
        detail=oldest,
        page="inbox",
        urgent=False,
    )
    count = summary.letters
    yield Check(
        what="inbox",
        fine=not count,
        title="A letter is not answered" if count == 1 else f"{count} letters are not answered",
        detail="Of the last seven days.",
        page="inbox",
        urgent=False,
    )
    count = summary.lapsing
    yield Check(
        what="reviews",
        fine=not count,
        title="An operator's listing lapses soon" if count == 1 else f"{count} operators' listings lapse soon",
        detail="Within seven days, unless somebody keeps them.",
        page="listings?review=1",
        urgent=False,
    )


def subject_from(text: str) -> Address | str | None:
    """What somebody looks for in the journal: an address in any form, else its words as they stand; None for none."""
    bare = " ".join(text.split())[:200]
    try:
        return parse_address(bare) if bare else None
    except ValueError:
        return bare
