"""From the record of a run to why its host relays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

from dnsbl.model import Return, Run, RunReport
from dnsbl.rules.causes import cause_of, hint_of
from dnsbl.rules.intake import Intake
from dnsbl.vocabulary import JobReason, RunState
from tester.cause import Cause, Software
from tester.fate import Fate
from tester.letter import Letter
from tester.received.chain import trace
from tester.received.line import hops
from tester.smtp import Event, Outcome, Result, Transcript
from tester.verdict import Finding

HOST, US = ip_address("192.0.2.25"), "198.51.100.9"
AT = datetime(2026, 1, 1, tzinfo=UTC)
LETTER = Letter(
    recipient="ra",
    sender="sa",
    address=HOST,
    port=25,
    vector="S01",
    run="run",
    not_before=0,
    not_after=9,
    proof_hash=bytes(32),
)


def report(seen: str, *, finding: Finding = Finding.DELIVERED_SAME, vector: str = "S01") -> RunReport:
    line = f"from probe.b.test (unknown [{seen}]) by hub.test (Postfix) with ESMTP id 4"
    said = Transcript(
        target=str(HOST),
        port=25,
        source=f"{US}:40000",
        started=0.0,
        events=(Event(0.1, "<", b"220 hub.test ESMTP\r\n"), Event(0.2, ">", b"EHLO x\r\n")),
        results=(Result(vector=vector, token="ra", outcome=Outcome.ACCEPTED, stage="OK"),),
    )
    back = Return(
        id=1,
        token="ra",
        run="run",
        received=AT,
        peer=HOST,
        helo="hub.test",
        finding=finding,
        explanation="",
        message=f"Received: {line}; Thu, 1 Jan 2026 00:00:00 +0000\r\nSubject: x\r\n\r\n".encode(),
    )
    return RunReport(
        run=Run(
            id="run",
            address=HOST,
            port=25,
            reason=JobReason.NOMINATION,
            profile="standard",
            state=RunState.SETTLED,
            started=AT,
            ends=None,
            verdict=None,
            explanation="",
        ),
        letters=(Fate(letter=replace(LETTER, vector=vector), outcome=Outcome.ACCEPTED, finding=finding),),
        transcripts=(said.to_json(),),
        returns=(back,),
        provocation="x",
    )


def test_a_letter_that_came_back_tells_whom_the_relay_took_us_for() -> None:
    found = cause_of(report("172.18.0.1"))
    assert found is not None
    assert (found.cause, found.software) == (Cause.CLIENT_ADDRESS_LOST, Software.POSTFIX)
    assert found.took_us_for == ip_address("172.18.0.1")


def test_a_relay_that_saw_our_own_address_trusts_too_many() -> None:
    found = cause_of(report(US))
    assert found is not None
    assert found.cause is Cause.NETWORKS_TOO_WIDE


def test_where_no_letter_came_back_nothing_is_explained() -> None:
    assert cause_of(report(US, finding=Finding.BOUNCED)) is None
    assert cause_of(replace(report(US), returns=())) is None


def test_what_came_before_the_letter_did_explains_nothing() -> None:
    one = report(US)
    bounce = replace(
        one.returns[0], finding=Finding.BOUNCED, message=b"Received: from x ([172.18.0.1]) by y; z\r\n\r\n"
    )
    found = cause_of(replace(one, returns=(bounce, *one.returns)))
    assert found is not None and found.cause is Cause.NETWORKS_TOO_WIDE


def test_who_had_the_letters_from_somebody_else_was_seen_from_an_address_that_nobody_knows() -> None:
    ours = report("203.0.113.9")
    theirs = replace(ours, run=replace(ours.run, reason=JobReason.REMOTE_PROVEN))
    assert cause_of(ours) is not None and cause_of(theirs) is None


def test_what_somebody_hands_in_has_its_hint_by_the_line_that_is_meant() -> None:
    lines = (
        b"Received: from mail.example.net (mail.example.net [203.0.113.243]) by trap.example.org with ESMTP; x\r\n"
        b"Received: from PC ([10.0.0.26]) by mail.example.net with ESMTP; x\r\n\r\n"
    )
    walk = trace(hops(lines))
    case = Intake(where="", nomination=None, refused=None, trace=walk, line=walk.used)
    found = hint_of(case)
    assert found is not None and found.cause is Cause.CLIENT_ADDRESS_LOST
    assert hint_of(replace(case, line=walk.steps[1])) is None
    assert hint_of(replace(case, trace=None)) is None
