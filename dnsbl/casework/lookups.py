"""The door of questions to a watched zone: who has asked about whom is remembered for some hours, and a suspect becomes
a candidate of everybody who has asked about him.

Holds no rule when one is a suspect (`rules.lookups`). A question is worth as much as its reporter's account: who is
suspended is not heard, each brings so many addresses a day, and his score falls when tests come back closed. Candidates
are tested in their turn, as those of feeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dnsbl.addresses import Address
from dnsbl.casework.admission import account_of
from dnsbl.casework.base import wanted
from dnsbl.clock import Clock, day_of
from dnsbl.errors import Refused
from dnsbl.model import ReporterAccount
from dnsbl.rules import lookups, queues, targets
from dnsbl.rules.lookups import Lookup
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.kept import Account
from dnsbl.vocabulary import Door, Reason
from tester.records import dataclass

if TYPE_CHECKING:
    from dnsbl.casework.feeding import Feeding

#: Questions that one transaction looks at.
_PORTION = 200
#: The part of what is left of what is remembered that one reporter may have.
_PART = 2
#: When somebody has asked last is remembered to such a part of the hours that count.
_FINE = 24

#: Reporter and address, and when he has asked last.
_Pairs = dict[tuple[str, Address], datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class Questioner:
    """How the questions of one reporter's servers stand."""

    client: str
    remembered: int  #: addresses of which it is known that they have asked about them lately
    today: int  #: addresses that they have brought today
    waiting: int  #: candidates of his, whatever door they came in at
    heard: bool  #: whether there is such an account, and it is not suspended


class LookupDoor:
    """Questions to a watched zone; `feeding` keeps the candidates."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, feeding: Feeding) -> None:
        self._store = store
        self._settings = settings
        self._terms = settings.lookups
        self._clock = clock
        self._feeding = feeding

    def file(self, asked: Sequence[Lookup]) -> int:
        """Note who has asked about whom; returns how many have become candidates. What is known already costs next to
        nothing, and the writer's lock is held for what is news alone. That is remembered last, so that after a crash
        whoever hands it in once more finds it news still."""
        now, made = self._clock.now(), 0
        since = now - timedelta(hours=self._terms.within_hours)
        with self._store.read() as tx:
            is_old = tx.lookups.is_old(since)
        if is_old:
            with self._store.write() as tx:
                tx.lookups.forget(since, most=5000)  # the rest the next time
        for start in range(0, len(asked), _PORTION):
            with self._store.read() as tx:
                news, later = self._news(tx, asked[start : start + _PORTION], since, now)
                added = self._room(tx, news, day_of(now))
                suspects = self._suspects(tx, added, since, now) if added else {}
            for (client, why), addresses in suspects.items():
                made += self._feeding.suspects(addresses, reporter=client, door=Door.LOOKUP, reason=why)
            if added or later:
                with self._store.write() as tx:
                    self._note(tx, added, later, day_of(now))
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
        names = list(dict.fromkeys(client.name for client in self._terms.clients))
        with self._store.read() as tx:
            remembered, waiting = tx.lookups.counts(), tx.candidates.counts()
            brought = _brought(tx, names, today)
            return [
                Questioner(
                    client=name,
                    remembered=remembered.get(name, 0),
                    today=brought[name],
                    waiting=waiting.get(f"reporter {name}", 0),
                    heard=_heard(tx, name) is not None,
                )
                for name in names
            ]

    def _news(self, tx: Transaction, asked: Sequence[Lookup], since: datetime, now: datetime) -> tuple[_Pairs, _Pairs]:
        """Of these what is not remembered and may be tested, and what is remembered as much older."""
        heard = {name: _heard(tx, name) is not None for name in {each.client for each in asked}}
        known = tx.lookups.known({each.address for each in asked})
        stale = (now - since) / _FINE
        news, later, barred = _Pairs(), _Pairs(), dict[Address, bool]()
        for each in asked:
            last = datetime.fromtimestamp(min(each.last, now.timestamp()), UTC)
            pair = each.client, each.address
            if not heard[each.client] or last < since:
                continue
            if pair in known:
                if last - known[pair] >= stale:
                    later[pair] = last
                continue
            if each.address not in barred:
                barred[each.address] = self._barred(tx, each.address, now)
            if not barred[each.address]:
                news[pair] = max(last, news.get(pair, last))
        return news, later

    def _barred(self, tx: Transaction, address: Address, now: datetime) -> bool:
        """Whether an address may not be tested, or needs no test."""
        try:
            return wanted(tx, self._settings, targets.target(str(address), self._settings), now)[1]
        except Refused:
            return True

    def _room(self, tx: Transaction, news: _Pairs, today: int) -> _Pairs:
        """Of these what there is room for."""
        counts, added = tx.lookups.counts() if news else {}, _Pairs()
        brought = _brought(tx, {client for client, _ in news}, today)
        for (client, address), last in news.items():
            mine = counts.get(client, 0)
            full = mine >= queues.allowed(self._terms.addresses, sum(counts.values()), _PART)
            if full or brought[client] >= self._terms.per_client_day:
                continue
            counts[client], brought[client] = mine + 1, brought[client] + 1
            added[client, address] = last
        return added

    def _note(self, tx: Transaction, added: _Pairs, later: _Pairs, today: int) -> None:
        """Remember these, and when others have asked once more."""
        tx.lookups.again(later)
        tx.lookups.add(added)
        for client, more in Counter(client for client, _ in added).items():
            tx.kept.add([_quota(client, today)], 0, messages=more)

    def _suspects(
        self, tx: Transaction, added: _Pairs, since: datetime, now: datetime
    ) -> dict[tuple[str, str], list[Address]]:
        """Which addresses of these are to be tested: by who has asked about them, and why."""
        addresses = list(dict.fromkeys(address for _, address in added))
        asked: dict[Address, set[str]] = {}
        heard: dict[str, bool] = {}
        for (client, address), last in (tx.lookups.known(addresses) | added).items():
            if client not in heard:
                heard[client] = _heard(tx, client) is not None
            if heard[client] and last >= since:
                asked.setdefault(address, set()).add(client)
        shown = tx.nominations.shown_of(addresses, now - timedelta(days=self._settings.policy.evidence_days))
        found: dict[tuple[str, str], list[Address]] = {}
        for address, clients in asked.items():
            if why := lookups.provocation(len(clients), shown=address in shown, terms=self._terms):
                for client in sorted(clients):
                    found.setdefault((client, why), []).append(address)
        return found


def _quota(client: str, today: int) -> Account:
    return Account(f"lookups of {client}", today)


def _brought(tx: Transaction, clients: Iterable[str], today: int) -> dict[str, int]:
    """How many addresses each of these has brought today."""
    quotas = {client: _quota(client, today) for client in clients}
    kept = tx.kept.of(quotas.values())
    return {client: kept[quota].messages for client, quota in quotas.items()}


def _heard(tx: Transaction, name: str) -> ReporterAccount | None:
    """The account of this name, where something is taken from it."""
    try:
        return account_of(tx, name)
    except Refused:
        return None
