"""The verbs of who has the address tested that he comes from: show an address, ask, see how it stands.

Consent is what provokes such a test (law 4), and is in the journal before anybody dials. It takes no place of the
list's own tests, and shows the list nothing: see `store.runs`.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import partial

from dnsbl.addresses import Address, neighbourhood, network_of
from dnsbl.casework.base import DAY, own_keys
from dnsbl.casework.queueing import Queueing, refuse_excluded
from dnsbl.clock import Clock
from dnsbl.errors import NotFound, Refused
from dnsbl.model import SelfTest
from dnsbl.rules import schedule, selftest
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import Door, JobReason, Reason, Refusal, RunState
from tester.letter import Keyring


class SelfTests:
    """Tests on their owner's request."""

    def __init__(self, store: Store, settings: Settings, keyring: Keyring, clock: Clock, queueing: Queueing) -> None:
        self._store = store
        self._settings = settings
        self._keys = partial(own_keys, keyring, "self-test")
        self._clock = clock
        self._queueing = queueing

    def token(self, address: Address) -> str:
        """What shows for some minutes that somebody came from this address. Raises Refused."""
        self._refuse_when_off()
        selftest.testable(address, self._settings)
        until = self._clock.now() + timedelta(seconds=self._settings.self_test.token_seconds)
        return selftest.token(address, key=self._keys()[-1], until=until)

    def ask(self, address: Address, *, ports: str, token: str, door: Door, actor: str) -> SelfTest:
        """Queue a test of the address that the request came from, now; of the one of the other family
        that `token` shows as well, where one is given, or one of each. One that goes on already is returned instead.

        Raises Refused: OFF, SPECIAL_PURPOSE, OWN_ADDRESS, WRONG_PORT, NOT_SHOWN, EXCLUDED, TOO_MANY (with retry_after).
        """
        self._refuse_when_off()
        now = self._clock.now()
        others = selftest.all_shown(token, keys=self._keys(), now=now) if token.strip() else ()
        addresses = selftest.both(address, others)
        for one in addresses:
            selftest.testable(one, self._settings)
        wanted = selftest.chosen(ports, self._settings)
        with self._store.write() as tx:
            for one in addresses:
                refuse_excluded(tx, one, self._settings.service.contact)
            if (job := tx.jobs.live_self_test(address)) is not None:
                return self._seen(tx, job.run)
            for one in addresses:
                self._refuse_too_many(tx, one, now)
            what = f"every form on ports {' '.join(map(str, wanted))} of {' and '.join(map(str, addresses))}"
            for one in addresses:
                tx.journal.append(
                    at=now,
                    actor=f"{door} {actor}",
                    subject=str(one),
                    verb="asked-self-test",
                    reason=Reason.ASKED_SELF_TEST,
                    evidence=f"consent, given from {address}: {what}",
                )
            job = self._queueing.add(
                tx,
                address,
                port=self._settings.tester.port,
                reason=JobReason.SELF_TEST,
                profile=selftest.PROFILE,
                due=now,
                provocation="self-test, asked for from the address itself",
                actor=f"{door} {actor}",
                now=now,
                paths=selftest.ways(addresses, wanted, self._settings),
            )
            return self._seen(tx, job.run)

    def see(self, run: str) -> SelfTest:
        """How a self-test stands. Raises NotFound, also for one whose result is too old to be shown."""
        with self._store.read() as tx:
            return self._seen(tx, run)

    def _seen(self, tx: Transaction, run: str) -> SelfTest:
        job = tx.jobs.of_run(run)
        keep = timedelta(days=self._settings.self_test.keep_days)
        if job is None or job.reason is not JobReason.SELF_TEST or self._clock.now() - job.due > keep:
            raise NotFound(f"There is no self-test {run!r:.40}, or it is too long ago.")
        begun = tx.runs.read(run)
        over = begun is not None and begun.state is RunState.SETTLED
        return SelfTest(
            job=job,
            run=begun,
            paths=tuple(tx.paths.of(run)),
            letters=tuple(tx.letters.of(run)) if begun else (),
            transcripts=tuple(tx.sessions.documents(run)) if over else (),
        )

    def _refuse_when_off(self) -> None:
        if not self._settings.self_test.on:
            raise Refused(Refusal.OFF, "This list offers no self-tests.")

    def _refuse_too_many(self, tx: Transaction, address: Address, now: datetime) -> None:
        terms, since = self._settings.self_test, now - DAY
        near = neighbourhood(address)
        for within, most, whose in (
            (network_of(address), terms.per_address, f"of {address}"),
            (near, terms.per_network, f"in {near}"),
            (None, terms.per_day, "altogether"),
        ):
            free = schedule.free_again(tx.jobs.self_tests(since, within), most, DAY)
            if free is not None:
                raise Refused(
                    Refusal.TOO_MANY,
                    f"There were {most} self-tests {whose} within a day, which is the limit; the next is taken at "
                    f"{free:%Y-%m-%d %H:%M:%S} UTC.",
                    retry_after=max(1, math.ceil((free - now).total_seconds())),
                )
