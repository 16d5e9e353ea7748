"""What a judged run means for the address that was tested: the case, policy's decision, and that done to the list.

Holds no rule: `rules.policy` decides. Works inside the transaction of the verb that calls it, so that the shelves, the
journal and the mails about it change together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from dnsbl.addresses import network_of
from dnsbl.casework.base import Clears, cleared, let_go, renewed
from dnsbl.casework.queueing import Queueing, asks_of_unwanted, unwanted
from dnsbl.model import Case, Decision, Listing, Run
from dnsbl.rules import policy, schedule
from dnsbl.settings import Settings
from dnsbl.store import Transaction
from dnsbl.vocabulary import Action, Extent, JobReason, Reason
from tester.fate import Fate
from tester.host import JudgedPath, own_ways
from tester.smtp import DELIVERED
from tester.vectors import CATALOGUE
from tester.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from dnsbl.casework.posting import Posting

#: How long ago somebody may have shown that an address is his, and how often that ends a listing.
SHOWN, RELEASED = timedelta(days=30), timedelta(days=30)
#: Kinds that may have been proposed for what was tested itself.
_PROPOSED = sorted(set(policy.ANY_KIND.values()))
_VERBS = {
    Action.LIST: "listed",
    Action.RENEW: "renewed",
    Action.KEEP: "kept",
    Action.DELIST: "delisted",
    Action.PROPOSE: "proposed",
    Action.NOTHING: "not-listed",
}


class Deciding:
    """Steps. `clears` says how long caches may keep an answer about listings of these kinds that have ended."""

    def __init__(self, settings: Settings, queueing: Queueing, posting: Posting, clears: Clears) -> None:
        self._settings = settings
        self._queueing = queueing
        self._posting = posting
        self._clears = clears

    def decide(self, case: Case, now: datetime) -> Decision:
        """What policy says."""
        return policy.decide(case, self._settings.policy, now, self._queueing.chance)

    def elsewhere(self, run: Run) -> bool:
        """Whether the address can still be seen from a second address of ours."""
        sources = [a for a in self._settings.tester.source_addresses if a.version == run.address.version]
        return run.reason is not JobReason.VANTAGE and len(sources) > 1

    def asks(self, tx: Transaction, run: Run, now: datetime) -> list[Callable[[], object]]:
        """What is asked about an address whose run is over, to be foreseen."""
        address = run.address
        return [
            partial(tx.jobs.of_run, run.id),
            partial(tx.listings.proven, address),
            partial(tx.listings.delisted, address),
            partial(let_go, tx, run, address),
            partial(tx.controls.since, address, now - SHOWN),
            partial(tx.listings.released, address, now - RELEASED),
            partial(tx.nominations.with_evidence, address),
            *asks_of_unwanted(tx, address),
            partial(tx.proposals.any, network_of(address), *_PROPOSED),
            partial(tx.hearers.of, run.id),
            partial(tx.nominations.reporters_of, run.id),
        ]

    def case(
        self,
        tx: Transaction,
        run: Run,
        judgement: Judgement,
        proof: tuple[str, ...],
        unreached: bool,
        ways: Sequence[JudgedPath],
        now: datetime,
    ) -> Case:
        """All that the decision rests on. `proof` are the tokens that came back; `unreached`: nobody was reached."""
        address, listing, verdict = run.address, tx.listings.proven(run.address), judgement.verdict
        gone = tx.listings.delisted(address)
        return Case(
            listing=listing,
            verdict=verdict,
            run=run.id,
            reason=run.reason,
            proof=proof,
            loses_before=tx.runs.first_settled(address, Verdict.ACCEPTS_LOSES, listing.confirmed, but=run.id)
            if listing
            else None,
            delisted=gone,
            probations=tx.runs.probations(address, gone, but=run.id) if gone else 0,
            tries=tx.runs.unreached_before(run) + 1 if unreached else 0,
            controlled=bool(tx.controls.since(address, now - SHOWN)),
            released=tx.listings.released(address, now - RELEASED),
            second_look=judgement.second_look and self.elsewhere(run),
            whole=run.extent is Extent.HOST,
            shown=tx.nominations.with_evidence(address),
            elsewhere=judgement.verdict in policy.KIND
            and not own_ways(ways, address)
            and all(peer != address for _, peer, _ in tx.returns.deliveries(run.id)),
        )

    def apply(
        self,
        tx: Transaction,
        run: Run,
        listing: Listing | None,
        decision: Decision,
        now: datetime,
        *,
        actor: str = "policy",
        word: str = "",
    ) -> Action:
        """Do to the list what policy says, and enter it into the journal, with an operator's `word` where it needed
        one; returns what was done."""
        network, action, reason = network_of(run.address), decision.action, decision.reason
        before = f"listed {listing.kind}" if listing else "proposed by policy" if word else "not listed"
        after = before
        if action in (Action.LIST, Action.PROPOSE) and (barred := unwanted(tx, run.address, run.reason)):
            action, reason = Action.NOTHING, barred
        elif action is Action.LIST and decision.kind:
            tx.listings.add(
                [network], kind=decision.kind, since=now, expires=decision.expires, reason=reason, run=run.id
            )
            tx.changes.add([network], decision.kind, present=True, at=now)
            after = f"listed {decision.kind}"
            self._posting.listed(tx, run, decision, now)
        elif action is Action.PROPOSE and decision.kind:
            said = f"run {run.id}"
            tx.proposals.put([network], kind=decision.kind, reason=said, public="", author=actor, at=now)
            after = f"to be listed {decision.kind}, when an operator confirms"
        elif action is Action.RENEW and listing and decision.kind:
            renewed(tx, listing, kind=decision.kind, expires=decision.expires, run=run.id, at=now)
            after = f"listed {decision.kind}"
        elif action is Action.DELIST and listing:
            tx.listings.end([listing.id], at=now, reason=reason)
            tx.changes.add([network], listing.kind, present=False, at=now)
            after = "not listed"
        if reason in (Reason.NOT_OPEN, Reason.LETTER_RETURNED, Reason.LETTER_RETURNED_ELSEWHERE):
            # what was proposed before is listed now, or is open no longer
            tx.proposals.end(network, *_PROPOSED)
        shown = _bounces(tx, run) if reason in (Reason.RETEST_BOUNCES, Reason.BACKSCATTER) else ""
        if reason is Reason.OWNER_GONE:
            shown = f", control shown: {tx.controls.since(run.address, now - SHOWN)}"
        if action is Action.DELIST and listing:
            shown += cleared(self._clears, [listing.kind], now)
        tx.journal.append(
            at=now,
            actor=actor,
            subject=str(run.address),
            verb=_VERBS[action],
            reason=reason,
            before=before,
            after=after,
            evidence=f"run {run.id}{shown}" + (f": {word}" if word else ""),
        )
        return action

    def tell(
        self, tx: Transaction, run: Run, letters: Iterable[Fate], decision: Decision, explanation: str, now: datetime
    ) -> None:
        """Tell whoever has asked for a retest what came of it: at once what relayed, and the wait."""
        if not (hearers := tx.hearers.of(run.id)):
            return
        listing, until = tx.listings.proven(run.address), None
        if listing is not None:
            askers = tx.removals.askers(run.id)
            waits = [
                schedule.removal_after(self._settings.policy, tx.removals.failed(run.address, listing.since, asker))
                for asker in askers
            ]
            until = max((wait for wait in waits if wait is not None and wait > now), default=None)
        self._posting.heard(
            tx,
            run,
            hearers,
            listed=listing is not None,
            explanation=f"{decision.explanation} {explanation}",
            relayed=_relayed(letters),
            until=until,
            now=now,
        )


def _relayed(letters: Iterable[Fate]) -> str:
    """The forms whose letters came back, a line each, with the way in that they were offered on."""
    back = [fate.letter for fate in letters if fate.folded in DELIVERED]
    return "\n".join(f"{one.vector} on port {one.port} of {one.address}: {CATALOGUE[one.vector].fault}" for one in back)


def _bounces(tx: Transaction, run: Run) -> str:
    """The reports that a delisting rests on, as an entry names its evidence: the first proven bounce of each letter."""
    shown = tx.returns.bounces(run.id).values()
    return "".join(f", message sha256:{sha256(message).hexdigest()}" for message in shown)
