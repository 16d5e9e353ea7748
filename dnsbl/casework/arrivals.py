"""The verbs of the collector: weigh a message, store it, and let its run be judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from dnsbl.casework.base import run_in
from dnsbl.casework.judging import Judging
from dnsbl.clock import Clock
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from tester.fate import TELLING, Fate
from tester.letter import Keyring
from tester.returned import Collected, unwrap
from tester.verdict import Finding, Weighed
from tester.weighing import Ours, weigh_probe, weigh_return

#: Messages per token and day that are stored although they tell nothing new.
MOST_RETURNS = 20


class Arrivals:
    """Letters that come back, answers to them, and what pretends to be either."""

    def __init__(self, store: Store, settings: Settings, keyring: Keyring, clock: Clock, judging: Judging) -> None:
        self._store = store
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self._judging = judging

    def file_return(self, collected: Collected) -> Finding:
        """Weigh and store a message at the collector; judge its run and decide, in the same transaction.

        A message that tells nothing new is stored no more than MOST_RETURNS times per token and day.
        """
        opened = unwrap(collected.message)
        with self._store.write() as tx:
            fate = tx.letters.find(collected.token)
            weighed = weigh_return(
                collected,
                opened,
                fate,
                keyring=self._keyring,
                ours=self._ours(),
                window=self._settings.tester.delivery_window,
            )
            self._file(tx, collected, fate, weighed)
        return weighed.finding

    def file_probe(self, probe: Collected) -> Finding | None:
        """Store that somebody named a recipient of ours and then brought no message. None, and nothing stored, for
        what is no letter of ours."""
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
        if found is fate and tx.returns.count(collected.token, received - timedelta(days=1)) >= MOST_RETURNS:
            return
        run = fate.letter.run if fate else None
        tx.returns.add(collected, weighed, run=run)
        tx.journal.append(
            at=now,
            actor=f"collector, from {collected.peer}",
            subject=str(fate.letter.address) if fate else "list",
            verb="return",
            reason=weighed.finding,
            evidence=f"message sha256:{sha256(collected.message).hexdigest()}" + (f", run {run}" if run else ""),
        )
        if found is not None and found is not fate:
            tx.letters.note(found)
            if found.finding in TELLING:
                self._judging.came_back(tx, run_in(tx, found.letter.run), now)

    def _ours(self) -> Ours:
        collector, tester = self._settings.collector, self._settings.tester
        names = {collector.hostname, tester.collector_domain, tester.bounce_domain}
        names |= {form for address in collector.addresses for form in (f"{address}", f"[{address}]")}
        return Ours(names=names, sources=tester.source_addresses)
