"""The verbs of the collector: weigh a message, store it, and let its run be judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from dnsbl.addresses import Address
from dnsbl.casework.base import run_in
from dnsbl.casework.judging import Judging
from dnsbl.clock import Clock
from dnsbl.errors import Full
from dnsbl.rules import keeping
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.kept import EVER, Account, day_of
from tester.bounces import Ours
from tester.fate import TELLING, Fate
from tester.letter import Keyring, Letter
from tester.returned import Collected, unwrap
from tester.verdict import Finding, Weighed
from tester.weighing import weigh_probe, weigh_return


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """A letter that came from another family than it was offered to."""

    address: Address  #: where it was offered
    known: bool  #: whether the peer is one of the ways in of the same test, so that it is known to be the same machine


class Arrivals:
    """Letters that come back, answers to them, and what pretends to be either."""

    def __init__(self, store: Store, settings: Settings, keyring: Keyring, clock: Clock, judging: Judging) -> None:
        self._store = store
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self._judging = judging

    def doubt(self, collected: Collected) -> Doubt | None:
        """Whether it would matter if the peer were the machine that a letter was offered to: it brings the letter, from
        an address of the other family. None where it would not."""
        with self._store.read() as tx:
            fate = tx.letters.find(collected.token)
            if fate is None or collected.token != fate.letter.recipient:
                return None
            address, peer = fate.letter.address, collected.peer
            if address.version == peer.version or peer in self._ours().sources:
                return None
            known = any(report.path.address == peer for report in tx.paths.of(fate.letter.run))
            return Doubt(address=address, known=known)

    def file_return(self, collected: Collected, *, twin: str = "") -> Finding:
        """Weigh and store a message at the collector; judge its run and decide, in the same transaction. `twin` is the
        name that shows that the peer is the machine which the letter was offered to, by another address.

        Raises Full, and nothing is stored, when it tells nothing new and a share that it would count for is used up.
        """
        unwrapped = unwrap(collected.message)
        with self._store.write() as tx:
            fate = tx.letters.find(collected.token)
            weighed = weigh_return(
                collected,
                unwrapped,
                fate,
                keyring=self._keyring,
                ours=self._ours(),
                window=self._settings.tester.delivery_window,
                twin=twin,
            )
            self._file(tx, collected, fate, weighed)
        return weighed.finding

    def file_probe(self, probe: Collected) -> Finding | None:
        """Store that somebody named a recipient of ours and then brought no message. None, and nothing stored, for
        what is no letter of ours. Raises Full as `file_return` does."""
        with self._store.write() as tx:
            fate = tx.letters.find(probe.token)
            if fate is None:
                return None
            weighed = weigh_probe(probe, fate)
            self._file(tx, probe, fate, weighed)
        return weighed.finding

    def _file(self, tx: Transaction, collected: Collected, fate: Fate | None, weighed: Weighed) -> None:
        now, received = self._clock.now(), datetime.fromtimestamp(collected.received_at, UTC)
        found = fate.found(weighed.finding) if fate else None
        run = fate.letter.run if fate else None
        news = found if found is not fate else None
        telling = news is not None and news.finding in TELLING
        self._count(tx, collected, fate.letter if fate else None, day_of(received), news=news is not None, must=telling)
        tx.returns.add(collected, weighed, run=run)
        tx.journal.append(
            at=now,
            actor=f"collector, from {collected.peer}",
            subject=str(fate.letter.address) if fate else "list",
            verb="return",
            reason=weighed.finding,
            evidence=f"message sha256:{sha256(collected.message).hexdigest()}" + (f", run {run}" if run else ""),
        )
        if news is not None:
            tx.letters.note(news)
            if telling:
                self._judging.came_back(tx, run_in(tx, news.letter.run), now)

    def _count(
        self, tx: Transaction, collected: Collected, letter: Letter | None, today: int, *, news: bool, must: bool
    ) -> None:
        """Count this message for everybody whom it is counted for. Raises Full unless it `must` be kept."""
        shares = keeping.shares(self._settings.collector, peer=collected.peer, news=news, letter=letter)
        accounts = {Account(share.holder, today if share.daily else EVER): share for share in shares}
        octets = len(collected.message)
        for account, count in tx.kept.of(accounts).items():
            if not must and keeping.exceeded(accounts[account], count.messages, count.octets, octets):
                raise Full(f"{accounts[account].full}, try again later")
        tx.kept.add(accounts, octets, today=today)

    def _ours(self) -> Ours:
        collector, tester = self._settings.collector, self._settings.tester
        domains = tester.domains
        hosts = {collector.hostname, *(f"{address}" for address in collector.addresses)}
        # What a server knows of us that it has never turned to: the recipient's domain, and whom our letter came from.
        known = domains | {*tester.helos, *(f"{address}" for address in tester.source_addresses)}
        return Ours(
            names=hosts | domains | {f"[{address}]" for address in collector.addresses},
            sources=tester.source_addresses,
            marks=hosts - known,
        )
