"""What the test of a host means for the other addresses of the same machine: listed, renewed, or taken off with it.

Holds no judgement: of each address its own ways in are judged and policy asked, as if it had been tested alone. Lists
nobody without a letter of this very run (law 1), and nobody who was not provoked: an address is listed beside the one
that was tested where it delivered what that one had taken; or where it relays itself, and is on the list or has had
evidence shown against it. Delists nobody whose own ways in have not shown it, whatever the tested one has shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from dnsbl.addresses import Address, network_of
from dnsbl.casework.base import Clears, cleared, let_go, renewed
from dnsbl.casework.outputs import Outputs
from dnsbl.casework.queueing import Queueing, unwanted
from dnsbl.errors import Refused
from dnsbl.model import Case, Decision, Run
from dnsbl.rules import policy, schedule, targets
from dnsbl.settings import Settings
from dnsbl.store import Transaction
from dnsbl.vocabulary import Action, Exits, Extent, JobReason, Reason
from tester.fate import Fate, delivered
from tester.host import JudgedPath, judge_host
from tester.verdict import Finding, Judgement, Verdict

#: A letter that the machine itself has delivered, from whichever of its addresses.
_SAME = frozenset({Finding.DELIVERED_SAME, Finding.DELIVERED_SAME_LATE})
#: What a tested address is delisted for where the whole host was heard, and nothing of it relays or is in doubt.
_ALL_CLOSED = frozenset({Reason.RETEST_CLOSED, Reason.RETEST_BOUNCES, Reason.RETEST_LOSES})


class Twins:
    """Steps that follow what was decided about the address under test, in the same transaction."""

    def __init__(self, settings: Settings, queueing: Queueing, outputs: Outputs, clears: Clears) -> None:
        self._settings = settings
        self._queueing = queueing
        self._outputs = outputs
        self._clears = clears

    def follow(
        self,
        tx: Transaction,
        run: Run,
        ways: Sequence[JudgedPath],
        letters: Iterable[Fate],
        action: Action,
        decision: Decision,
        now: datetime,
        *,
        elsewhere: bool,
        brought_by: Address | None,
    ) -> None:
        """List, renew or delist the other addresses of the host. `letters` are those of the run; `elsewhere` says that
        the host can still be seen from a second address of ours; `brought_by` is as for `Outputs.follow`."""
        relay, delivering = policy.KIND[Verdict.OPEN], list[Address]()
        if action in (Action.LIST, Action.RENEW) and decision.kind == relay:
            delivering = self._delivered_for(tx, run)
        for address in delivering:
            self._list(tx, run, address, relay, Reason.DELIVERED_FOR, now)
        if run.extent is not Extent.HOST:
            return
        told = list(letters)
        for address in _sorted({way.path.address for way in ways} - {run.address, *delivering}):
            judgement = judge_host([way for way in ways if way.path.address == address])
            proof = delivered(fate for fate in told if fate.letter.address == address)
            own = self._decided(tx, run, address, judgement, proof, now, elsewhere=elsewhere)
            if judgement.verdict in policy.KIND:
                self._relays(tx, run, address, own, now)
                self._outputs.follow(tx, run, address, own.exits, now, brought_by=brought_by)
            elif own.action is Action.DELIST and action is Action.DELIST and decision.reason in _ALL_CLOSED:
                self._delist(tx, run, address, own.reason, now)

    def _decided(
        self,
        tx: Transaction,
        run: Run,
        address: Address,
        judgement: Judgement,
        proof: tuple[str, ...],
        now: datetime,
        *,
        elsewhere: bool,
    ) -> Decision:
        """What policy says of an address that has shown this. Nobody has asked for it, so that it has no owner here who
        could call it gone; and it is watched by the tests of the host, so that no surprises of its own follow."""
        listing, verdict = tx.listings.proven(address), judgement.verdict
        before = (
            tx.runs.first_settled(address, Verdict.ACCEPTS_LOSES, listing.confirmed, but=run.id) if listing else None
        )
        case = Case(
            listing=listing,
            verdict=verdict,
            run=run.id,
            reason=run.reason,
            proof=proof,
            loses_before=before,
            delisted=None,
            probations=0,
            tries=0,
            second_look=judgement.second_look and elsewhere,
        )
        return policy.decide(case, self._settings.policy, now, lambda: 0.0)

    def _relays(self, tx: Transaction, run: Run, address: Address, own: Decision, now: datetime) -> None:
        """An address relays itself: it is listed under the kind that it has shown, where it may be."""
        listing = tx.listings.proven(address)
        if not (listing or tx.nominations.with_evidence(address)):
            self._enter(tx, run, address, "not-listed", Reason.TWIN_RELAYS, now)
        elif own.kind is not None and own.action is not Action.PROPOSE:  # by a test of its own it may be
            self._list(tx, run, address, own.kind, own.reason, now)
        elif listing:
            stands = f"listed {listing.kind}"
            self._enter(tx, run, address, "kept", own.reason, now, before=stands, after=stands)
        else:
            self._enter(tx, run, address, "not-listed", own.reason, now)

    def _delivered_for(self, tx: Transaction, run: Run) -> list[Address]:
        """Addresses that delivered what the address under test had taken, and are the same machine."""
        deliveries = tx.returns.deliveries(run.id)
        same = {peer for taken, peer, found in deliveries if found in _SAME and taken == run.address}
        return _sorted(same - {run.address})

    def _list(self, tx: Transaction, run: Run, address: Address, kind: str, reason: Reason, now: datetime) -> None:
        try:
            targets.target(str(address), self._settings)
        except Refused:
            return
        listing, expires = tx.listings.proven(address), schedule.expiry(self._settings.policy, kind, now)
        if barred := unwanted(tx, address, run.reason):
            self._enter(tx, run, address, "not-listed", barred, now)
            return
        if let_go(tx, run, address):
            return  # at somebody's word, which no letter of an older test takes back
        if listing is not None:
            renewed(tx, listing, kind=kind, expires=expires, run=run.id, at=now)
            before, after = f"listed {listing.kind}", f"listed {kind}"
            self._enter(tx, run, address, "renewed", reason, now, before=before, after=after)
            return
        tx.listings.add([network_of(address)], kind=kind, since=now, expires=expires, reason=reason, run=run.id)
        tx.changes.add([network_of(address)], kind, present=True, at=now)
        self._enter(tx, run, address, "listed", reason, now, after=f"listed {kind}")
        due = schedule.retest(self._settings.policy, now, now)
        if due is not None and tx.jobs.live(address) is None:
            self._queueing.plan(tx, address, JobReason.RETEST, due, port=run.port, actor="policy", now=now)

    def _delist(self, tx: Transaction, run: Run, address: Address, reason: Reason, now: datetime) -> None:
        """The whole host was found closed, and this address by itself: what stands on the list for it ends."""
        if (listing := tx.listings.proven(address)) is not None:
            tx.listings.end([listing.id], at=now, reason=reason)
            tx.changes.add([network_of(address)], listing.kind, present=False, at=now)
            self._queueing.drop_planned(tx, [network_of(address)])
            shown = cleared(self._clears, [listing.kind], now)
            self._enter(tx, run, address, "delisted", reason, now, before=f"listed {listing.kind}", shown=shown)
            self._outputs.follow(tx, run, address, Exits.OVER, now)

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
        shown: str = "",
    ) -> None:
        tx.journal.append(
            at=now,
            actor="policy",
            subject=str(address),
            verb=verb,
            reason=reason,
            before=before,
            after=after,
            evidence=f"run {run.id} of {run.address}{shown}",
        )


def _sorted(addresses: Iterable[Address]) -> list[Address]:
    return sorted(addresses, key=lambda address: (address.version, int(address)))
