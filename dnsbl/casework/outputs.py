"""The outputs of relays: what a test shows of them, and their listings, where `policy.kinds` has a kind for these.

Works inside the transaction of the verb that calls it. Holds no rule what a verdict means for them (`rules.policy`). An
address is an output while letters that a listed relay had taken came out of it when that was last tested. It is listed
when the kind's delay is over; until then its owner knows, and whatever ends the last input ends it unlisted. It is
never tested for that, and what it is listed as itself is another matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dnsbl.addresses import Address, Network, network_of
from dnsbl.casework.base import Clears, cleared, let_go, renewed, subject_of
from dnsbl.errors import Refused
from dnsbl.model import Forthcoming, Output, Run
from dnsbl.rules import policy, remote, schedule, targets
from dnsbl.settings import Settings
from dnsbl.store import Transaction
from dnsbl.vocabulary import OUTPUT_KINDS, Exits, Reason
from tester.received.line import hops

if TYPE_CHECKING:
    from dnsbl.casework.posting import Posting


class Outputs:
    """Steps. `clears` says how long caches may keep an answer about listings of these kinds that have ended."""

    def __init__(self, settings: Settings, posting: Posting, clears: Clears) -> None:
        self._settings = settings
        self._posting = posting
        self._clears = clears

    def follow(
        self,
        tx: Transaction,
        run: Run,
        address: Address,
        exits: Exits,
        now: datetime,
        *,
        brought_by: Address | None = None,
    ) -> None:
        """What a run has shown of the outputs of this relay, after what it means for the relay itself was done.

        An address begins to be one when letters of two tests came out of it, which it had not from somebody who had
        logged in. Only the newest test that has shown anything of the relay shows its outputs, and none that began
        before the relay, or the output, was taken off the list at somebody's word. `brought_by` is who has handed in a
        letter after the run was settled: it begins or renews that output alone, and ends none.
        """
        if exits is Exits.STAY:
            return
        input = network_of(address)
        known = {each.output: each for each in tx.outputs.of_input(input)}
        evidence = f"run {run.id} of {address}"
        if exits is Exits.OVER:
            self._end(tx, known.values(), Reason.INPUT_CLOSED, now, evidence)
            return
        if (not policy.delays(self._settings.policy) and not known) or _superseded(tx, run, address):
            return
        old = now - timedelta(days=self._settings.policy.expiry_days)
        letters = [(of, network_of(peer), head) for of, peer, head in tx.returns.came_out(address, old)]
        shown = {peer for of, peer, _ in letters if of == run.id}
        if brought_by is None:
            gone = [known[each] for each in known if each not in shown]
            self._end(tx, gone, Reason.CAME_OUT_ELSEWHERE, now, evidence)
        else:
            shown &= {network_of(brought_by)}

        def from_strangers(output: Network, *, here: bool) -> bool:  # traces are read where it matters what they say
            heads = (head for of, peer, head in letters if peer == output and (of == run.id) is here)
            return any(_took_it_from_a_stranger(head) for head in heads)

        begins = exits is Exits.SHOWN and tx.listings.proven(address) is not None
        for output in sorted(shown, key=lambda each: (each.version, int(each.network_address))):
            if not from_strangers(output, here=True):
                continue
            if (why := self._spared(tx, output)) is not None:
                self._end(tx, [known[output]] if output in known else [], why, now, evidence)
                continue
            if tx.listings.let_go(output, OUTPUT_KINDS, run.started):
                continue
            if output in known:
                tx.outputs.confirm(known[output].id, run=run.id, at=now)
            elif not begins or not from_strangers(output, here=False):
                continue
            else:
                tx.outputs.add(input, output, run=run.id, at=now)
                self._enter(tx, output, "output", Reason.CAME_OUT, now, after=f"output of {address}", evidence=evidence)
            self._bring(tx, output, run, now, evidence)

    def step(self, tx: Transaction, now: datetime, *, most: int) -> int:
        """What happens because time has passed, or an input has left the list in whatever way; returns how much did."""
        done = 0
        old = now - timedelta(days=self._settings.policy.expiry_days)
        for each in tx.outputs.bereft(old, most=most):
            reason = Reason.EXPIRED if each.confirmed <= old else Reason.INPUT_GONE
            self._end(tx, [each], reason, now, f"input {subject_of(each.input)}")
            done += 1
        for coming in tx.forthcoming.due(now, most=most):
            tx.forthcoming.drop(coming.network, [coming.kind])
            why = self._spared(tx, coming.network)
            if coming.kind not in policy.delays(self._settings.policy):
                why = Reason.KIND_OFF
            inputs = tx.outputs.of_output(coming.network)
            if why is not None or not inputs:
                self._enter_spared(tx, [coming], why or Reason.INPUT_GONE, now, "")
                if why is Reason.EXCLUDED:
                    self._end(tx, inputs, why, now, "")
            else:
                self._list(tx, coming.network, coming.kind, inputs, now)
            done += 1
        return done

    def last_look(self, tx: Transaction, address: Address, now: datetime) -> datetime | None:
        """When a relay is to be tested once more, before an output of it is listed."""
        outputs = tx.outputs.of_input(network_of(address))
        return policy.last_look((each.due for one in outputs for each in tx.forthcoming.of(one.output)), now)

    def waits(self, tx: Transaction, now: datetime, since: datetime | None) -> bool:
        """Whether `step` has something to do; with `since`, of the outputs whose inputs have left the list only those
        where that was then or later."""
        old = now - timedelta(days=self._settings.policy.expiry_days)
        return bool(tx.forthcoming.due(now, most=1) or tx.outputs.bereft(old, most=1, since=since))

    def _bring(self, tx: Transaction, output: Network, run: Run, now: datetime, evidence: str) -> None:
        """A letter has come out there: what lists the address is renewed, what will list it begins, once."""
        coming = {each.kind for each in tx.forthcoming.of(output)}
        listed = {each.kind: each for each in tx.listings.covering(output)}  # as outputs no networks are
        begun: list[Forthcoming] = []
        for kind, delay in policy.delays(self._settings.policy).items():
            if kind in listed:
                expires = schedule.expiry(self._settings.policy, kind, now)
                renewed(tx, listed[kind], kind=kind, expires=expires, run=run.id, at=now)
                stands = f"listed {kind}"
                self._enter(tx, output, "renewed", Reason.CAME_OUT, now, before=stands, after=stands, evidence=evidence)
            elif tx.proposals.of(output, kind) is not None:
                continue  # an operator's word is waited for
            elif not delay:
                self._list(tx, output, kind, tx.outputs.of_output(output), now)
            elif kind not in coming:
                begun.append(Forthcoming(network=output, kind=kind, since=now, due=now + delay))
        for each in begun:
            tx.forthcoming.add(each)
            self._enter(
                tx,
                output,
                "announced",
                Reason.CAME_OUT,
                now,
                before="not listed",
                after=_planned(each),
                evidence=evidence,
            )
        if begun and self._settings.policy.output_notice:
            first = min(begun, key=lambda each: each.due)
            self._posting.output(tx, run, output.network_address, first.kind, now, due=first.due)

    def approve(self, tx: Transaction, output: Network, kind: str, *, word: str, actor: str, now: datetime) -> bool:
        """An operator confirms an output that was proposed; whether it is listed now. What is none any more, or may not
        be listed, is not."""
        inputs = tx.outputs.of_output(output)
        barred = kind not in policy.delays(self._settings.policy) or self._spared(tx, output) is not None
        if not inputs or barred or tx.listings.active([output], kind):
            return False
        self._list(tx, output, kind, inputs, now, actor=actor, word=word)
        return True

    def _list(
        self,
        tx: Transaction,
        output: Network,
        kind: str,
        inputs: list[Output],
        now: datetime,
        *,
        actor: str = "policy",
        word: str = "",
    ) -> None:
        """List an output or, where that needs an operator's `word` that he has not given with its input, propose it."""
        last = max(inputs, key=lambda each: each.confirmed)
        evidence = f"run {last.run} of {subject_of(last.input)}"
        if self._settings.policy.approval and not (word or any(_confirmed(tx, each) for each in inputs)):
            tx.proposals.put([output], kind=kind, reason=evidence, public="", author=actor, at=now)
            after = f"to be listed {kind}, when an operator confirms"
            self._enter(
                tx, output, "proposed", Reason.AWAITS_OPERATOR, now, before="not listed", after=after, evidence=evidence
            )
            return
        expires = schedule.expiry(self._settings.policy, kind, last.confirmed)
        fresh = tx.listings.add([output], kind=kind, since=now, expires=expires, reason=Reason.CAME_OUT, run=last.run)
        tx.changes.add(fresh, kind, present=True, at=now)
        self._enter(
            tx,
            output,
            "listed",
            Reason.CAME_OUT,
            now,
            before="proposed by policy" if word else "not listed",
            after=f"listed {kind}",
            evidence=evidence + (f": {word}" if word else ""),
            actor=actor,
        )
        if kind in self._settings.notices.owner_kinds and (run := tx.runs.read(last.run)) is not None:
            self._posting.output(tx, run, output.network_address, kind, now)

    def _spared(self, tx: Transaction, output: Network) -> Reason | None:
        """Why an output is not listed: it is ours, or special, or its owner's wish is that it is left alone."""
        try:
            targets.target(str(output.network_address), self._settings)
        except Refused:
            return Reason.EXCLUDED
        return Reason.EXCLUDED if tx.exclusions.covering(output.network_address) else None

    def _end(self, tx: Transaction, links: Iterable[Output], reason: Reason, now: datetime, evidence: str) -> None:
        """Letters of these inputs come out there no more; whoever has no input left is no output any more."""
        gone = list(links)
        tx.outputs.end((each.id for each in gone), at=now, reason=reason)
        for each in gone:
            before = f"output of {subject_of(each.input)}"
            self._enter(tx, each.output, "output-ended", reason, now, before=before, evidence=evidence)
            if not tx.outputs.of_output(each.output):
                self._let_go(tx, each.output, reason, now, evidence)

    def _let_go(self, tx: Transaction, output: Network, reason: Reason, now: datetime, evidence: str) -> None:
        """What lists an address as an output ends, and what would list it comes not."""
        coming = tx.forthcoming.of(output)
        tx.forthcoming.drop(output, OUTPUT_KINDS)
        self._enter_spared(tx, coming, reason, now, evidence)
        for kind in sorted(OUTPUT_KINDS):
            tx.proposals.end(output, kind)
            if active := tx.listings.active([output], kind):
                tx.listings.end(active.values(), at=now, reason=reason)
                tx.changes.add([output], kind, present=False, at=now)
                said = evidence + cleared(self._clears, [kind], now)
                self._enter(
                    tx, output, "delisted", reason, now, before=f"listed {kind}", after="not listed", evidence=said
                )

    def _enter_spared(
        self, tx: Transaction, coming: Iterable[Forthcoming], reason: Reason, now: datetime, evidence: str
    ) -> None:
        for each in coming:
            self._enter(
                tx, each.network, "spared", reason, now, before=_planned(each), after="not listed", evidence=evidence
            )

    def _enter(
        self,
        tx: Transaction,
        output: Network,
        verb: str,
        reason: Reason,
        now: datetime,
        *,
        before: str = "",
        after: str = "",
        evidence: str,
        actor: str = "policy",
    ) -> None:
        tx.journal.append(
            at=now,
            actor=actor,
            subject=subject_of(output),
            verb=verb,
            reason=reason,
            before=before,
            after=after,
            evidence=evidence,
        )


def _took_it_from_a_stranger(head: bytes) -> bool:
    """Whether the trace of a letter says nowhere that a server took it from a user of its own: who hands letters on
    through his account makes no output of the server that he has it at. Without a trace there is nothing to say so."""
    chain = hops(head)
    return not (chain and remote.users_own(chain))


def _confirmed(tx: Transaction, link: Output) -> bool:
    """Whether an operator's word has listed the input as one whose letters come out there, and none has ended that."""
    input = tx.listings.proven(link.input.network_address)
    return (
        input is not None
        and link.since <= input.since
        and not tx.listings.let_go(link.output, OUTPUT_KINDS, link.since)
    )


def _superseded(tx: Transaction, run: Run, address: Address) -> bool:
    """Whether letters of this run show nothing of the relay's outputs any more."""
    later = any(tx.runs.judged_after(run, each, policy.SUPERSEDES) for each in {run.address, address})
    return later or let_go(tx, run, address)


def _planned(coming: Forthcoming) -> str:
    """How the journal says that a listing is to come."""
    return f"{coming.kind} from {coming.due:%Y-%m-%dT%H:%M:%SZ} on"
