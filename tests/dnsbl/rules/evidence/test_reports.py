"""Abuse reports of all kinds."""

from __future__ import annotations

import base64
import json
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.evidence import mime, reports
from dnsbl.rules.evidence.reports import AbuseReport, document_of, from_json, report, samples
from tests.dnsbl.rules.evidence.samples import RELAY, SPAM


def leaf(kind: str, body: bytes, name: str = "") -> mime.Leaf:
    return mime.Leaf(kind=kind, name=name, body=body)


def arf(*lines: str) -> list[mime.Leaf]:
    body = "\r\n".join(("Feedback-Type: abuse", "User-Agent: Desk/1", "Version: 1", *lines)).encode()
    return [leaf("text/plain", b"hello"), leaf("message/feedback-report", body)]


@pytest.mark.parametrize(
    ("line", "source"),
    [
        (f"Source-IP: {RELAY}", RELAY),
        (f"source-ip: [{RELAY}]", RELAY),
        ("Source-IP: 2001:db8::9", "2001:db8::9"),
        ("Source-IP: IPv6:2001:db8::9", "2001:db8::9"),
        (f"Source-IP: ::ffff:{RELAY}", RELAY),
        ("Source-IP: unknown", None),
        ("Reported-Domain: x.example", None),
    ],
)
def test_arf_names_its_source_or_not(line: str, source: str | None) -> None:
    expected = AbuseReport(kind="ARF", source=ip_address(source) if source else None, spam=True)
    assert report({}, arf(line)) == expected


def test_the_first_source_of_an_arf_counts() -> None:
    found = report({}, arf(f"Source-IP: {RELAY}", "Source-IP: 198.51.100.1"))
    assert found is not None and found.source == ip_address(RELAY)


def test_arf_may_say_that_it_is_no_spam() -> None:
    found = report({}, [leaf("message/feedback-report", b"Feedback-Type: not-spam\r\nVersion: 1\r\n")])
    assert found is not None and not found.spam


@pytest.mark.parametrize("kind", ["text/plain", "text/yaml", "application/yaml", "application/x-yaml"])
def test_x_arf_by_mail_is_known_by_its_header(kind: str) -> None:
    yaml = f"---\nReported-From: a@b.example\nReport-Type: spam\nSource-Type: ip-address\nSource: '{RELAY}'\n"
    parts = [leaf("text/plain", b"Dear all"), leaf(kind, yaml.encode(), "report.txt")]
    assert report({"x-arf": "yes"}, parts) == AbuseReport(kind="X-ARF", source=ip_address(RELAY), spam=True)
    assert report({"x-xarf": "PLAIN"}, parts) == AbuseReport(kind="X-ARF", source=ip_address(RELAY), spam=True)
    assert report({}, parts) is None
    assert report({"x-arf": "yes"}, parts[:1]) == AbuseReport(kind="X-ARF", source=None, spam=True)


DOCUMENTS: list[dict[str, Any]] = [
    {
        "Version": "1",
        "Report": {
            "ReportType": "Spam",
            "SourceIp": RELAY,
            "Samples": [{"ContentType": "message/rfc822", "Base64Encoded": False, "Payload": SPAM.decode()}],
        },
    },
    {
        "Version": "1",
        "Report": {
            "SourceIp": RELAY,
            "Samples": [
                {"ContentType": "message/rfc822", "Base64Encoded": True, "Payload": base64.b64encode(SPAM).decode()}
            ],
        },
    },
    {
        "Version": "3.0.0",
        "Report": {
            "Source": {"IP": RELAY, "Type": "ip"},
            "Attachment": [{"ContentType": "message/rfc822", "Data": base64.b64encode(SPAM).decode()}],
        },
    },
    {
        "xarf_version": "4.0.0",
        "source_identifier": RELAY,
        "evidence": [
            {"content_type": "text/plain", "payload": "bm8="},
            "nonsense",
            {"content_type": "message/rfc822", "payload": base64.b64encode(SPAM).decode()},
        ],
    },
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=["1 in clear", "1", "3", "4"])
def test_x_arf_in_json_names_its_source_and_holds_its_messages(document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    read = document_of(body)
    assert from_json(read) == AbuseReport(kind="X-ARF", source=ip_address(RELAY), spam=True)
    assert list(samples(read)) == [SPAM]
    for part in (
        leaf("application/json", body),
        leaf("text/json", body),
        leaf("application/octet-stream", body, "xarf.json"),
    ):
        assert report({}, [part]) == from_json(read)
    assert report({}, [leaf("text/plain", body)]) is None


def test_only_a_part_of_text_holds_an_x_arf_by_mail() -> None:
    part = leaf("image/png", f"Report-Type: spam\nSource: {RELAY}\n".encode())
    assert report({"x-arf": "yes"}, [part]) == AbuseReport(kind="X-ARF", source=None, spam=True)


def sample(**row: Any) -> list[bytes]:
    return list(samples({"evidence": [{"content_type": "Message/RFC822", **row}]}))


def test_a_sample_is_in_clear_where_it_says_so_or_shows_it() -> None:
    late = "x" * 100 + ": y"
    assert sample(payload=late, base64encoded=False) == [late.encode()]
    assert sample(payload="Subject: x") == [b"Subject: x"]
    assert sample(payload="x" * 99 + ": y") == [b"x" * 99 + b": y"]
    assert sample(payload=late) == [mime.decoded(late.encode(), "base64")]
    assert sample(payload="a: \ud800", base64encoded=False) == [b"a: ?"]
    assert sample(payload=7) == sample() == []


def test_of_a_report_so_much_and_so_many_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"xarf_version": 4, "evidence": [{"content_type": "message/rfc822", "payload": "a:"}] * 9})
    monkeypatch.setattr(mime, "PARTS", 3)
    assert list(samples(document_of(body.encode()))) == [b"a:"] * 3
    assert reports._MOST == 4 << 20
    monkeypatch.setattr(reports, "_MOST", len(body) - 1)
    assert document_of(body.encode()) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"Report": 1}',
        b'{"Report": {"Samples": 1, "SourceIp": 1, "Source": 1}, "evidence": {}}',
        b'{"xarf_version": 4, "source_identifier": "x", "evidence": [1, {"payload": 1}, {"content_type": 1}]}',
        b"[" * 100_000,
    ],
)
def test_other_json_is_no_report_and_breaks_nothing(body: bytes) -> None:
    read = document_of(body)
    assert bool(read) is (b"xarf_version" in body or b'"Report": {' in body)
    assert from_json(read).source is None
    assert list(samples(read)) == []


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["Report", "Samples", "evidence", "xarf_version", "SourceIp", "Payload", "content_type"]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_json_is_read_without_complaint(value: Any) -> None:
    read = document_of(json.dumps(value).encode())
    from_json(read)
    list(samples(read))


def test_what_people_read_behind_a_value_is_no_part_of_it() -> None:
    relay = ip_address("192.0.2.1")
    for line in (
        b"Source-IP: 192.0.2.1 (relay.example.org)",  # a comment, which RFC 5965 3.2 allows
        b"Source-IP: (seen) 192.0.2.1",
        b"Source-IP: <192.0.2.1>",
        b"\xef\xbb\xbfSource-IP: 192.0.2.1",
    ):
        found = report({}, [leaf("message/feedback-report", line + b"\n")])
        assert found is not None and found.source == relay, line
    ham = report({}, [leaf("message/feedback-report", b"Feedback-Type: not-spam (ham)\n")])
    assert ham is not None and not ham.spam
    for body in (
        b"---\nReport-Type: spam\nSource: 192.0.2.1 # relay\n",
        b"\xef\xbb\xbf---\nReport-Type: x\nSource: 192.0.2.1\n",
    ):
        found = report({"x-arf": "YES"}, [leaf("text/plain", body)])
        assert found is not None and found.source == relay, body
