"""What the test of a host means for the other addresses of the same machine: listed, renewed, or taken off with it.

Holds no judgement. Lists nobody without a letter of this very run (law 1), and nobody who was not provoked: an
address is listed beside the one that was tested where it delivered what that one had taken; or where it relays
itself, and is on the list or has had evidence shown against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from dnsbl.addresses import Address, network_of
from dnsbl.casework.queueing import Queueing, unwanted
from dnsbl.errors import Refused
from dnsbl.model import Action, Decision, Extent, JobReason, Reason, Run
from dnsbl.rules import intake, policy, schedule
from dnsbl.settings import Settings
from dnsbl.store import Transaction
from tester.host import JudgedPath
from tester.verdict import Finding, Verdict

#: A letter that the machine itself has delivered, from whichever of its addresses.
_SAME = frozenset({Finding.DELIVERED_SAME, Finding.DELIVERED_SAME_LATE})


class Twins:
    """Steps that follow what was decided about the address under test, in the same transaction."""

    def __init__(self, settings: Settings, queueing: Queueing) -> None:
        self._settings = settings
        self._queueing = queueing

    def follow(
        self, tx: Transaction, run: Run, ways: Sequence[JudgedPath], action: Action, decision: Decision, now: datetime
    ) -> None:
        """List, renew or delist the other addresses of the host."""
        if action in (Action.LIST, Action.RENEW):
            for address in self._delivered_for(tx, run):
                self._list(tx, run, address, Reason.DELIVERED_FOR, now)
        if run.extent is Extent.HOST:
            for address in self._relaying(run, ways):
                provoked = tx.listings.proven(address) or tx.nominations.with_evidence(address)
                if provoked:
                    self._list(tx, run, address, Reason.LETTER_RETURNED, now)
                else:
                    self._enter(tx, run, address, "not-listed", Reason.TWIN_RELAYS, now)
            if action is Action.DELIST and decision.reason is not Reason.TWIN_RELAYS:
                self._delist(tx, run, {way.path.address for way in ways} - {run.address}, decision.reason, now)

    def _delivered_for(self, tx: Transaction, run: Run) -> list[Address]:
        """Addresses that delivered what the address under test had taken, and are the same machine."""
        deliveries = tx.returns.deliveries(run.id)
        same = {peer for taken, peer, found in deliveries if found in _SAME and taken == run.address}
        return _sorted(same - {run.address})

    def _relaying(self, run: Run, ways: Iterable[JudgedPath]) -> list[Address]:
        """The other addresses that relay themselves."""
        return _sorted({way.path.address for way in ways if way.relays} - {run.address})

    def _list(self, tx: Transaction, run: Run, address: Address, reason: Reason, now: datetime) -> None:
        try:
            intake.target(str(address), self._settings)
        except Refused:
            return
        kind = policy.KIND[Verdict.OPEN]
        listing, expires = tx.listings.proven(address), now + timedelta(days=self._settings.policy.expiry_days)
        if barred := unwanted(tx, address, run.reason):
            self._enter(tx, run, address, "not-listed", barred, now)
            return
        if listing is not None:
            tx.listings.renew(listing, kind=kind, expires=expires, run=run.id, at=now)
            if listing.kind != kind:
                tx.changes.add([network_of(address)], listing.kind, present=False)
                tx.changes.add([network_of(address)], kind, present=True)
            before, after = f"listed {listing.kind}", f"listed {kind}"
            self._enter(tx, run, address, "renewed", reason, now, before=before, after=after)
            return
        tx.listings.add([network_of(address)], kind=kind, since=now, expires=expires, reason=reason, run=run.id)
        tx.changes.add([network_of(address)], kind, present=True)
        self._enter(tx, run, address, "listed", reason, now, after=f"listed {kind}")
        if tx.jobs.live(address) is None:
            self._queueing.add(
                tx,
                address,
                port=run.port,
                reason=JobReason.RETEST,
                profile="standard",
                due=schedule.retest(self._settings.policy, now, now),
                provocation="retest of a listed address",
                actor="policy",
                now=now,
            )

    def _delist(self, tx: Transaction, run: Run, addresses: Iterable[Address], reason: Reason, now: datetime) -> None:
        """The whole host was found closed: what stands on the list for its other addresses ends with it."""
        for address in _sorted(addresses):
            if (listing := tx.listings.proven(address)) is not None:
                tx.listings.end([listing.id], at=now, reason=reason)
                tx.changes.add([network_of(address)], listing.kind, present=False)
                self._queueing.drop_planned(tx, [network_of(address)])
                self._enter(tx, run, address, "delisted", reason, now, before=f"listed {listing.kind}")

    def _enter(
        self,
        tx: Transaction,
        run: Run,
        address: Address,
        verb: str,
        reason: Reason,
        now: datetime,
        *,
        before: str = "not listed",
        after: str = "not listed",
    ) -> None:
        tx.journal.append(
            at=now,
            actor="policy",
            subject=str(address),
            verb=verb,
            reason=reason,
            before=before,
            after=after,
            evidence=f"run {run.id} of {run.address}",
        )


def _sorted(addresses: Iterable[Address]) -> list[Address]:
    return sorted(addresses, key=lambda address: (address.version, int(address)))
