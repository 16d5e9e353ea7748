"""What verbs of several hands ask of the store in the same words, and how the journal names its subjects."""

from __future__ import annotations

import hashlib
import math
import shlex
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from dnsbl.addresses import Address, Network, network_of
from dnsbl.casework.queueing import OWNER, SHOWN, asks_of_unwanted, begun, refuse_excluded, unwanted
from dnsbl.clock import day_of
from dnsbl.errors import NotFound, Refused
from dnsbl.model import Entry, Job, Listing, Nomination, Run
from dnsbl.rules import bringers, queues, schedule
from dnsbl.settings import MailDoorTerms, Policy, Settings
from dnsbl.store import Transaction
from dnsbl.store.kept import Account
from dnsbl.vocabulary import TESTED_KINDS, TRUSTED, UNCONFIRMED, Door, JobReason, Reason, Refusal
from tester.letter import Keyring
from tester.records import dataclass
from tester.smtp import Flag

#: How long after their end caches may keep an answer about listings of these kinds.
Clears = Callable[[Iterable[str], datetime], timedelta]

DAY = timedelta(days=1)
#: Who is named in the journal for an answer to a letter that no person gave.
LIST = "list"
#: Which part of a day's retests of one address strangers from one /16 or /32 may ask for.
PART = 4

#: What is said of a relay that was found open only by another stranger of ours.
SPECIFIC = f"It refuses us under other names of ours, so it singles out the tester ({Flag.TESTER_SPECIFIC})."
#: The journal's subject for all testing together, and its words when that is stopped and taken up again.
TESTER, STOPPED, RESUMED = "tester", "stopped", "resumed"


def subject_of(of: Address | Network) -> str:
    """How the journal names an address or network: a network of one address is that address."""
    text = str(of)
    return text.removesuffix("/32") if ":" not in text else text.removesuffix("/128")


def stop_in(tx: Transaction) -> Entry | None:
    """The entry that has stopped all dialling, or None. The journal itself is the state: its last word counts."""
    last = tx.journal.read(TESTER, most=1)
    return last[0] if last and last[0].verb == STOPPED else None


def asks_of_hindrance(tx: Transaction, job: Job) -> list[Callable[[], object]]:
    """What `hindered` asks, to be foreseen."""
    return [partial(stop_in, tx), *asks_of_unwanted(tx, job.address)]


def hindered(tx: Transaction, job: Job, address: Address | None) -> bool:
    """Whether a job's address, or this one of the same host, may not be dialled now."""
    if stop_in(tx) or unwanted(tx, job.address, job.reason) is not None:
        return True
    return address not in (None, job.address) and tx.exclusions.covering(address) is not None


def at_once(kinds: Iterable[str], ended: datetime) -> timedelta:
    """The Clears of a list that nobody asks."""
    return timedelta(0)


def cleared(clears: Clears, kinds: Iterable[str], ended: datetime) -> str:
    """How an entry says by when every cache has let go of listings that have ended."""
    within = clears(kinds, ended)
    return f", clears by {ended + within:%Y-%m-%dT%H:%M:%SZ}" if within else ""


def shown_of_listed(tx: Transaction, evidence: Collection[str]) -> set[str]:
    """Those of at most some hundred messages that were shown against an address that is on the list."""
    shown = tx.nominations.shown_in(evidence)
    listed = tx.listings.proven_among({network_of(address) for _, address in shown})
    return {message for message, address in shown if network_of(address) in listed}


def let_go(tx: Transaction, run: Run, address: Address) -> bool:
    """Whether a listing of what was tested there has ended since the run began at somebody's word, which no letter of
    it takes back."""
    return tx.listings.let_go(network_of(address), TESTED_KINDS, run.started)


def come_to(tx: Transaction, run: Run, what: str, now: datetime) -> None:
    """Enter what a run has come to."""
    tx.journal.append(
        at=now,
        actor="policy",
        subject=str(run.address),
        verb="run",
        reason=run.reason,
        before=run.verdict or run.state,
        after=what,
        evidence=f"run {run.id}",
    )


def renewed(tx: Transaction, listing: Listing, *, kind: str, expires: datetime | None, run: str, at: datetime) -> None:
    """A listing goes on by the proof of this run; where that is of another kind, what is served follows."""
    tx.listings.renew(listing, kind=kind, expires=expires, run=run, at=at)
    if kind != listing.kind:
        tx.changes.add([listing.network], listing.kind, present=False, at=at)
        tx.changes.add([listing.network], kind, present=True, at=at)


def wanted(
    tx: Transaction, settings: Settings, address: Address, now: datetime, *, shell: bool = False
) -> tuple[Job | None, bool]:
    """The live test of a nominated address, and whether it serves a further nomination as well.

    Raises Refused where no nomination of this address is taken now: EXCLUDED, ALREADY_LISTED, RESTING (with
    retry_after). An operator at his `shell` is told what he can do there.
    """
    refuse_excluded(tx, address, settings.service.contact, shell=shell)
    if (listing := tx.listings.proven(address)) and listing.kind != UNCONFIRMED:
        raise Refused(Refusal.ALREADY_LISTED, f"{address} is already listed, since {listing.since:%Y-%m-%d %H:%M} UTC.")
    job = tx.jobs.live(address)
    if job is not None and (begun(job) or job.reason is JobReason.NOMINATION):
        return job, True
    last = tx.runs.last_started(address)
    rested = last + timedelta(days=settings.policy.rest_days) if last else now
    if rested > now:
        again = f"{rested:%Y-%m-%d %H:%M:%S} UTC" + (f"; `dnsbl test {address}` tests it now" if shell else "")
        raise Refused(
            Refusal.RESTING,
            f"{address} was tested not long ago; a nomination is taken again at {again}.",
            retry_after=math.ceil((rested - now).total_seconds()),
        )
    return job, False


def asks_of_wanted(tx: Transaction, address: Address) -> list[Callable[[], object]]:
    """What `wanted` asks, to be foreseen."""
    return [
        partial(tx.exclusions.covering, address),
        partial(tx.listings.proven, address),
        partial(tx.jobs.live, address),
        partial(tx.runs.last_started, address),
    ]


def refuse_suspended(tx: Transaction, nomination: Nomination, contact: str) -> None:
    """Raises Refused (SUSPENDED) for a source that was found to be bad."""
    for each in tx.suspensions.all():
        if bringers.read(each.source).holds(nomination.door, nomination.nominator):
            further = f"please write to {contact}"
            if nomination.door is Door.CLI:
                further = f"`dnsbl purge {shlex.quote(each.source)} --end --reason TEXT` ends that"
            raise Refused(Refusal.SUSPENDED, f"Nothing is taken from you at present; {further}.")


def counted(tx: Transaction, peer: Address, what: str, most: int, now: datetime) -> bool:
    """Count one more of these today for every network that holds this address, unless one has its part of what is left
    (`rules.queues`); whether it was."""
    today = day_of(now)
    parts = {Account(f"{what} from {share.network}", today): share.part for share in queues.shares(peer)}
    everybody = Account(what, today)
    counts = tx.kept.of([*parts, everybody])
    used = counts[everybody].messages
    if any(counts[account].messages >= queues.allowed(most, used, part) for account, part in parts.items()):
        return False
    tx.kept.add([*parts, everybody], 0)
    return True


def may_answer(tx: Transaction, peer: Address, terms: MailDoorTerms, now: datetime) -> bool:
    """Count an answer to the sender of a mail that this address has brought, who may be forged; whether there may be
    one more. All answers are counted as one, whatever address of ours was written to."""
    return counted(tx, peer, "answers to mails", terms.answers_day, now)


def reporter_entry(
    tx: Transaction,
    now: datetime,
    name: str,
    verb: str,
    before: str,
    after: str,
    *,
    actor: str,
    reason: Reason = Reason.OPERATOR,
    evidence: str = "",
) -> None:
    """The journal's entry about an account of a reporter."""
    tx.journal.append(
        at=now,
        actor=actor,
        subject=f"reporter {name}",
        verb=verb,
        reason=reason,
        before=before,
        after=after,
        evidence=evidence,
    )


def own_keys(keyring: Keyring, purpose: str) -> list[bytes]:
    """Keys for one purpose, made from those that letters are signed with. Raises Refused while there is none."""
    keys = [hashlib.sha256(purpose.encode() + key.secret).digest() for key in keyring.keys]
    if not keys:
        raise Refused(Refusal.OFF, "This node has no keys at the moment; try again in a minute.")
    return keys


def run_in(tx: Transaction, name: str) -> Run:
    """The run of this name. Raises NotFound."""
    run = tx.runs.read(name)
    if run is None:
        raise NotFound(f"There is no run {name!r:.40}.")
    return run


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who asks for a removal. Waits are his alone: whoever asks for a retest that fails makes nobody else wait."""

    name: str  #: as far as known: a login name, a network, OWNER, or SHOWN
    known: bool  #: whether he is more than anybody: he has shown the address to be his, or runs this list

    @classmethod
    def of(cls, door: Door, name: str, *, control: bool, shown: bool = False) -> Asker:
        """Whoever came in at this door; `control` says that he has shown the address to be his, and `shown` that he
        did so from elsewhere: what he asks for makes nobody wait who comes from the address."""
        return cls(name=(SHOWN if shown else OWNER) if control else name, known=control or door in TRUSTED)

    @property
    def owns(self) -> bool:
        """Whether he has shown the address to be his."""
        return self.name in (OWNER, SHOWN)


#: Who has not said who he is.
ANYBODY = Asker(name="", known=False)


class Wait(NamedTuple):
    """From when a request is taken, and why not before, as half a sentence."""

    until: datetime
    why: str


def next_removal(tx: Transaction, listing: Listing, terms: Policy, asker: Asker, now: datetime) -> Wait | None:
    """From when this one's next request for the removal of a proven listing is taken; None: at once.

    After a retest that he asked for and that failed he waits (`policy.removal_waits`). While other strangers have had
    as many retests of the address as a day has (`policy.removals_day`), or as many of his /16 or /32 as a part of
    these, he waits too. Who keeps coming back waits whoever asks, but for operators (`policy.relapse_waits`).
    """
    address = listing.network.network_address
    own = schedule.removal_after(terms, tx.removals.failed(address, listing.since, asker.name))
    waits = [(own, f"The last retest of {address} that you asked for did not find it closed")]
    if not asker.known or asker.owns:
        before = tx.listings.times_off(address)
        relapsed = f"{address} has been taken off the list before, and was listed again: {before} times"
        waits.append((schedule.relapse_after(terms, listing.since, before), relapsed))
    if not asker.known:
        counted = [row for row in tx.removals.counted(address, now - DAY) if row[0] != asker.name]
        region = queues.region_of(asker.name)
        near = [at for name, at in counted if region is not None and queues.region_of(name) == region]
        often = f"Strangers have had {address} retested as often as they may in a day (ask from the address itself)"
        waits.append((schedule.free_again([at for _, at in counted], terms.removals_day, DAY), often))
        waits.append((schedule.free_again(near, max(1, terms.removals_day // PART), DAY), often))
    return max((Wait(until, why) for until, why in waits if until is not None and until > now), default=None)


def message_subject(number: int) -> str:
    """What the journal calls a message at the collector."""
    return f"message {number}"


def answered(tx: Transaction, numbers: Iterable[int]) -> dict[int, str]:
    """Which of these messages were answered, in words: "answered", or "answered by the list" where no person has."""
    subjects = {message_subject(number): number for number in numbers}
    last = tx.journal.last(subjects)
    return {
        subjects[name]: "answered by the list" if entry.actor == LIST else "answered" for name, entry in last.items()
    }


def answer_by_list(tx: Transaction, number: int, what: str, now: datetime) -> None:
    """Enter that a message has got its answer by machine; `what` says which."""
    tx.journal.append(
        at=now, actor=LIST, subject=message_subject(number), verb="answer", reason="answered by the list", evidence=what
    )
