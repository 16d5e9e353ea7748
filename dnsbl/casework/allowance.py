"""What strangers have us send, counted; and when one of their tests has to wait for its share of the hour.

Works inside the transaction of the verb that calls it. Holds no number: who may have how much says `rules.sending`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from dnsbl.addresses import Address
from dnsbl.model import Job
from dnsbl.rules import sending
from dnsbl.rules.sending import Delay, Ledger, Purse, Sent, Usage
from dnsbl.settings import Tester
from dnsbl.store import Transaction
from dnsbl.vocabulary import JobState


class Allowance:
    """The counts of one list."""

    def __init__(self, tester: Tester) -> None:
        self._tester = tester

    def delay(self, tx: Transaction, job: Job, now: datetime, *, begins: bool = False) -> Delay | None:
        """Why and until when a test has to wait before it is dialled for; None: it need not. One that `begins` needs
        room for the whole of it."""
        need = sending.worth_of(self._tester) if begins else sending.CONNECTION
        return self._delay(tx, job, job.address, need, now)

    def used(self, tx: Transaction, job: Job, address: Address, now: datetime) -> Ledger:
        """What was sent of late for all that a connection to this address counts for in this test."""
        return tx.sent.of((one.holder for one in sending.counted(job, address, self._tester)), _since(now))

    def dial(self, tx: Transaction, job: Job, address: Address, now: datetime) -> Delay | None:
        """Count a connection that is about to be made in this test, with the most that it may come to; or why, and
        until when, it is not to be made."""
        if wait := self._delay(tx, job, address, sending.CONNECTION, now):
            return wait
        self.take(tx, job, address, now)
        return None

    def ahead(self, tx: Transaction, job: Job, address: Address, now: datetime) -> bool:
        """Whether the next connection of this test may be counted before its time, which spares it a turn of its own: a
        stranger has us make it, and there is room."""
        return bool(job.whose) and self._delay(tx, job, address, sending.CONNECTION, now) is None

    def sent(
        self,
        tx: Transaction,
        job: Job,
        address: Address,
        came_to: Sent,
        *,
        dialled: datetime | None,
        now: datetime,
        ahead: bool = False,
    ) -> None:
        """A connection is over: count what it has come to in the place of what was counted when it was `dialled`, or,
        where it was no stranger's and nothing was, among everything; and the next one `ahead`."""
        if dialled is None:
            self._add(tx, [sending.EVERYTHING], now, came_to)
        elif ahead and sending.slot_of(dialled) == sending.slot_of(now):  # one takes the other's place
            self._count(tx, job, address, now, came_to)
            return
        else:
            self._count(tx, job, address, dialled, sending.less(came_to, sending.CONNECTION))
        if ahead:
            self.take(tx, job, address, now)

    def take(self, tx: Transaction, job: Job, address: Address, now: datetime) -> None:
        """Count a connection, with the most that it may come to."""
        self._count(tx, job, address, now, sending.CONNECTION)

    def give_back(self, tx: Transaction, job: Job, address: Address, counted: datetime) -> None:
        """A connection that was counted then is not made."""
        self._count(tx, job, address, counted, sending.less(Sent(0, 0, 0), sending.CONNECTION))

    def exhausted(self, tx: Transaction, now: datetime) -> frozenset[Purse]:
        """The purses out of which no further test can begin now, whoever asks."""
        ledger = tx.sent.of(Purse, _since(now))
        most, worth = sending.bound(self._tester), sending.worth_of(self._tester)
        return frozenset(purse for purse in Purse if sending.exceeded(sending.hour(ledger, purse, now), worth, most))

    def usage(self, tx: Transaction, now: datetime) -> Usage:
        """How much is used."""
        ledger = tx.sent.of([*Purse, sending.EVERYTHING], _since(now))
        nominations, removals = tx.jobs.of_strangers(now)
        return Usage(
            used={purse.value: sending.hour(ledger, purse, now) for purse in Purse},
            most=sending.bound(self._tester),
            everything=sending.hour(ledger, sending.EVERYTHING, now),
            waiting={Purse.NOMINATIONS.value: nominations, Purse.REMOVALS.value: removals},
        )

    def why(self, tx: Transaction, job: Job, now: datetime) -> str:
        """Why a queued test waits, where it does for its share, or ""."""
        if job.state is not JobState.QUEUED or not job.whose:
            return ""
        wait = self.delay(tx, job, now, begins=job.takes == 0)
        return wait.why if wait is not None and wait.until >= job.due else ""

    def _delay(self, tx: Transaction, job: Job, address: Address, need: Sent, now: datetime) -> Delay | None:
        who = sending.counted(job, address, self._tester)
        if not who:
            return None
        return sending.delay(who, self.used(tx, job, address, now), need, self._tester, now)

    def _count(self, tx: Transaction, job: Job, address: Address, at: datetime, more: Sent) -> None:
        holders = [one.holder for one in sending.counted(job, address, self._tester)]
        self._add(tx, [sending.EVERYTHING, *holders], at, more)

    def _add(self, tx: Transaction, holders: Iterable[str], at: datetime, more: Sent) -> None:
        tx.sent.add(holders, sending.slot_of(at), more)


def _since(now: datetime) -> int:
    return sending.slot_of(now) - sending.SLOTS + 1
