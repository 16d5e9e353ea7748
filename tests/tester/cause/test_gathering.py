"""From the record of a test to what it has shown: which path, which conversation, what else was refused or tried."""

from __future__ import annotations

from ipaddress import ip_address

from tester.cause import Cause, Sure, explain, gather
from tester.fate import Fate
from tester.letter import Letter
from tester.smtp import REFUSED, Event, Flag, Outcome, Result, Transcript
from tester.verdict import Finding

O = Outcome  # noqa: E741

HOST, TWIN, US = ip_address("192.0.2.25"), ip_address("2001:db8::25"), ip_address("198.51.100.9")
TRACE = b"Received: from p.b.test (unknown [198.51.100.9]) by hub.test (Postfix) with ESMTP id 4\r\n\r\n"


def fate(
    token: str,
    outcome: Outcome,
    *,
    vector: str = "S01",
    port: int = 25,
    twin: bool = False,
    finding: Finding | None = None,
) -> Fate:
    address = TWIN if twin else HOST
    letter = Letter(
        recipient=token,
        sender=f"s{token}",
        address=address,
        port=port,
        vector=vector,
        run="run",
        not_before=0,
        not_after=9,
        proof_hash=bytes(32),
    )
    return Fate(letter=letter, outcome=outcome, finding=finding)


def conversation(
    *tokens: str,
    tls: bool = False,
    asked: bool = False,
    said: tuple[bytes, ...] = (b"220 hub.test ESMTP Exim 4.96\r\n",),
    source: str = f"{US}:40000",
) -> Transcript:
    events = [event for line in said for event in (Event(0.1, "<", line), Event(0.2, ">", b"EHLO x\r\n"))]
    events += [Event(0.3, ">", b"STARTTLS\r\n")] if asked else []
    return Transcript(
        target=str(HOST),
        port=25,
        source=source,
        started=0.0,
        events=tuple(events),
        results=tuple(
            Result(vector="S01", token=token, outcome=Outcome.ACCEPTED, stage="OK", reply="") for token in tokens
        ),
        flags=frozenset({Flag.TLS_USED} if tls else ()),
    )


def test_only_letters_of_this_test_that_came_back_are_symptoms() -> None:
    found = gather([conversation("ra")], [fate("ra", Outcome.ACCEPTED)], [("rz", HOST, TRACE), ("ra", TWIN, TRACE)])
    assert [(one.path.address, one.output, one.vector) for one in found] == [(HOST, TWIN, "S01")]
    assert found[0].sources == {US}
    assert found[0].greeting.startswith("220 hub.test")
    assert gather([conversation("ra")], [fate("ra", Outcome.ACCEPTED)], []) == []


def test_a_form_counts_as_refused_only_on_the_very_path_of_the_letter() -> None:
    letters = [
        fate("ra", Outcome.ACCEPTED, vector="S03"),
        fate("rb", Outcome.RCPT_5XX, vector="S10"),
        fate("rc", Outcome.RCPT_5XX, port=587),
        fate("rd", Outcome.RCPT_5XX, vector="S02", twin=True),
    ]
    (found,) = gather([conversation("ra")], letters, [("ra", HOST, TRACE)])
    assert found.refused == {"S10"}


def test_how_a_conversation_was_encrypted_is_told() -> None:
    letters = [fate("ra", Outcome.ACCEPTED)]
    for held, tls in (
        (conversation("ra"), "none"),
        (conversation("ra", tls=True, asked=True), "starttls"),
        (conversation("ra", tls=True), "implicit"),
    ):
        assert gather([held], letters, [("ra", HOST, TRACE)])[0].path.tls == tls


def test_what_the_server_said_first_is_of_the_conversation_that_offered_the_letter_and_bounded() -> None:
    letters = [fate(token, Outcome.ACCEPTED) for token in ("ra", "rb", "rc", "rd")]
    held = [
        conversation("ra", "rx", said=(b"220 one", b"250-one", b"250 two")),
        conversation("rb", said=(b"x" * 2000, b"y" * 2000)),
        conversation("rc", said=(b"220 three",)),
        conversation("rz"),
    ]
    found = gather(held, letters, [(token, HOST, TRACE) for token in ("ra", "rb", "rc", "rd")])
    assert [(one.greeting, one.ehlo) for one in found] == [
        ("220 one", "250-one"),
        ("x" * 1000, "y" * 1000),
        ("220 three", ""),
        ("", ""),
    ]
    assert all(one.path.relays for one in found)


def test_a_server_that_speaks_of_starttls_on_an_encrypted_port_was_not_asked_for_it() -> None:
    held = conversation("ra", tls=True, said=(b"STARTTLS is done\r\n",))
    assert gather([held], [fate("ra", Outcome.ACCEPTED)], [("ra", HOST, TRACE)])[0].path.tls == "implicit"


def test_our_own_addresses_are_those_of_the_connections_that_came_about() -> None:
    held = [conversation("ra", source=""), conversation("rb"), conversation("rb", source="[2001:db8::9]:40000")]
    (found,) = gather(held, [fate("ra", Outcome.ACCEPTED)], [("ra", HOST, TRACE)])
    assert found.sources == {US, ip_address("2001:db8::9")}


def test_another_path_relays_when_a_letter_came_back_and_is_closed_when_all_that_were_offered_were_refused() -> None:
    letters = [fate("ra", Outcome.ACCEPTED)]
    letters += [
        fate("rb", Outcome.ACCEPTED, port=587, finding=Finding.DELIVERED_SAME),
        fate("rc", O.RCPT_5XX, port=587),
    ]
    letters += [fate("rd", O.RCPT_5XX, port=465), fate("re", O.SKIPPED, port=465), fate("rf", O.UNTRIED, port=465)]
    letters += [fate(f"r{n}", outcome, twin=True) for n, outcome in enumerate(REFUSED)]
    held = [conversation("ra"), conversation("rd", tls=True)]
    (found,) = gather(held, letters, [("ra", HOST, TRACE)])
    assert {(path.address, path.port): (path.relays, path.tls) for path in found.others} == {
        (HOST, 587): (True, "none"),
        (HOST, 465): (False, "implicit"),
        (TWIN, 25): (False, "none"),
    }


def test_the_other_paths_of_the_host_are_told_with_what_they_do() -> None:
    letters = [
        fate("ra", Outcome.ACCEPTED, port=587),
        fate("rb", Outcome.RCPT_5XX),
        fate("rc", Outcome.SKIPPED, vector="M01"),
        fate("rd", Outcome.TIMEOUT, twin=True),
        fate("re", Outcome.UNTRIED, port=465),
    ]
    symptoms = gather([conversation("ra", "rb")], letters, [("ra", HOST, TRACE)])
    assert {(path.address, path.port): path.relays for path in symptoms[0].others} == {
        (HOST, 25): False,
        (TWIN, 25): None,
        (HOST, 465): None,
    }
    found = explain(symptoms)
    assert found is not None
    assert (found.cause, found.sure) == (Cause.SUBMISSION_OPEN, Sure.SURE)
