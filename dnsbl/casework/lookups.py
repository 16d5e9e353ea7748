"""The door of questions to a watched zone: who has asked about whom is remembered for some hours, and a suspect becomes
a candidate of everybody who has asked about him.

Holds no rule when one is a suspect (`rules.lookups`). A question is worth as much as its reporter's account: who is
suspended is not heard, each brings so many addresses a day, and his score falls when tests come back closed. Candidates
are tested in their turn, as those of feeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dnsbl.addresses import Address
from dnsbl.casework.admission import account_of
from dnsbl.casework.base import wanted
from dnsbl.casework.feeding import Feeding
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.model import Door, Reason, ReporterAccount
from dnsbl.rules import intake, lookups, queues
from dnsbl.rules.lookups import Lookup
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.kept import Account, day_of

#: Questions that one transaction looks at.
_PORTION = 500
#: The part of what is left of what is remembered that one reporter may have.
_PART = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Questioner:
    """How the questions of one reporter's servers stand."""

    client: str
    remembered: int  #: addresses of which it is known that they have asked about them lately
    today: int  #: addresses that they have brought today
    waiting: int  #: candidates of his, whatever door they came in at
    heard: bool  #: whether there is such an account, and it is not suspended


class LookupDoor:
    """Questions to a watched zone. `feeding` keeps the candidates."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, feeding: Feeding) -> None:
        self._store = store
        self._settings = settings
        self._terms = settings.lookups
        self._clock = clock
        self._feeding = feeding

    def file(self, asked: Sequence[Lookup]) -> int:
        """Note who has asked about whom; returns how many have become candidates."""
        now, made = self._clock.now(), 0
        since = now - timedelta(hours=self._terms.within_hours)
        with self._store.write() as tx:
            tx.lookups.forget(since)
        for start in range(0, len(asked), _PORTION):
            with self._store.write() as tx:
                news = self._note(tx, asked[start : start + _PORTION], since, now)
                suspects = [(each, *self._provoked(tx, each, since, now)) for each in news]
            for address, clients, why in suspects:
                if why:
                    made += self._suspect(address, clients, why)
        if made:
            with self._store.write() as tx:
                tx.journal.append(
                    at=now,
                    actor="scheduler",
                    subject="list",
                    verb="lookups-read",
                    reason=Reason.NOMINATED,
                    after=f"{made} new candidates",
                    evidence=f"questions of {', '.join(sorted({each.client for each in asked}))}"[:200],
                )
        return made

    def standing(self) -> list[Questioner]:
        """How each reporter's questions stand, by the settings."""
        today = day_of(self._clock.now())
        with self._store.read() as tx:
            remembered, waiting = tx.lookups.counts(), tx.candidates.counts()
            return [
                Questioner(
                    client=name,
                    remembered=remembered.get(name, 0),
                    today=tx.kept.of([_quota(name, today)])[_quota(name, today)].messages,
                    waiting=waiting.get(f"reporter {name}", 0),
                    heard=_heard(tx, name) is not None,
                )
                for name in dict.fromkeys(client.name for client in self._terms.clients)
            ]

    def _note(self, tx: Transaction, asked: Iterable[Lookup], since: datetime, now: datetime) -> list[Address]:
        """Remember these; returns the addresses of which there is news, and which may be tested."""
        today, news = day_of(now), dict[Address, None]()
        accounts: dict[str, ReporterAccount | None] = {}
        counts = tx.lookups.counts()
        for each in asked:
            if each.client not in accounts:
                accounts[each.client] = _heard(tx, each.client)
            last = datetime.fromtimestamp(min(each.last, now.timestamp()), UTC)
            if accounts[each.client] is None or last < since:
                continue
            try:
                address = intake.target(str(each.address), self._settings)
                if wanted(tx, self._settings.policy, address, now)[1]:
                    continue  # its test is queued
            except Refused:  # it may not be tested, or needs no test
                continue
            if not tx.lookups.again(each.client, address, last):
                quota, mine = _quota(each.client, today), counts.get(each.client, 0)
                full = mine >= queues.allowed(self._terms.addresses, sum(counts.values()), _PART)
                if full or tx.kept.of([quota])[quota].messages >= self._terms.per_client_day:
                    continue
                tx.kept.add([quota], 0, today=today)
                tx.lookups.add(each.client, address, last)
                counts[each.client] = mine + 1
            news[address] = None
        return list(news)

    def _provoked(self, tx: Transaction, address: Address, since: datetime, now: datetime) -> tuple[list[str], str]:
        """Whose servers have asked about an address, and why it is to be tested for that, or ""."""
        clients = [name for name in tx.lookups.clients_of(address, since) if _heard(tx, name) is not None]
        shown = tx.nominations.with_evidence(address, now - timedelta(days=self._settings.policy.evidence_days))
        return clients, lookups.provocation(len(clients), shown=shown, terms=self._terms)

    def _suspect(self, address: Address, clients: Iterable[str], why: str) -> int:
        """Everybody who has asked brings it; returns how many of them are news."""
        return sum(self._feeding.suspect(address, reporter=name, door=Door.LOOKUP, reason=why) for name in clients)


def _quota(client: str, today: int) -> Account:
    return Account(f"lookups of {client}", today)


def _heard(tx: Transaction, name: str) -> ReporterAccount | None:
    """The account of this name, where something is taken from it."""
    try:
        return account_of(tx, name)
    except Refused:
        return None
