"""What may be watched, and how it is told."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network
from xml.etree import ElementTree

import pytest

from dnsbl.errors import Refused
from dnsbl.model import Listing, Reason, Watch, WatchWay
from dnsbl.rules import watching
from dnsbl.settings import Settings

MAIL = {"smarthost": "mail.list.example", "sender": "relays@list.example"}
SETTINGS = Settings.model_validate({"notices": MAIL, "service": {"name": "A <b> & list"}})
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["192.0.2.0/24", "192.0.2.1", "192.0.0.0/16", "2001:db8::/32"])
def test_a_network_may_be_watched(text: str) -> None:
    assert watching.network(text, SETTINGS) == ip_network(text)


@pytest.mark.parametrize("text", ["192.0.0.0/15", "0.0.0.0/0", "2001:db8::/31", "192.0.2.1/24", "nonsense", ""])
def test_what_is_too_wide_or_none_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        watching.network(text, SETTINGS)


@pytest.mark.parametrize(
    ("way", "text", "found"),
    [
        ("", "anything", (WatchWay.FEED, "")),
        ("Mail", "A@X.example", (WatchWay.MAIL, "A@x.example")),
        ("webhook", " https://x.example/hook?a=b ", (WatchWay.WEBHOOK, "https://x.example/hook?a=b")),
    ],
)
def test_somebody_is_told_by_mail_by_his_program_or_reads(way: str, text: str, found: tuple[WatchWay, str]) -> None:
    assert watching.target(way, text, SETTINGS) == found


@pytest.mark.parametrize(
    ("way", "text"),
    [
        ("mail", "nobody"),
        ("webhook", ""),
        ("webhook", "ftp://x.example/"),
        ("webhook", "https://user:secret@x.example/"),
        ("webhook", "https://x.example/\r\nX: y"),
        ("webhook", "https://x.example/ä"),
        ("webhook", "http://["),
        ("webhook", "//["),
        ("webhook", "https://x.example/" + "a" * 500),
        ("pigeon", ""),
    ],
)
def test_what_is_no_target_is_refused(way: str, text: str) -> None:
    with pytest.raises(Refused):
        watching.target(way, text, SETTINGS)


def test_mail_is_refused_where_none_is_sent() -> None:
    with pytest.raises(Refused, match="sends no mail"):
        watching.target("mail", "a@x.example", Settings())


def listing(number: int, kind: str = "relay") -> Listing:
    return Listing(
        id=number,
        network=ip_network(f"192.0.2.{number}/32"),
        kind=kind,
        since=NOW,
        expires=None,
        reason=Reason.LETTER_RETURNED,
        note="",
        public="",
        run=None,
        confirmed=NOW,
        ended=None,
        end_reason=None,
    )


WATCH = Watch(
    id=1,
    token="token",
    secret="secret",
    network=ip_network("192.0.2.0/24"),
    way=WatchWay.FEED,
    target="",
    how="",
    told=0,
    since=NOW,
)


def test_a_feed_is_well_formed_whatever_the_words_are_and_the_newest_comes_first() -> None:
    text = watching.atom(WATCH, [listing(1), listing(2, 'x"<&>')], SETTINGS, NOW)
    root = ElementTree.fromstring(text)
    name = "{http://www.w3.org/2005/Atom}"
    assert root.findtext(f"{name}title") == "A <b> & list: 192.0.2.0/24"
    assert [e.findtext(f"{name}title") for e in root.findall(f"{name}entry")] == [
        '192.0.2.2/32 is listed as x"<&>',
        "192.0.2.1/32 is listed as relay",
    ]
    assert len({e.findtext(f"{name}id") for e in root.findall(f"{name}entry")}) == 2


def test_a_signature_covers_the_time_and_every_octet() -> None:
    one = watching.signature("secret", 1, b"{}")
    assert one.startswith("sha256=") and len(one) == 71
    others = [("other", 1, b"{}"), ("secret", 2, b"{}"), ("secret", 1, b"{ }")]
    assert len({one, *(watching.signature(*each) for each in others)}) == 4
