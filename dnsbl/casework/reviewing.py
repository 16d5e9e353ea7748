"""What operators have listed by their word is looked at again, and, where settings say so, by two of them at the start.

An entry that nobody keeps lapses on its review date (RFC 6471 2.2.1), by the scheduler, as others do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dnsbl.addresses import Network
from dnsbl.casework.base import subject_of
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.model import Listing, Proposal
from dnsbl.rules import schedule
from dnsbl.settings import Policy
from dnsbl.store import Store
from dnsbl.vocabulary import PROOF_KINDS, Reason, Refusal

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging


class Reviewing:
    """The verbs about operators' own listings, after the first word."""

    def __init__(self, store: Store, terms: Policy, clock: Clock, judging: Judging) -> None:
        self._judging = judging
        self._store = store
        self._terms = terms
        self._clock = clock

    def due(self, *, within_days: float, most: int = 1000) -> list[Listing]:
        """Operators' listings that lapse within so many days unless somebody keeps them, the first to lapse first."""
        with self._store.read() as tx:
            return tx.listings.to_review(self._clock.now() + timedelta(days=within_days), most=most)

    def keep(self, network: Network, *, kind: str, reason: str, actor: str) -> datetime | None:
        """An operator has looked at a listing, and it stays; returns until when. Raises Refused where there is none."""
        now = self._clock.now()
        until = schedule.review(self._terms, kind, now)
        with self._store.write() as tx:
            active = tx.listings.active([network], kind)
            listed = [each for each in tx.listings.covering(network) if each.id in active.values()]
            if not listed or listed[0].reason is not Reason.OPERATOR:
                raise Refused(Refusal.NOT_LISTED, f"{network} is not listed as {kind:.40} by an operator's word.")
            tx.listings.extend(active.values(), until)
            tx.journal.append(
                at=now,
                actor=actor,
                subject=subject_of(network),
                verb="reviewed",
                reason=Reason.OPERATOR,
                before=f"listed {kind}",
                after=f"listed {kind} until {until:%Y-%m-%d}" if until else f"listed {kind}",
                evidence=reason,
            )
        return until

    def proposals(self) -> list[Proposal]:
        """What waits for a second operator, in the order of networks."""
        with self._store.read() as tx:
            return tx.proposals.all()

    def confirm(self, network: Network, *, kind: str, reason: str, actor: str) -> None:
        """List what another operator has proposed, or what a test has shown where that needs a word
        (`policy.approval`). Raises Refused where nothing was, by whoever asks himself, or where the address has been
        tested since and does not relay any more."""
        now = self._clock.now()
        with self._store.write() as tx:
            proposed = tx.proposals.of(network, kind)
            if proposed is None:
                raise Refused(Refusal.NOT_LISTED, f"{network} is not proposed as {kind:.40}.")
            if proposed.author == actor:
                raise Refused(
                    Refusal.SAME_PERSON, f"{network} was proposed by {actor}: another operator has to confirm."
                )
            tx.proposals.end(network, kind)
            if kind in PROOF_KINDS:
                if not self._judging.approve(tx, network.network_address, kind, word=reason, actor=actor, now=now):
                    raise Refused(Refusal.NOT_SHOWN, f"The last test of {network} does not show it as {kind:.40}.")
                return
            fresh = tx.listings.add(
                [network],
                kind=kind,
                since=now,
                expires=schedule.review(self._terms, kind, now),
                reason=Reason.OPERATOR,
                note=f"{proposed.reason} (confirmed by {actor}: {reason})",
                public=proposed.public,
                author=proposed.author,
            )
            tx.changes.add(fresh, kind, present=True, at=now)
            tx.journal.append(
                at=now,
                actor=actor,
                subject=subject_of(network),
                verb="listed",
                reason=Reason.OPERATOR,
                before=f"proposed by {proposed.author}",
                after=f"listed {kind}",
                evidence=f"{proposed.reason}; {reason}",
            )

    def withdraw(self, network: Network, *, kind: str, reason: str, actor: str) -> None:
        """What was proposed is not listed after all. Raises Refused where nothing was."""
        with self._store.write() as tx:
            if not tx.proposals.end(network, kind):
                raise Refused(Refusal.NOT_LISTED, f"{network} is not proposed as {kind:.40}.")
            tx.journal.append(
                at=self._clock.now(),
                actor=actor,
                subject=subject_of(network),
                verb="withdrawn",
                reason=Reason.OPERATOR,
                before=f"proposed {kind}",
                after="not listed",
                evidence=reason,
            )
