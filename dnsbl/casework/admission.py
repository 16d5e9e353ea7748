"""Whether a stranger's nomination is taken now, and its test's rank: counted for its nominator's networks and its
target's.

Works inside the transaction of the verb that calls it. Holds no number: what anybody may have of what is left says
`rules.queues`, and of whom a name of his own is known `rules.reporters`. Operators are not counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network

from dnsbl.addresses import Address
from dnsbl.clock import day_of
from dnsbl.errors import Refused
from dnsbl.model import ASKED, Nomination, ReporterAccount
from dnsbl.rules import queues, reporters
from dnsbl.settings import Settings
from dnsbl.store import Transaction
from dnsbl.store.kept import EVER, Account, Count
from dnsbl.vocabulary import TRUSTED, Refusal

#: What all evidence that is kept comes to.
EVIDENCE = Account("evidence", EVER)
_ALL = "nominated"
_DAY = 86400
#: Seconds after which it is worth another try where the queue is full.
_AGAIN = 3600


def account_of(tx: Transaction, name: str) -> ReporterAccount | None:
    """The account of this name, if it is one. Raises Refused where there is none, or nothing is taken from it."""
    if not name:
        return None
    account = tx.reporters.read(name)
    if account is None:
        raise Refused(Refusal.UNKNOWN_REPORTER, f"There is no reporter {name[:40]!r}: `dnsbl reporter add` makes one.")
    if account.suspended is not None:
        raise Refused(Refusal.SUSPENDED, f"Nothing is taken from the reporter {name} at the moment.")
    return account


class Admission:
    """Counts, and refuses what is too much."""

    def __init__(self, settings: Settings) -> None:
        self._terms = settings.policy
        self._reporters = settings.reporters

    def count(
        self, tx: Transaction, nomination: Nomination, account: ReporterAccount | None, octets: int, now: datetime
    ) -> int:
        """Count a nomination, with so many new octets of evidence, for whoever brought it today, by his account or by
        his networks; returns the rank that its test may have by that. Raises Refused (TOO_MANY)."""
        if nomination.door in TRUSTED:
            if octets:
                tx.kept.add([EVIDENCE], octets)
            return ASKED + 1
        parts, everybody = _parts(nomination, account, now), Account(_ALL, day_of(now))
        counts = self.brought(tx, nomination, account, now)
        told = counts.pop(everybody)
        if account is not None:
            self._refuse_beyond(account, sum(count.messages for count in counts.values()), now)
        for most, used, more, by in (
            (self._terms.nominations_day, told.messages, 1, {a: c.messages for a, c in counts.items()}),
            (self._terms.evidence_day_bytes, told.octets, octets, {a: c.octets for a, c in counts.items()}),
        ):
            if more and _too_much(most, used, more, by, parts):
                raise Refused(
                    Refusal.TOO_MANY,
                    "As much as may be was nominated from your network today; please bring it tomorrow.",
                    retry_after=_tomorrow(now),
                )
        tx.kept.add([*parts, everybody, *([EVIDENCE] if octets else [])], octets)
        return queues.turn((part, counts[account].messages) for account, part in parts.items())

    def brought(
        self, tx: Transaction, nomination: Nomination, account: ReporterAccount | None, now: datetime
    ) -> dict[Account, Count]:
        """What was nominated today, by whoever brings this one and by everybody."""
        return tx.kept.of([*_parts(nomination, account, now), Account(_ALL, day_of(now))])

    def _refuse_beyond(self, account: ReporterAccount, brought: int, now: datetime) -> None:
        most = reporters.daily(account, self._reporters)
        if brought >= most:
            raise Refused(
                Refusal.TOO_MANY,
                f"{account.name} has nominated {brought} times today, as often as one of the tier {account.tier} may; "
                "please bring the rest tomorrow.",
                retry_after=_tomorrow(now),
            )

    def queue(self, tx: Transaction, nomination: Nomination) -> int:
        """The rank that a further test of this address may have by what waits in its networks. Raises Refused
        (TOO_MANY) where as many wait as may."""
        if nomination.door in TRUSTED:
            return ASKED + 1
        shares, ranks = list(queues.shares(nomination.address)), []
        waiting, *counts = self.waiting(tx, nomination.address)
        for share, here in zip(shares, counts, strict=True):
            ranks.append((share.part, here))
            if here >= queues.allowed(self._terms.nominations_queued, waiting, share.part):
                raise Refused(
                    Refusal.TOO_MANY,
                    f"{here} tests wait in {share.network} and {waiting} altogether, as many as may; "
                    "please come again later.",
                    retry_after=_AGAIN,
                )
        return queues.turn(ranks)

    def waiting(self, tx: Transaction, address: Address) -> tuple[int, ...]:
        """How many nominated tests wait: all, and in each of the networks that hold this address."""
        return tx.jobs.nominated(*(share.network for share in queues.shares(address)))


def _tomorrow(now: datetime) -> int:
    """Seconds until the next day begins."""
    return math.ceil(_DAY - now.timestamp() % _DAY)


def _nominators(nomination: Nomination, account: ReporterAccount | None) -> list[tuple[str, int]]:
    """Everything that counts as one and holds the nominator: its name, and its part."""
    if account is not None:
        return [(f"reporter {account.name}", reporters.PARTS[account.tier])]
    try:
        network = ip_network(nomination.nominator)
    except ValueError:
        return [(nomination.nominator, queues.NAMELESS)]
    return [(str(share.network), share.part) for share in queues.shares(network)]


def _parts(nomination: Nomination, account: ReporterAccount | None, now: datetime) -> dict[Account, int]:
    """For whom a nomination is counted today besides everybody, and the part of each."""
    today = day_of(now)
    return {Account(f"nominated from {holder}", today): part for holder, part in _nominators(nomination, account)}


def _too_much(most: int, used: int, more: int, by: Mapping[Account, int], parts: Mapping[Account, int]) -> bool:
    """Whether `more` beside what each of these has used is more than one of them may have of what is left."""
    return any(count + more > queues.allowed(most, used, parts[account]) for account, count in by.items())
