"""Many listings by an operator's word, in slices that let others write.

First everything is checked, and nothing is changed where anything is wrong. Then a slice of networks is one
transaction, with a change for each network and an entry in the journal; between two slices whoever waits has its turn.
What breaks off in the middle leaves whole slices behind it, and the same call again does the rest: what is done already
is passed over.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import datetime
from functools import cache
from itertools import islice
from operator import itemgetter

from dnsbl.addresses import Network
from dnsbl.casework.base import Clears, cleared, subject_of
from dnsbl.casework.queueing import Queueing
from dnsbl.clock import Clock
from dnsbl.errors import BrokenOff, Refused, StoreUnavailable
from dnsbl.rules import schedule
from dnsbl.rules.bounds import Bounds
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.columns import network_at
from dnsbl.store.packed import Packed
from dnsbl.vocabulary import TESTED_KINDS, Reason, Refusal

#: Networks of a slice at the most, of the first one and at the least, and the seconds that one should take at the most:
#: another writer may have to wait for it, and on a busy machine a smaller one is as long.
SLICE, FIRST, LEAST, LONG = 10_000, 2500, 250, 0.1
#: Called with how many networks have been gone through.
Told = Callable[[int], None]


class Bulk:
    """Slices, one after the other."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, queueing: Queueing, clears: Clears) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._queueing = queueing
        self._clears = clears

    def list_all(self, networks: Packed, *, kind: str, reason: str, actor: str, public: str, told: Told) -> int:
        """List all of these that are not listed yet; returns how many. Raises Refused, before anything is changed."""
        now = self._clock.now()
        self._check(networks)
        expires = schedule.review(self._settings.policy, kind, now)

        def one(tx: Transaction, keys: list[bytes]) -> int:
            first, count = tx.bulk.list_all(
                keys, kind=kind, since=now, expires=expires, note=reason, public=public, author=actor
            )
            if count:
                after = f"listed {kind}" if count == 1 else f"{count} networks listed {kind}"
                said = f"changes {first}-{first + count - 1}: {reason}"
                self._enter(tx, "listed", first, count, now, actor=actor, after=after, evidence=said)
            return count

        return self._each(networks, one, "are listed", told)

    def propose_all(self, networks: Packed, *, kind: str, reason: str, actor: str, public: str, told: Told) -> None:
        """Keep all of these for another operator's word. Raises Refused, before anything is changed."""
        now = self._clock.now()
        self._check(networks)

        def one(tx: Transaction, keys: list[bytes]) -> int:
            some = [network_at(key) for key in keys]
            tx.proposals.put(some, kind=kind, reason=reason, public=public, author=actor, at=now)
            tx.journal.append(
                at=now,
                actor=actor,
                subject=subject_of(some[0]) if len(some) == 1 else "list",
                verb="proposed",
                reason=Reason.OPERATOR,
                after=f"{len(some)} to be listed {kind}, when another operator confirms",
                evidence=reason,
            )
            return len(some)

        self._each(networks, one, "are proposed", told)

    def drop_all(self, networks: Packed, *, kind: str, reason: str, actor: str, told: Told) -> int:
        """End the listings of this kind of all of these; returns how many.

        Raises Refused, before anything is changed, where one is not listed and no operator has dropped it before, or
        none is listed.
        """
        now = self._clock.now()
        self._hold_listed(networks, kind)

        def one(tx: Transaction, keys: list[bytes]) -> int:
            first, count = tx.bulk.end_all(keys, kind=kind, at=now)
            if kind in TESTED_KINDS:
                self._queueing.drop_planned(tx, map(network_at, keys))
            if count:
                after = "not listed" if count == 1 else f"{count} networks not listed {kind}"
                said = f"changes {first}-{first + count - 1}: {reason}" + cleared(self._clears, [kind], now)
                before = f"listed {kind}"
                self._enter(tx, "dropped", first, count, now, actor=actor, before=before, after=after, evidence=said)
            return count

        return self._each(networks, one, "are dropped", told)

    def _each(self, networks: Packed, one: Callable[[Transaction, list[bytes]], int], done: str, told: Told) -> int:
        """Do this to a slice at a time. What breaks it off says how far it came."""
        count, gone, size, rest = 0, 0, FIRST, iter(networks)
        try:
            while keys := list(islice(rest, size)):
                if gone:
                    self._store.give_way()
                began = self._clock.monotonic()
                with self._store.write() as tx:
                    made = one(tx, keys)
                count, gone = count + made, gone + len(keys)
                told(gone)
                took = self._clock.monotonic() - began
                size = _size(size, took)
        except StoreUnavailable as error:
            if not gone:
                raise
            raise StoreUnavailable(f"{error} {_halfway(count, done)}", trouble=error.trouble) from error
        except KeyboardInterrupt:
            raise BrokenOff(f"Broken off. {_halfway(count, done)}") from None
        return count

    def _check(self, networks: Packed) -> None:
        """Raise Refused for the first that the list may not hold."""
        bounds = Bounds.of(self._settings)

        @cache
        def barred(version: int, length: int) -> list[tuple[bytes, bytes]]:
            """Between which keys those of this length are that the list may not hold."""
            bits = 32 if version == 4 else 128
            keys = [
                bytes([version]) + (number << (bits - length)).to_bytes(bits // 8) + bytes([length])
                for edges in bounds.barred(version, length)
                for number in edges
            ]
            return list(zip(keys[::2], keys[1::2], strict=True))

        for keys in networks.slices(SLICE):
            found = [
                key
                for version, length in set(map(itemgetter(0, -1), keys))
                for first, last in barred(version, length)
                for key in keys[bisect_left(keys, first) : bisect_right(keys, last)]
                if key[-1] == length
            ]
            for key in sorted(found):
                bounds.check(network_at(key))

    def _hold_listed(self, networks: Packed, kind: str) -> None:
        some = False
        missing: Network | None = None
        for keys in networks.slices(SLICE):
            with self._store.read() as tx:
                unlisted, never = tx.bulk.unlisted(keys, kind)
            some = some or len(unlisted) < len(keys)
            if unlisted and missing is None:
                missing = network_at(min(unlisted))
            if never:
                missing, some = network_at(min(never)), False
                break
        if missing is not None and not some:
            with self._store.read() as tx:
                others = [f"{one.network} is as {one.kind}" for one in tx.listings.covering(missing)[:3]]
            but = f", but {' and '.join(others)}" if others else ""
            raise Refused(Refusal.NOT_LISTED, f"{missing} is not listed as {kind:.40}{but}; nothing was dropped.")

    @staticmethod
    def _enter(
        tx: Transaction,
        verb: str,
        first: int,
        count: int,
        now: datetime,
        *,
        actor: str,
        before: str = "",
        after: str,
        evidence: str,
    ) -> None:
        """The entry of a slice; one network is entered under its own name."""
        subject = subject_of(tx.changes.after(first - 1, most=1)[0].network) if count == 1 else "list"
        tx.journal.append(
            at=now,
            actor=actor,
            subject=subject,
            verb=verb,
            reason=Reason.OPERATOR,
            before=before,
            after=after,
            evidence=evidence,
        )


def _size(last: int, took: float) -> int:
    """Networks of the next slice, when the last one had so many and took so many seconds; at most twice as many."""
    wanted = min(LONG / took, 2) * last if took > 0 else 2 * last
    return min(max(int(wanted), LEAST), SLICE)


def _halfway(count: int, done: str) -> str:
    return f"At least {count} networks {done}; the same command again does the rest."
