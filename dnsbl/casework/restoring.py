"""A copy of the whole store, and its return: what was removed since the copy was made does not come back.

What happened after the copy is told by the event log (`shipping`), which is replayed. What nobody can know is doubtful:
without a log every listing may have ended since, and a listing that the log shows has lost its proof with the store.
Doubtful addresses are not listed; they are tested again. An operator's listings cannot be tested, so without a log they
end too, unless he says that none was dropped since. A test that was under way in the copy shows nothing any more, since
its letters may have come back to what is lost: it is void, and made once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from dnsbl.addresses import Address, Network
from dnsbl.casework.base import subject_of
from dnsbl.casework.queueing import Queueing, begun, unwanted
from dnsbl.casework.replaying import Replaying, worded
from dnsbl.clock import Clock
from dnsbl.dns.listed import series
from dnsbl.dns.listed.series import Wanted
from dnsbl.errors import Damaged
from dnsbl.model import ASKED, Change, Entry, Listing
from dnsbl.rules import eventlog, schedule
from dnsbl.rules.eventlog import EventLog
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction, dump
from dnsbl.store.journal import Clocked
from dnsbl.vocabulary import DECLARED, EXCEPTION, GOT_OFF, PROOF_KINDS, TESTED_KINDS, JobReason, JobState, Reason
from tester.records import dataclass

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging

#: The form of a copy; grows when it changes.
FORM = 1
#: Verbs that end what is listed.
_ENDS = frozenset({"delisted", "expired", "dropped", "purged", "exception-ended", "doubted"})
#: Why a test that was under way in the copy ends without a verdict.
_VOID = "The list was restored from a copy that was made during this test; what came of it is lost."


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What has come back."""

    made: datetime  #: when the copy was made
    rows: int  #: of the copy
    entries: int  #: replayed from the event log
    until: datetime  #: the newest entry that is known: what happened after it is lost
    removed: int  #: listings of the copy that had ended since, by the event log
    doubtful: int  #: listings that were taken off, since they may have ended
    tests: int  #: tests that were queued for them, and for what was removed
    void: int  #: tests that were under way in the copy
    wordless: int  #: listings, exclusions and suspensions that came back without words for everybody: no log has these
    keyless: tuple[str, ...]  #: reporters who need a new key: theirs was changed since, and no log has it
    unwatched: int  #: watches that were begun since and are lost
    unsilenced: int  #: people who want no more mail since, of whom the log does not say who they are


class Restoring:
    """Copies and their return."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        queueing: Queueing,
        judging: Judging,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._queueing = queueing
        self._judging = judging

    def backup(self) -> Iterator[str]:
        """The store at one moment, as lines with their ends: a head, all rows, and an end that holds them together."""
        with self._store.read() as tx:
            last = tx.journal.read(None, most=1)
            head = {
                "copy": FORM,
                "list": self._settings.service.name,
                "schema": self._store.schema(tx),
                "made": self._clock.now().isoformat(),
                "journal": last[0].seq if last else 0,
                "changes": tx.changes.last(),
            }
            digest, rows = sha256(), 0
            digest.update(json.dumps(head).encode())
            yield json.dumps(head) + "\n"
            for line in dump.lines(tx.connection):
                digest.update(line.encode())
                rows += line.startswith("[")
                yield line + "\n"
            yield json.dumps({"end": rows, "sha256": digest.hexdigest()}) + "\n"

    def restore(
        self,
        copy: Iterable[str],
        log: Iterable[str] | None,
        *,
        reason: str,
        actor: str,
        trust_words: bool = False,
    ) -> Restored:
        """Fill an empty database from a copy and the event log behind it, all or nothing. `trust_words`: without a log,
        operators' listings stay.

        Raises Damaged for a copy or log that does not hold together, StoreUnavailable where the database is not empty
        or the copy is of a newer schema.
        """
        now, given = self._clock.now(), iter(copy)
        head = _head(next(given, ""))
        with self._store.refill(head["schema"]) as tx:
            rows = dump.fill(tx.connection, _held(head, given))
            self._store.bring_up(tx)
            tx.journal.verify()
            behind = tx.changes.last()
            events = EventLog(entries=(), changes=())
            if log is not None:
                events = eventlog.read(log, entries_after=head["journal"], changes_after=behind)
            tx.journal.replay(events.entries)
            tx.changes.replay(events.changes, at=events.entries[-1].at if events.entries else now)
            void = Wanted(digest=series.UNNUMBERED, newest=None, above=0, breaks=True, why="a copy has come back")
            epoch = series.following(tx.epochs.all(), void, number=tx.changes.last(), now=now)
            tx.epochs.end()  # what they numbered has another past now
            tx.epochs.add(epoch)
            rest = Replaying(tx, self._judging, self._queueing, self._settings.policy, now, actor)
            return _Return(tx, self._queueing, self._judging, rest, self._settings, now, actor).all(
                head, rows, events, reason=reason, logged=log is not None, trust_words=trust_words
            )


def _head(line: str) -> dict[str, Any]:
    try:
        head: dict[str, Any] = json.loads(line)
        if head["copy"] != FORM:
            raise Damaged(f"The copy has form {head['copy']}, and this program reads {FORM}.")
        head["made"] = datetime.fromisoformat(head["made"])
        if not (isinstance(head["schema"], str) and isinstance(head["journal"], int)):
            raise ValueError
    except (ValueError, TypeError, KeyError):
        raise Damaged("This is no copy that `dnsbl backup` has made.") from None
    head["line"] = line.rstrip("\n")
    return head


def _held(head: dict[str, Any], given: Iterator[str]) -> Iterator[str]:
    """The lines between head and end. Raises Damaged when the end is missing, or holds others together."""
    digest, rows = sha256(head["line"].encode()), 0
    for line in given:
        bare = line.rstrip("\n")
        if bare.startswith('{"end"'):
            if json.loads(bare) != {"end": rows, "sha256": digest.hexdigest()}:
                raise Damaged("The copy is not what was written; take another one.")
            return
        digest.update(bare.encode())
        rows += bare.startswith("[")
        yield bare
    raise Damaged("The copy is cut off; take another one.")


class _Return:
    """What a copy means today, inside its transaction."""

    def __init__(
        self,
        tx: Transaction,
        queueing: Queueing,
        judging: Judging,
        rest: Replaying,
        settings: Settings,
        now: datetime,
        actor: str,
    ) -> None:
        self._tx = tx
        self._queueing = queueing
        self._judging = judging
        self._rest = rest
        self._settings = settings
        self._now = now
        self._actor = actor
        self._removed = self._doubtful = self._tests = 0
        self._again: list[Address] = []  # to be tested again
        self._gone: list[Network] = []  # not listed any more: what was planned for them has lost its reason

    def all(
        self, head: dict[str, Any], rows: int, events: EventLog, *, reason: str, logged: bool, trust_words: bool
    ) -> Restored:
        """Replay the log, take off what is doubtful, and enter it."""
        tx, rest = self._tx, self._rest
        known = tx.journal.read(None, most=1)
        newest = known[0].at if known else head["made"]
        tx.journal.hold(self._now, Clocked.NOTED)  # a copy is as old as it is
        rest.before_listings(events.entries)
        gone = self._replay(events)
        if not logged:
            self._doubt_all(words=not trust_words)
        self._removed += rest.after_listings(events.entries)
        void = self._judging.void_all(tx, self._now, _VOID)
        self._queueing.drop_planned(tx, self._gone)
        for address in self._again:
            self._retest(address)
        for network in [*rest.reopened, *gone]:
            self._plan_again(network)
        self._enter(
            "list",
            "restored",
            before=f"a copy of {head['made']:%Y-%m-%d %H:%M:%S} UTC",
            after=f"{len(events.entries)} entries replayed, {self._doubtful} doubtful listings taken off",
            evidence=reason,
        )
        return Restored(
            made=head["made"],
            rows=rows,
            entries=len(events.entries),
            until=newest,
            removed=self._removed,
            doubtful=self._doubtful,
            tests=self._tests,
            void=void,
            wordless=rest.wordless,
            keyless=tuple(sorted(rest.keyless)),
            unwatched=len(rest.begun),
            unsilenced=rest.unsilenced,
        )

    def _plan_again(self, network: Network) -> None:
        """Queue what policy plans there, a slice behind the other."""
        behind: Network | None = None
        while True:
            planned = self._queueing.plan_again(
                self._tx, network, self._settings.policy, behind=behind, actor=self._actor, now=self._now
            )
            self._tests += planned.tests
            if (behind := planned.behind) is None:
                return

    def _replay(self, events: EventLog) -> list[Network]:
        """Do to the list what the log's changes say in the end; returns what a test, or a request, took off it."""
        tx, gone = self._tx, list[Network]()
        ends = {entry.subject: entry for entry in events.entries if entry.verb in _ENDS}
        adds = {entry.subject: entry for entry in events.entries if entry.verb in ("listed", "excepted")}
        bulk = list(_bulk(events))
        last: dict[tuple[Network, str], Change] = {(each.network, each.kind): each for each in events.changes}
        for (network, kind), change in last.items():
            if kind in DECLARED:  # which exclusions and exceptions bring back themselves
                continue
            active = tx.listings.active([network], kind)
            entry = (adds if change.present else ends).get(subject_of(network)) or next(
                (entry for numbers, entry in bulk if change.seq in numbers), None
            )
            if not change.present and active:
                why = _reason(entry)
                tx.listings.end(active.values(), at=entry.at if entry else self._now, reason=why)
                self._removed += 1
                if why in GOT_OFF and kind in TESTED_KINDS:
                    gone.append(network)
                if kind in TESTED_KINDS:
                    self._gone.append(network)
            elif change.present and not active and kind in PROOF_KINDS:
                self._doubtful += 1  # its proof went with the store
                tx.changes.add([network], kind, present=False, at=self._now)
                self._enter(
                    subject_of(network),
                    "doubted",
                    before=f"listed {kind}",
                    after="not listed",
                    evidence="its proof is lost",
                )
                if kind in TESTED_KINDS:
                    self._again.append(network.network_address)
            elif change.present and not active:
                since = entry.at if entry else self._now
                note, author = worded(entry) if entry else ("", "")
                self._rest.wordless += 1
                tx.listings.add(
                    [network],
                    kind=kind,
                    since=since,
                    expires=None if kind == EXCEPTION else schedule.review(self._settings.policy, kind, since),
                    reason=Reason.OPERATOR,
                    note=note,
                    author=author,
                )
        return gone

    def _doubt_all(self, *, words: bool) -> None:
        """Nobody knows what was removed since: proven listings are tested again; with `words` operators' ones end."""
        after = 0
        while found := self._tx.listings.active_after(after, most=1000):
            after = found[-1].id
            for listing in found:
                if listing.kind in PROOF_KINDS or (words and listing.kind != EXCEPTION):
                    self._doubt(listing)

    def _doubt(self, listing: Listing) -> None:
        tx = self._tx
        tx.listings.end([listing.id], at=self._now, reason=Reason.DOUBTFUL)
        tx.changes.add([listing.network], listing.kind, present=False, at=self._now)
        self._doubtful += 1
        self._enter(
            subject_of(listing.network), "doubted", before=f"listed {listing.kind}", after="not listed", evidence=""
        )
        if listing.kind in TESTED_KINDS:
            self._again.append(listing.network.network_address)

    def _retest(self, address: Address) -> None:
        """A test of what was listed and may be no longer, as soon as it has its turn."""
        tx, job = self._tx, self._tx.jobs.live(address)
        if unwanted(tx, address, JobReason.RETEST) or (
            job is not None and (begun(job) or job.state is JobState.RUNNING)
        ):
            return
        self._tests += 1
        self._queueing.at_once(
            tx,
            job,
            address,
            reason=JobReason.RETEST,
            profile="standard",
            provocation="listed when the list was lost",
            actor=self._actor,
            now=self._now,
            rank=ASKED + 1,
        )

    def _enter(self, subject: str, verb: str, *, before: str, after: str, evidence: str) -> None:
        self._tx.journal.append(
            at=self._now,
            actor=self._actor,
            subject=subject,
            verb=verb,
            reason=Reason.DOUBTFUL if verb == "doubted" else Reason.OPERATOR,
            before=before,
            after=after,
            evidence=evidence,
            clocked=Clocked.NOTED,
        )


def _bulk(events: EventLog) -> Iterator[tuple[range, Entry]]:
    """The entries about many networks, each with the numbers of its changes, which it names."""
    for entry in events.entries:
        if entry.subject == "list" and entry.evidence.startswith("changes "):
            first, _, end = entry.evidence.split(":")[0].removeprefix("changes ").partition("-")
            if first.isdigit() and end.isdigit():
                yield range(int(first), int(end) + 1), entry


def _reason(entry: Entry | None) -> Reason:
    """Why a listing ended, by its entry."""
    return Reason(entry.reason) if entry is not None and entry.reason in tuple(Reason) else Reason.OPERATOR
