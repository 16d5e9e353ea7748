"""From what a run has shown to what the list does: the verdict is asked for, then what that means is done (`deciding`).

Holds no judgement of its own: `tester.verdict` judges runs, `rules.policy` decides. Works inside the transaction of
the verb that calls it, so that a run is settled, decided, listed and journalled together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from dnsbl.addresses import Address, network_of
from dnsbl.casework.base import SPECIFIC, Clears, at_once, come_to, let_go
from dnsbl.casework.deciding import Deciding
from dnsbl.casework.lending import Lending
from dnsbl.casework.outputs import Outputs
from dnsbl.casework.posting import Posting
from dnsbl.casework.queueing import Queueing, unwanted
from dnsbl.casework.scoring import scored
from dnsbl.casework.twins import Twins
from dnsbl.model import FollowUp, Job, Run
from dnsbl.rules import policy, schedule
from dnsbl.settings import Settings
from dnsbl.store import Transaction
from dnsbl.vocabulary import LENT, OUTPUT_KINDS, Action, Exits, Extent, JobReason, Reason, RunState
from tester.fate import delivered, on, telling
from tester.host import JudgedPath, judge_host, judge_way
from tester.smtp import PENDING, Flag, Outcome
from tester.verdict import Judgement, Verdict

#: How long a run with a letter from another address counts towards a second, independent one.
OTHER_COUNTS = timedelta(days=30)
#: How often a self-test offers again what was put off: somebody is waiting for its end.
SELF_TEST_RETRIES = 1
#: Seconds until a multi-hop finding is confirmed, when policy.unreachable_retry is empty.
CONFIRM_AFTER = 3600.0
_UNREACHED = frozenset({Outcome.CONN_REFUSED, Outcome.CONN_TIMEOUT, Outcome.CONN_UNREACH})
#: What is said of letters in a remote tester's hands that have had their time.
NOT_BACK = "None of the letters that a remote tester was given has come back."


class Judging:
    """The steps from a conversation or a return to the list."""

    def __init__(
        self,
        settings: Settings,
        queueing: Queueing,
        random: Callable[[int], bytes],
        clears: Clears = at_once,
    ) -> None:
        self._settings = settings
        self._queueing = queueing
        posting = Posting(settings, random)
        self._deciding = Deciding(settings, queueing, posting, clears)
        #: The outputs of relays.
        self.outputs = Outputs(settings, posting, clears)
        self._twins = Twins(settings, queueing, self.outputs, clears)
        self._lending = Lending(settings.remote, queueing)

    # -- runs ----------------------------------------------------------------------------------------------
    def retry_due(self, tx: Transaction, job: Job, now: datetime) -> datetime | None:
        """When what was put off is offered again with the same tokens, or None when it is not."""
        letters, terms = telling(tx.letters.of(job.run)), self._settings.tester
        if job.reason is JobReason.SELF_TEST and job.retries >= SELF_TEST_RETRIES:
            return None
        if delivered(letters) or unwanted(tx, job.address, job.reason):
            return None
        return schedule.retry_due(terms, [fate.folded for fate in letters], job.retries, now)

    def unqueue(
        self, tx: Transaction, job: Job, *, reason: Reason, actor: str, now: datetime, evidence: str = ""
    ) -> None:
        """A queued test is not made, or not gone on with: what it has shown so far is judged."""
        tx.jobs.finish(job)
        tx.journal.append(
            at=now,
            actor=actor,
            subject=str(job.address),
            verb="job",
            reason=reason,
            before=job.state,
            after="dropped",
            evidence=evidence,
        )
        run = tx.runs.read(job.run)
        if run is not None and run.state is RunState.OPEN:
            self.talk_over(tx, run, now)

    def talk_over(self, tx: Transaction, run: Run, now: datetime) -> Run:
        """All conversations of a run have been held: judge it, or let it wait for its letters. Returns it as it is
        then."""
        ways = self._judge(tx, run, now)
        judgement = judge_host(ways)
        if judgement.final:
            return self._settle(tx, run, judgement, now, ways)
        dots = [
            fate.dot_at
            for fate in telling(tx.letters.of(run.id))
            if fate.outcome in PENDING and fate.dot_at is not None
        ]
        waits = self._settings.tester.delivery_window
        if run.reason is JobReason.SELF_TEST:
            waits = min(waits, self._settings.self_test.wait)
        ends = max(dots, default=now.timestamp()) + waits
        waiting = tx.runs.wait(run, datetime.fromtimestamp(ends, UTC), judgement.reason)
        come_to(tx, run, RunState.WAITING, now)
        return waiting

    def window_over(self, tx: Transaction, run: Run, now: datetime) -> None:
        """The delivery window of a waiting run has closed: what has not come back is lost."""
        if run.reason in LENT:
            self._lent(tx, run, None, NOT_BACK, now)
            return
        ways = self._judge(tx, run, now, window_closed=True)
        self._settle(tx, run, judge_host(ways), now, ways)

    def came_back(self, tx: Transaction, run: Run, peer: Address, now: datetime) -> None:
        """The collector has been brought something new about a run by `peer`: judge it, even if it was settled as lost.

        A letter that comes after its run was settled still shows what the server did then; it decides about the list
        unless a later run has shown since that the address no longer relays, or the listing has ended since at
        somebody's word. Of the outputs it shows no more than the one that brought it. While several ways in are still
        being tried, nothing is decided: each of them is to be heard.
        """
        if run.reason in LENT:
            self._lent_back(tx, run, now)
            return
        over, opened = run.state is RunState.SETTLED, run.state is RunState.OPEN
        ways = self._judge(tx, run, now, window_closed=over, retries_left=opened)
        judgement = judge_host(ways)
        match run.state:
            case RunState.OPEN:
                decisive = judgement.verdict in policy.KIND and run.extent is Extent.NOMINATED
            case RunState.WAITING:
                decisive = True
            case RunState.SETTLED:
                news = (judgement.verdict, judgement.reason) != (
                    run.verdict,
                    run.explanation.removesuffix(f" {SPECIFIC}"),
                )
                decisive = news and (judgement.verdict in policy.KIND or judgement.confirm or judgement.repeat)
        if judgement.final and decisive:
            self._settle(tx, run, judgement, now, ways, brought_by=peer if over else None)
        elif run.verdict is Verdict.OPEN_MULTIHOP:  # one more of its letters, out of another output perhaps
            self.outputs.follow(tx, run, run.address, Exits.SHOWN, now, brought_by=peer)
            self._look_before(tx, run, now)

    def void_all(self, tx: Transaction, now: datetime, reason: str) -> int:
        """Nothing that is under way can show anything any more: every such test ends without a verdict, and is
        repeated; returns how many."""
        under_way = tx.runs.under_way()
        for run in under_way:
            if run.reason in LENT:
                self._lent(tx, run, None, reason, now)
                continue
            void = Judgement(verdict=Verdict.INCONCLUSIVE, final=True, confirm=False, reason=reason, repeat=True)
            self._settle(tx, run, void, now, [])
        return len(under_way)

    def _judge(
        self, tx: Transaction, run: Run, now: datetime, *, window_closed: bool = False, retries_left: bool = False
    ) -> list[JudgedPath]:
        """Judge each way in of a run, in order."""
        since = now - OTHER_COUNTS
        tx.foresee(
            partial(tx.letters.of, run.id),
            partial(tx.runs.unreached_before, run),
            partial(tx.guises.of, run.id),
            partial(tx.paths.of, run.id),
            partial(tx.paths.relayed, run.address),
            partial(tx.runs.with_other_output, run.address, since, but=run.id),
            partial(tx.sessions.controls, run.id),
        )
        fates = telling(tx.letters.of(run.id))
        tester = self._settings.tester
        named = (*tester.helos, *tester.bounce_domains, self._settings.service.name)
        ours = (*named, *map(str, tester.source_addresses))
        unreachable = tx.runs.unreached_before(run)
        apart = len({guise.collector_domain for guise in tx.guises.of(run.id)}) > 1
        ways = [report.path for report in tx.paths.of(run.id)]
        addresses = {way.address for way in ways}
        relayed = {address: tx.paths.relayed(address) for address in addresses}
        earlier = dict.fromkeys(addresses, 1)  # who tests his own wants to know at once, and nobody is listed for it
        if run.reason is not JobReason.SELF_TEST:
            earlier = {address: tx.runs.with_other_output(address, since, but=run.id) for address in addresses}
        judged = []
        for way in ways:
            control, control_reply = tx.sessions.control(run.id, way)
            judged.append(
                judge_way(
                    way,
                    on(way, fates),
                    first=way == ways[0],
                    relayed=way.port in relayed[way.address],
                    us={name.lower() for name in ours},
                    control=control,
                    control_reply=control_reply,
                    profile=run.profile,
                    window_closed=window_closed,
                    retries_left=retries_left,
                    earlier_other=earlier[way.address],
                    unreachable_before=unreachable if way == ways[0] else 0,
                    apart=apart,
                )
            )
        return judged

    def _settle(
        self,
        tx: Transaction,
        run: Run,
        judgement: Judgement,
        now: datetime,
        ways: Sequence[JudgedPath],
        *,
        brought_by: Address | None = None,
    ) -> Run:
        """Judged for good: the run ends, its job too, and policy decides what that means for the list. `brought_by` is
        who has handed in the letter that changes what was settled before. Returns the run as it is then."""
        tx.foresee(*self._deciding.asks(tx, run, now), partial(tx.outputs.of_input, network_of(run.address)))
        letters = telling(tx.letters.of(run.id))
        first = on(tx.paths.of(run.id)[0].path, letters)
        made = {fate.folded for fate in first} - {Outcome.UNTRIED, Outcome.SKIPPED}
        unreached = bool(made) and made <= _UNREACHED
        again = run.state is RunState.SETTLED
        lists = policy.ANY_KIND.get(judgement.verdict) in self._settings.policy.kinds
        dropped = (again or lists) and let_go(tx, run, run.address)
        late = dropped or (again and tx.runs.closed_after(run))
        singled_out = run.reason is JobReason.VANTAGE or judgement.singled_out
        specific = singled_out and judgement.verdict in policy.KIND
        explanation = f"{judgement.reason} {SPECIFIC}" if specific else judgement.reason
        settled = tx.runs.settle(run, verdict=judgement.verdict, explanation=explanation, at=now, unreached=unreached)
        job = tx.jobs.of_run(run.id)
        if job is not None:
            tx.jobs.finish(job)
        after = f"{judgement.verdict} {Flag.TESTER_SPECIFIC}" if specific else judgement.verdict
        come_to(tx, run, after, now)
        self._enter_ways(tx, run, ways, now)
        if late or (run.reason is JobReason.SELF_TEST and not self._self_test_lists(judgement)):
            scored(tx, self._settings.reporters, run, judgement.verdict, now)
            gone = tx.listings.delisted(run.address) if dropped else None
            if gone is not None and gone > run.started:  # what a test under way would have shown, a surprise will
                here, terms = network_of(run.address), self._settings.policy
                self._queueing.plan_again(tx, here, terms, actor="policy", now=now)
            return settled
        case = self._deciding.case(tx, run, judgement, delivered(letters), unreached, ways, now)
        decision = self._deciding.decide(case, now)
        follow_up = decision.follow_up
        if judgement.confirm:
            wait = timedelta(seconds=next(iter(self._settings.policy.unreachable_retry), CONFIRM_AFTER))
            follow_up = FollowUp(reason=JobReason.CONFIRM, due=now + wait, profile=run.profile)
        elif judgement.repeat:
            follow_up = policy.repeat(run.reason, run.profile, now) or follow_up
        elif decision.reason is Reason.SECOND_LOOK or self._other_view(tx, run, judgement):
            follow_up = FollowUp(reason=JobReason.VANTAGE, due=now, profile=run.profile)
        action = self._deciding.apply(tx, run, case.listing, decision, now)
        self.outputs.follow(tx, run, run.address, decision.exits, now, brought_by=brought_by)
        elsewhere = self._deciding.elsewhere(run)
        self._twins.follow(tx, run, ways, letters, action, decision, now, elsewhere=elsewhere, brought_by=brought_by)
        self._deciding.tell(tx, run, letters, decision, explanation, now)
        queued = self._queueing.follow(tx, run, follow_up, now) if follow_up is not None else None
        self._look_before(tx, run, now)
        scored(tx, self._settings.reporters, run, judgement.verdict, now, continued=queued)
        return settled

    def _look_before(self, tx: Transaction, run: Run, now: datetime) -> None:
        """A relay is tested once more before an output of it is listed, also one that has been shown since."""
        due = self.outputs.last_look(tx, run.address, now)
        if due is not None and tx.listings.proven(run.address) is not None:
            self._queueing.by(tx, run, due, now)

    def _lent_back(self, tx: Transaction, run: Run, now: datetime) -> None:
        """A letter in a remote tester's hands has come back: what that shows is decided once, and again where a better
        one follows; unless a test of ours has found the address closed since."""
        shown = self._lending.shown(tx, run)
        if shown is None or run.verdict is Verdict.OPEN or tx.runs.closed_after(run) or let_go(tx, run, run.address):
            return
        listing, follow_up = shown.proven or shown.unconfirmed, None
        if run.verdict is not None and not listing:
            return
        verdict = Verdict.OPEN if listing else Verdict.INCONCLUSIVE
        self._lent(tx, run, verdict, shown.sentence, now)
        if listing:
            judgement = Judgement(verdict=verdict, final=True, confirm=False, reason=shown.sentence)
            proof = delivered(telling(tx.letters.of(run.id)))
            case = replace(
                self._deciding.case(tx, run, judgement, proof, False, (), now), unconfirmed=shown.unconfirmed
            )
            decision = self._deciding.decide(case, now)
            self._deciding.apply(tx, run, case.listing, decision, now)
            follow_up = decision.follow_up
        queued = self._lending.follow(tx, run, now) if shown.look else None
        if queued is not None:  # what was said of the nominator's word, a test of ours says
            tx.nominations.pass_on(run.id, queued.run)
        elif follow_up is not None:
            self._queueing.follow(tx, run, follow_up, now)
        if shown.proven:
            scored(tx, self._settings.reporters, run, verdict, now)

    def _lent(self, tx: Transaction, run: Run, verdict: Verdict | None, explanation: str, now: datetime) -> None:
        """A remote test ends, by what has come back or by its time."""
        tx.runs.settle(run, verdict=verdict, explanation=explanation, at=now)
        come_to(tx, run, verdict or "shows nothing", now)

    def _self_test_lists(self, judgement: Judgement) -> bool:
        """Whether a self-test means something for the list: never to end a listing, and else only as settings say."""
        return self._settings.self_test.lists and judgement.verdict is Verdict.OPEN

    def _other_view(self, tx: Transaction, run: Run, judgement: Judgement) -> bool:
        """Whether a server that refused us is to be seen as another stranger sees it: somebody has shown spam from it,
        or it has taken something, so it may refuse nobody but the tester."""
        if judgement.second_look and judgement.verdict is Verdict.INCONCLUSIVE:
            return run.reason is not JobReason.VANTAGE  # it has taken our text, or mail for a domain of ours
        refused = judgement.second_look or judgement.verdict in (Verdict.REFUSES_TESTER, Verdict.CLOSED)
        return refused and self._deciding.elsewhere(run) and tx.nominations.with_evidence(run.address)

    def _enter_ways(self, tx: Transaction, run: Run, ways: Sequence[JudgedPath], now: datetime) -> None:
        """What each way in has come to, beside the run and, where there are several, in the journal."""
        for way in ways:
            judgement = way.judgement
            tx.paths.judge(run.id, way.path, verdict=judgement.verdict, explanation=judgement.reason)
            if len(ways) > 1:
                tx.journal.append(
                    at=now,
                    actor="policy",
                    subject=str(run.address),
                    verb="path",
                    reason=run.reason,
                    after=f"{way.path.name}: {'no service' if way.silent else judgement.verdict}",
                    evidence=f"run {run.id}",
                )

    def approve(self, tx: Transaction, address: Address, kind: str, *, word: str, actor: str, now: datetime) -> bool:
        """An operator confirms what the last test of an address has shown, and policy decides once more; whether it is
        listed now. What the test shows no longer, or of another kind, is not."""
        if kind in OUTPUT_KINDS:
            return self.outputs.approve(tx, network_of(address), kind, word=word, actor=actor, now=now)
        run = next(iter(tx.runs.of(address, most=1)), None)
        if run is None or tx.listings.proven(address) is not None:
            return False
        ways = self._judge(tx, run, now)
        judgement, letters = judge_host(ways), telling(tx.letters.of(run.id))
        if judgement.verdict is not run.verdict or policy.ANY_KIND.get(judgement.verdict) != kind:
            return False
        case = replace(self._deciding.case(tx, run, judgement, delivered(letters), False, ways, now), approved=True)
        decision = self._deciding.decide(case, now)
        listed = self._deciding.apply(tx, run, None, decision, now, actor=actor, word=word) is Action.LIST
        self.outputs.follow(tx, run, address, decision.exits, now)
        if listed and decision.follow_up is not None:
            self._queueing.follow(tx, run, decision.follow_up, now)
        return listed
