"""How far a test is: what is shown only grows, and never speaks against itself, whatever comes in whichever order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.model import Run, RunReport
from dnsbl.rules.headway import HeadwayPhase, headway
from dnsbl.vocabulary import JobReason, RunState
from dnsbl.web.shapes import run_shape
from tester.fate import Fate
from tester.letter import Letter
from tester.smtp import DELIVERED, RETRY, Outcome, Result
from tester.verdict import Finding, Verdict
from tests.depth import examples

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPLIES = {
    Outcome.RCPT_4XX: "451 4.7.1 Greylisted",
    Outcome.DATA_END_4XX: "451 4.3.0 later",
    Outcome.RCPT_5XX: "550 5.7.1 no",
    Outcome.ACCEPTED: "250 ok",
    Outcome.UNTRIED: "",
    Outcome.BANNER_4XX: "421 busy",
}


def fates(count: int) -> list[Fate]:
    return [
        Fate(
            letter=Letter(
                recipient=f"r{number:033}",
                sender=f"s{number:033}",
                address=ip_address("192.0.2.9"),
                port=25,
                vector=f"S{number:02}",
                run="a" * 16,
                not_before=0,
                not_after=1,
                proof_hash=bytes(32),
            )
        )
        for number in range(1, count + 1)
    ]


def report(letters: list[Fate], state: RunState, *, working: bool) -> RunReport:
    over = state is RunState.SETTLED
    run = Run(
        id="a" * 16,
        address=ip_address("192.0.2.9"),
        port=25,
        reason=JobReason.NOMINATION,
        profile="standard",
        state=state,
        started=NOW,
        ends=NOW,
        verdict=Verdict.CLOSED if over else None,
        explanation="All was refused." if over else "451 Greylisted",
    )
    return RunReport(run=run, letters=tuple(letters), transcripts=(), returns=(), provocation="", working=working)


#: What may happen to a test: a conversation about its letters, a message of one of them, its worker comes and goes.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("told"), st.integers(0, 3), st.sampled_from(sorted(REPLIES))),
        st.tuples(st.just("found"), st.integers(0, 3), st.sampled_from(sorted(Finding))),
        st.tuples(st.sampled_from(["taken", "put off"]), st.just(0), st.just("")),
    ),
    max_size=25,
)


@given(steps=STEPS, count=st.integers(1, 4))
@examples(300)
def test_what_is_shown_of_a_test_only_grows_and_never_contradicts_itself(
    steps: list[tuple[str, int, Any]], count: int
) -> None:
    letters, working, before = fates(count), False, (0, 0)
    for what, at, more in (*steps, ("over", 0, ""), ("settled", 0, "")):
        state = {"over": RunState.WAITING, "settled": RunState.SETTLED}.get(what, RunState.OPEN)
        at %= count
        if what == "told":
            dot = 1.0 if more in (Outcome.ACCEPTED, Outcome.DATA_END_4XX) else None
            result = Result(
                vector="S01",
                token=letters[at].letter.recipient,
                outcome=more,
                stage="",
                reply=REPLIES[more],
                dot_at=dot,
            )
            letters[at] = letters[at].told(result, 0.0)
        elif what == "found":
            letters[at] = letters[at].found(more)
        elif what in ("taken", "put off"):
            working = what == "taken"
        far = headway(letters, state, working=working)
        shape = run_shape(report(letters, state, working=working))

        assert (far.tried, far.back) >= before and far.tried >= before[0] and far.back >= before[1], "it only grows"
        assert far.back <= far.tried <= far.forms and far.accepted <= far.tried
        before = (far.tried, far.back)
        back = [one for one in shape["attempts"] if one["outcome"] in DELIVERED]
        assert len(back) == far.back == shape["progress"]["back"]
        assert not any(one["reply"].startswith("4") for one in back), "never a proof beside a greylisting"
        assert json.dumps(shape["progress"]) == json.dumps(shape["progress"] | {"sentence": far.sentence})
        if state is RunState.SETTLED:
            assert far.phase is HeadwayPhase.DONE and far.sentence == "" and shape["explanation"] == "All was refused."
            continue
        assert (shape["verdict"], shape["cause"]) == (None, None)
        assert shape["explanation"] == far.sentence and "Greylisted" not in far.sentence
        assert ("come back. We finish the rest" in far.sentence) is bool(far.back)
        assert not (far.back and ("nothing has come back" in far.sentence or "put us off" in far.sentence))


@pytest.mark.parametrize(
    ("change", "state", "working", "phase", "sentence"),
    [
        (lambda fate: fate, None, False, HeadwayPhase.QUEUED, "The test waits for its turn."),
        (
            lambda fate: fate,
            RunState.OPEN,
            True,
            HeadwayPhase.TESTING,
            "0 of 2 forms are done; nothing has come back so far.",
        ),
        (
            lambda fate: replace(fate, outcome=Outcome.RCPT_4XX),
            RunState.OPEN,
            False,
            HeadwayPhase.QUEUED,
            "The server has put us off, and we try once more later. "
            "2 of 2 forms are done; nothing has come back so far.",
        ),
        (
            lambda fate: replace(fate, outcome=Outcome.ACCEPTED),
            RunState.WAITING,
            False,
            HeadwayPhase.WAITING,
            "All is said. We wait for 2 letters that were accepted; nothing has come back so far.",
        ),
        (
            lambda fate: fate.found(Finding.DELIVERED_SAME),
            RunState.OPEN,
            True,
            HeadwayPhase.TESTING,
            "2 letters have come back. We finish the rest before we say what it means.",
        ),
        (lambda fate: fate, RunState.SETTLED, True, HeadwayPhase.DONE, ""),
    ],
)
def test_each_phase_has_its_sentence(
    change: Callable[[Fate], Fate], state: RunState | None, working: bool, phase: HeadwayPhase, sentence: str
) -> None:
    far = headway(map(change, fates(2)), state, working=working)
    assert (far.phase, far.sentence) == (phase, sentence)


def test_one_letter_is_one_and_none_yet_is_a_beginning() -> None:
    [one] = fates(1)
    accepted = headway([replace(one, outcome=Outcome.ACCEPTED)], RunState.WAITING, working=False)
    assert "We wait for a letter that was accepted" in accepted.sentence
    back = headway([one.found(Finding.DELIVERED_SAME)], RunState.OPEN, working=True)
    assert back.sentence.startswith("A letter has come back.")
    assert headway([], RunState.OPEN, working=True).sentence == "It begins."


def test_a_reply_of_an_earlier_conversation_is_no_answer_to_a_letter_that_has_come_back() -> None:
    [one] = fates(1)
    for outcome in RETRY:
        put_off = replace(one, outcome=outcome, reply="451 4.7.1 Greylisted")
        assert put_off.answer == "451 4.7.1 Greylisted"
        assert put_off.found(Finding.DELIVERED_SAME).answer == ""
        assert put_off.found(Finding.CALLBACK_SEEN).answer == "451 4.7.1 Greylisted"
    liar = replace(one, outcome=Outcome.DATA_END_5XX, reply="550 no", dot_at=1.0)
    assert liar.found(Finding.DELIVERED_SAME).answer == "550 no", "it has said so to the very letter that it passed on"
    taken = replace(one, outcome=Outcome.ACCEPTED, reply="250 ok", dot_at=1.0)
    assert taken.found(Finding.DELIVERED_SAME).answer == "250 ok"


def test_programs_know_each_phase_by_its_name() -> None:
    assert [str(phase) for phase in HeadwayPhase] == ["queued", "testing", "waiting", "done"]
