"""What the event log tells of all but listings, done to a store that has come back from a copy: exclusions, suspended
sources and what they brought, nominations that were withdrawn, reporters and their keys, who may sign in, watches, who
gets no mail, reviews, and proposals that were decided.

Works inside the restore's transaction. Where the log does not carry what was done, the safe side is taken: a key that
was changed since is void, and an account whose password was lets nobody in. What cannot be known is counted, never
guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from dnsbl.addresses import Network, parse_network
from dnsbl.casework.purging import Again
from dnsbl.casework.queueing import Queueing
from dnsbl.casework.withdrawing import TakenBack
from dnsbl.errors import Refused
from dnsbl.model import Entry, Exclusion, ReporterAccount, Suspension
from dnsbl.rules import bringers, schedule
from dnsbl.settings import Policy
from dnsbl.store import Transaction
from dnsbl.store.notices import VEIL
from dnsbl.vocabulary import OUTPUT_KINDS, PROOF_KINDS, Reason, Role, Tier

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging

_CHANGES = re.compile(r"changes \d+-\d+: ")
_RETRACTED = re.compile(r"(\d+) listings taken back\Z")
_WATCH = re.compile(r"watch (\d+),")
_NOTICE = re.compile(r"notice (\d+), somebody at ([^,]*)")
_NOMINATION = re.compile(r"nomination (\d{1,18})\b")
_VEILED = re.compile(re.escape(VEIL) + r"[0-9a-f]+:[0-9a-f]+\Z")


def worded(entry: Entry) -> tuple[str, str]:
    """Why an operator has listed something, and who that was, by its entry: who proposed, where another confirmed."""
    proposer = entry.before.removeprefix("proposed by ")
    return _CHANGES.sub("", entry.evidence, count=1), proposer if proposer != entry.before else entry.actor


class Replaying:
    """The entries of a log, in order; the last word counts."""

    def __init__(
        self, tx: Transaction, judging: Judging, queueing: Queueing, terms: Policy, now: datetime, actor: str
    ) -> None:
        self._tx = tx
        self._judging = judging
        self._terms = terms
        self._taken_back = TakenBack(terms, queueing, judging)
        self._now = now
        self._actor = actor
        self._purges: dict[str, Again] = {}  #: by their source
        self.wordless = 0  #: what came back without its words for everybody
        self.keyless: set[str] = set()  #: reporters whose key was changed for another one, which nobody knows
        self.reopened: list[Network] = []  #: networks whose exclusion has ended since
        self.begun: set[int] = set()  #: watches that began since, and have not ended
        self.unsilenced = 0  #: those who get no mail, of whom nobody knows who they are

    def before_listings(self, entries: Iterable[Entry]) -> None:
        """What decides about tests, and all that has nothing to do with listings."""
        for entry in entries:
            match entry.verb.partition("-")[0]:
                case "excluded" | "exclusion":
                    self._excluded(entry)
                case "suspended" | "suspension":
                    self._suspended(entry)
                case "nomination":
                    self._withdrawn(entry)
                case "reporter":
                    self._reporter(entry)
                case "account":
                    self._account(entry)
                case "watch":
                    self._watch(entry)
                case "silence":
                    self._silence(entry)
                case "spared":
                    self._tx.forthcoming.drop(parse_network(entry.subject), OUTPUT_KINDS)
                case "listed" | "withdrawn" if entry.before.startswith("proposed "):
                    self._decided(entry)

    def after_listings(self, entries: Iterable[Entry]) -> int:
        """What needs the listings to be as the log has them; returns how many ended."""
        for entry in entries:
            if entry.verb == "reviewed":
                kind = entry.before.removeprefix("listed ")
                if kind not in PROOF_KINDS:
                    active = self._tx.listings.active([parse_network(entry.subject)], kind)
                    self._tx.listings.extend(active.values(), schedule.review(self._terms, kind, entry.at))
        return sum(purge.take_back() for purge in self._purges.values())

    def _excluded(self, entry: Entry) -> None:
        tx, network = self._tx, parse_network(entry.subject)
        if entry.verb == "exclusion-ended":
            tx.exclusions.end(network)
            self.reopened.append(network)
            return
        before = tx.exclusions.at(network)
        self.wordless += before is None
        public = before.public if before else ""
        tx.exclusions.put(Exclusion(network=network, reason=entry.evidence, public=public, since=entry.at))
        while queued := tx.jobs.queued_in(network, most=1000):
            for job in queued:
                tx.jobs.finish(job)

    def _suspended(self, entry: Entry) -> None:
        """A source was purged, or is taken again. What it had brought before counts no more in either case."""
        tx = self._tx
        if entry.verb == "suspension-ended":
            tx.suspensions.end(entry.subject)
            return
        reason = entry.evidence.removeprefix(f"source {entry.subject}: ")
        retracted = _RETRACTED.search(entry.after)
        self.wordless += entry.subject not in {each.source for each in tx.suspensions.all()}
        tx.suspensions.put(
            Suspension(
                source=entry.subject,
                reason=reason,
                public="",
                since=entry.at,
                retracted=int(retracted[1]) if retracted else 0,
            )
        )
        if entry.subject in self._purges:
            return
        try:
            source = bringers.read(entry.subject)
        except Refused:  # written by rules of another day: it stays suspended
            return
        self._purges[entry.subject] = Again(tx, source, self._judging, now=self._now, reason=reason, actor=self._actor)

    def _withdrawn(self, entry: Entry) -> None:
        """A nomination was taken back, if the copy has it."""
        told = _NOMINATION.match(entry.evidence)
        found = self._tx.nominations.read(int(told[1])) if told else None
        if found is not None and str(found.address) == entry.subject:
            self._taken_back.take(self._tx, found, actor=self._actor, now=self._now)

    def _decided(self, entry: Entry) -> None:
        """What was proposed was listed, or withdrawn: it waits for nobody any more."""
        kind = entry.after.removeprefix("listed ") if entry.verb == "listed" else entry.before.removeprefix("proposed ")
        self._tx.proposals.end(parse_network(entry.subject), kind)

    def _reporter(self, entry: Entry) -> None:
        accounts, name = self._tx.reporters, entry.subject.removeprefix("reporter ")
        match entry.verb:
            case "reporter-added":
                if accounts.read(name) is None:
                    tier = Tier(entry.after)
                    accounts.add(ReporterAccount(name=name, tier=tier, contact=entry.evidence, made=entry.at))
            case "reporter-suspended":
                accounts.suspend(name, entry.at, entry.evidence)
            case "reporter-resumed":
                accounts.resume(name)
            case "reporter-tier" | "reporter-trust":  # as it was called once
                accounts.tier(name, Tier(entry.after))
            case "reporter-key":
                accounts.rekey(name, None)
                self.keyless.discard(name)
                if entry.after != "no key":
                    self.keyless.add(name)

    def _account(self, entry: Entry) -> None:
        """Who may sign in: what was taken from somebody stays so, and a secret of before opens nothing."""
        accounts, name = self._tx.operators, entry.subject.removeprefix("account ")
        match entry.verb:
            case "account-removed":
                accounts.remove(name)
            case "account-role":
                accounts.change(name, role=Role(entry.after))
            case "account-disabled" | "account-password" | "account-codes":
                accounts.change(name, disabled=True)
            case "account-enabled":
                accounts.change(name, disabled=False)

    def _watch(self, entry: Entry) -> None:
        if (told := _WATCH.match(entry.evidence)) is None:
            return
        number = int(told[1])
        if entry.after != "not watched":
            self.begun.add(number)
            return
        self.begun.discard(number)
        if found := self._tx.watches.numbered(number):
            self._tx.watches.end(found, entry.at)

    def _silence(self, entry: Entry) -> None:
        """Who gets no mail: by the mail whose link he has followed, where the copy has it; else by his hash."""
        shelf = self._tx.notices
        veil = _VEILED.search(entry.evidence)
        if entry.after == "not silenced":
            if veil and (name := shelf.silenced_as(veil[0])):
                shelf.unsilence(name)
            return
        told = _NOTICE.match(entry.evidence)
        mail = shelf.numbered(int(told[1])) if told else None
        why = "it has said so itself" if entry.reason == Reason.OPTED_OUT else "an operator has said so"
        if told and mail and mail.recipient.rpartition("@")[2] == told[2]:
            shelf.silence(mail.recipient, why=why, at=entry.at)
        elif veil:
            shelf.silence(veil[0], why=why, at=entry.at)
        else:
            self.unsilenced += 1
