"""What a delivery status report says of which recipient."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.bounces.status import StatusReport, of, reports

MESSAGE = b"Reporting-MTA: dns; relay.example\nArrival-Date: today\n\n"
OURS = b"Final-Recipient: rfc822; token@c.example\nAction: failed\nStatus: 5.7.1\n"
OTHERS = b"Final-Recipient: rfc822; other@c.example\nAction: delayed\nStatus: 4.4.1\n"


def report(fields: str) -> StatusReport:
    [found] = reports(MESSAGE + fields.encode("latin-1"))
    return found


@pytest.mark.parametrize(
    "content",
    [
        MESSAGE + OURS + b"\n" + OTHERS,
        MESSAGE + OTHERS + b"\n" + OURS,
        MESSAGE + OTHERS + b" \t\n\n" + OURS,
        MESSAGE + OTHERS + OURS,
        MESSAGE.strip() + b"\n" + OTHERS + OURS,
        b"\n\n" + MESSAGE + b"\n\n" + OURS + b"\n\n\n" + OTHERS,
    ],
)
def test_each_recipient_has_its_own_report(content: bytes) -> None:
    ours, others = of("token", [content])
    assert [(r.action, r.status) for r in ours] == [("failed", "5.7.1")]
    assert [(r.action, r.status) for r in others] == [("delayed", "4.4.1")]


@pytest.mark.parametrize(
    "field",
    [
        "Final-Recipient: rfc822; token@c.example",
        "Original-Recipient: rfc822;TOKEN@C.EXAMPLE",
        "Final-Recipient: rfc822; token%c.example@relay.example",
        'Final-Recipient: rfc822; "token@c.example"@relay.example',
        "Final-Recipient: rfc822; c.example!token@relay.example",
        "Final-Recipient: rfc822; @relay.example:token@c.example",
        "Final-Recipient: X400; /DDA:RFC-822=token(a)c.example/",
        "Final-Recipient: utf-8; token@c.example",
        "Original-Recipient: rfc822;IMCEASMTP-token+2B40c+2B2Eexample+40relay.example",
        "Final-Recipient: rfc822;\n tok\n en@c.example",
        "X-Actual-Recipient: rfc822; token@inside.example",
        "x-actual-recipient: rfc822; token@inside.example",
        "Original-Recipient: rfc822; x@y.example\nFinal-Recipient: rfc822; token@c.example",
        "Final-Recipient: rfc822; token@c.example\nOriginal-Recipient: rfc822; x@y.example",
    ],
)
def test_a_recipient_is_ours_by_the_token_in_any_form(field: str) -> None:
    ours, others = of("token", [f"Reporting-MTA: x\n\n{field}\nAction: failed\nStatus: 5.1.1\n".encode()])
    assert (len(ours), len(others)) == (1, 0)


def test_in_whatever_order_the_fields_of_a_recipient_come_they_are_of_one_report() -> None:
    ours, others = of("token", [b"Action: failed\nFinal-Recipient: rfc822; token@c.example\nStatus: 5.1.1\n"])
    assert [(one.action, one.status) for one in ours] == [("failed", "5.1.1")]
    assert others == []


def test_what_a_report_does_not_say_is_empty() -> None:
    found = report("Final-Recipient: rfc822; A @b.example\nOriginal-Recipient: rfc822;c@d.example\n")
    assert (found.action, found.status, found.remote_mta, found.diagnostic, found.retried) == ("", "", "", "", False)
    assert found.recipient == b"rfc822;a@b.example;rfc822;c@d.example"


def test_what_names_no_recipient_is_of_others() -> None:
    ours, others = of("token", [b"Reporting-MTA: token\n\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: token\n"])
    assert (len(ours), len(others)) == (0, 1)


@pytest.mark.parametrize(
    ("fields", "final"),
    [
        ("Action: failed\nStatus: 5.7.1", True),
        ("Action: FAILED (for good)\nStatus: 5.0.0 (unknown)", True),
        ("Action: failed\nDiagnostic-Code: smtp; 550 5.7.1 no", True),
        ("Action: failed\nDiagnostic-Code: 550 no", True),
        ("Action: failed\nStatus: 5.7.1\nDiagnostic-Code: X-Notes; no", True),
        ("Action: failed\nStatus: 4.4.7", False),
        ("Action: failed\nStatus: 5.4.7", False),
        ("Action: failed\nStatus: 2.0.0", False),
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 451 later", False),
        ("Action: failed\nDiagnostic-Code: smtp; 450 later", False),
        ("Action: failed\nStatus: 5.0.0\nWill-Retry-Until: tomorrow", False),
        ("Action: failed", False),
        ("Action: delayed\nStatus: 5.7.1", False),
        ("Action: relayed\nStatus: 5.7.1", False),
        ("Action: exploded\nStatus: 5.7.1", False),
        ("Action: failedx\nStatus: 5.7.1", False),
        ("Status: 5.7.1\nFinal-Recipient: x", False),
        ("Action: failed\nStatus: 9.9.9", False),
    ],
)
def test_only_a_permanent_failure_is_final(fields: str, final: bool) -> None:
    assert report(fields).final is final


def test_what_is_shown_is_escaped_and_bounded() -> None:
    found = report("Action: failed\nRemote-MTA: dns; \xff" + "x" * 999 + "\nDiagnostic-Code: \x1b" + "y" * 999)
    assert found.remote_mta == "\\xff" + "x" * 254
    assert found.diagnostic == "\\x1b" + "y" * 499
    assert report("Action: failed\nRemote-MTA: mx.example").remote_mta == "mx.example"


def test_reports_are_counted() -> None:
    assert len(list(reports(MESSAGE + (OURS + b"\n") * 500))) == 100
    assert len(list(reports(OURS * 500))) == 100


@given(st.binary(max_size=300) | st.lists(st.sampled_from([MESSAGE, OURS, OTHERS, b"\n", b" ", b":"])).map(b"".join))
def test_whatever_comes_is_read_without_complaint(content: bytes) -> None:
    for found in reports(content):
        assert (found.status + found.diagnostic + found.remote_mta).isascii()
