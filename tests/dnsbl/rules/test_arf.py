"""A report that abuse desks' programs can read, and that our own door reads as one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from ipaddress import ip_address

import pytest

from dnsbl.rules import arf
from dnsbl.rules.evidence import exhibits

ARRIVED = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
CHAIN = ("from relay.example ([192.0.2.1]) by mx.list.example; Thu, 1 Jan 2026", "from [198.51.100.9] by relay.example")


def octets(source: str = "192.0.2.1") -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "us@list.example", "abuse@host.example", "on the list"
    mail.set_content("Dear people,\n\n--boundary\nit relays.\n")
    facts = arf.facts(source=ip_address(source), arrived=ARRIVED, page="https://list.example/ip/192.0.2.1", chain=CHAIN)
    arf.enclose(mail, facts, boundary="abcdefgh", agent="dnsbl/1", reporter="mx.list.example")
    return mail.as_bytes()


def test_a_report_has_a_text_for_people_facts_for_programs_and_the_head_of_the_letter() -> None:
    mail = message_from_bytes(octets(), policy=default)
    assert (mail.get_content_type(), mail.get_param("report-type")) == ("multipart/report", "feedback-report")
    text, facts, head = mail.iter_parts()  # type: ignore[attr-defined]
    assert "it relays." in text.get_content()
    assert (facts.get_content_type(), head.get_content_type()) == ("message/feedback-report", "text/rfc822-headers")
    [said] = facts.get_payload()
    assert (said["Feedback-Type"], said["Version"], said["Source-IP"]) == ("other", "1", "192.0.2.1")
    assert said["Arrival-Date"] == "Thu, 01 Jan 2026 12:30:00 +0000"
    assert [line for line in head.get_payload().splitlines() if line] == [f"Received: {line}" for line in CHAIN]


def test_a_report_has_no_more_of_the_letter_than_so_many_fields_and_no_bare_line_ends() -> None:
    facts = arf.facts(source=ip_address("2001:db8::1"), arrived=ARRIVED, page="", chain=["x"] * 100)
    assert json.loads(facts["arf"])["chain"] == ["x"] * 20
    assert octets().replace(b"\r\n", b"").count(b"\n") == 0


@pytest.mark.parametrize("source", ["192.0.2.1", "2001:db8::7"])
def test_who_gets_one_can_hand_it_in_at_a_door_like_ours(source: str) -> None:
    found, _ = exhibits(octets(source), most=5)
    assert [str(one.source) for one in found if one.report] == [source]


def test_a_report_says_what_it_is_about_for_whom_and_by_which_program() -> None:
    mail = message_from_bytes(octets(), policy=default)
    assert mail.get_boundary() == "abcdefgh"
    _, facts, _ = mail.iter_parts()  # type: ignore[attr-defined]
    [said] = facts.get_payload()
    assert dict(said.items()) == {
        "Feedback-Type": "other",
        "User-Agent": "dnsbl/1",
        "Version": "1",
        "Source-IP": "192.0.2.1",
        "Arrival-Date": "Thu, 01 Jan 2026 12:30:00 +0000",
        "Reporting-MTA": "dns; mx.list.example",
        "Reported-URI": "https://list.example/ip/192.0.2.1",
        "Incidents": "1",
    }
