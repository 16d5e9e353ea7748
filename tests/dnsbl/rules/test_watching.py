"""What may be watched, and how it is told."""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from xml.etree import ElementTree

import pytest

from dnsbl.errors import Refused
from dnsbl.model import Listing, Watch
from dnsbl.rules import watching
from dnsbl.settings import Settings
from dnsbl.vocabulary import Reason, Refusal, WatchWay

MAIL = {"smarthost": "mail.list.example", "sender": "relays@list.example"}
SETTINGS = Settings.model_validate({"notices": MAIL, "service": {"name": "A <b> & list"}})
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["192.0.2.0/24", "192.0.2.1", "192.0.0.0/16", "2001:db8::/32"])
def test_a_network_may_be_watched(text: str) -> None:
    assert watching.network(text, SETTINGS) == ip_network(text)


def test_blanks_around_a_network_are_nothing() -> None:
    assert watching.network(" 192.0.2.0/24\n", SETTINGS) == ip_network("192.0.2.0/24")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("192.0.0.0/15", Refusal.TOO_WIDE),
        ("0.0.0.0/0", Refusal.TOO_WIDE),
        ("2001:db8::/31", Refusal.TOO_WIDE),
        ("192.0.2.1/24", Refusal.MALFORMED_ADDRESS),
        ("nonsense", Refusal.MALFORMED_ADDRESS),
        ("", Refusal.MALFORMED_ADDRESS),
    ],
)
def test_what_is_too_wide_or_none_is_refused(text: str, refusal: Refusal) -> None:
    with pytest.raises(Refused) as error:
        watching.network(text, SETTINGS)
    assert error.value.reason is refusal


LONGEST = "https://x.example/".ljust(500, "a")


@pytest.mark.parametrize(
    ("way", "text", "found"),
    [
        ("", "anything", (WatchWay.FEED, "")),
        ("Mail", "A@X.example", (WatchWay.MAIL, "A@x.example")),
        (" feed ", "", (WatchWay.FEED, "")),
        ("webhook", "http://[2001:db8::1]:8080/", (WatchWay.WEBHOOK, "http://[2001:db8::1]:8080/")),
        ("webhook", LONGEST, (WatchWay.WEBHOOK, LONGEST)),
        ("webhook", " https://x.example/hook?a=b ", (WatchWay.WEBHOOK, "https://x.example/hook?a=b")),
    ],
)
def test_somebody_is_told_by_mail_by_his_program_or_reads(way: str, text: str, found: tuple[WatchWay, str]) -> None:
    assert watching.target(way, text, SETTINGS) == found


@pytest.mark.parametrize(
    ("way", "text", "why"),
    [
        ("mail", "nobody", "'nobody' is no mail address"),
        ("mail", "n" * 300, "'" + "n" * 79 + " is no mail address"),
        ("webhook", "", "begins with https"),
        ("webhook", "ftp://x.example/", "begins with https"),
        ("webhook", "https:///hook", "begins with https"),
        ("webhook", "https://user:secret@x.example/", "no name and password"),
        ("webhook", "https://user@x.example/", "no name and password"),
        ("webhook", "https://x.example/\r\nX: y", "begins with https"),
        ("webhook", "https://x.example/a b", "begins with https"),
        ("webhook", "https://x.example/\x7f", "begins with https"),
        ("webhook", "https://x.example/ä", "begins with https"),
        ("webhook", "http://[", "begins with https"),
        ("webhook", "//[", "begins with https"),
        ("webhook", f"{LONGEST}a", "begins with https"),
        ("pigeon", "", "by mail, webhook or feed"),
    ],
)
def test_what_is_no_target_is_refused_with_the_reason(way: str, text: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as error:
        watching.target(way, text, SETTINGS)
    assert error.value.reason is (Refusal.WRONG_KIND if way == "pigeon" else Refusal.MALFORMED_ADDRESS)


def test_mail_is_refused_where_none_is_sent() -> None:
    with pytest.raises(Refused, match="sends no mail") as error:
        watching.target("mail", "a@x.example", Settings())
    assert error.value.reason is Refusal.OFF


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


SITE = SETTINGS.model_copy(update={"web": SETTINGS.web.model_copy(update={"base_url": "https://list.example"})})


def test_people_read_a_line_a_listing() -> None:
    assert watching.rows([listing(1), listing(2, "multihop")], "https://list.example") == (
        "192.0.2.1/32  relay  since 2026-01-01 00:00 UTC  https://list.example/ip/192.0.2.1\n"
        "192.0.2.2/32  multihop  since 2026-01-01 00:00 UTC  https://list.example/ip/192.0.2.2"
    )


def test_a_program_reads_what_is_listed_why_and_where_the_watch_is_ended() -> None:
    assert json.loads(watching.body(WATCH, [listing(1)], SITE)) == {
        "service": "A <b> & list",
        "network": "192.0.2.0/24",
        "listings": [
            {
                "network": "192.0.2.1/32",
                "kind": "relay",
                "since": "2026-01-01T00:00:00Z",
                "reason": "letter-returned",
                "page": "https://list.example/ip/192.0.2.1",
            }
        ],
        "end": "https://list.example/watch/token",
    }


def test_an_entry_of_a_feed_has_an_id_that_stays_a_time_and_the_page_and_a_feed_the_time_of_its_newest() -> None:
    old = replace(listing(1), since=NOW - timedelta(days=3))
    text = watching.atom(WATCH, [replace(listing(2), since=NOW - timedelta(days=1)), old], SITE, NOW)
    root, name = ElementTree.fromstring(text), "{http://www.w3.org/2005/Atom}"
    assert root.findtext(f"{name}updated") == "2025-12-31T00:00:00Z"
    assert root.findtext(f"{name}id") == "https://list.example/watch/token"
    assert root.findtext(f"{name}author/{name}name") == "A <b> & list"
    entry = root.findall(f"{name}entry")[1]
    link = entry.find(f"{name}link")
    assert link is not None and link.get("href") == "https://list.example/ip/192.0.2.1"
    assert entry.findtext(f"{name}id") == "https://list.example/ip/192.0.2.1#1"
    assert entry.findtext(f"{name}updated") == "2025-12-29T00:00:00Z"
    assert entry.findtext(f"{name}summary") == "letter-returned"
    empty = ElementTree.fromstring(watching.atom(WATCH, [], SITE, NOW + timedelta(days=9)))
    assert empty.findtext(f"{name}updated") == "2026-01-01T00:00:00Z", "nothing has happened since it was asked for"
    assert text.endswith("</entry>\n</feed>\n") and text.count("</entry>\n<entry>") == 1


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


def test_what_bears_a_signature_is_called_what_programs_look_for() -> None:
    assert (watching.SIGNATURE, watching.TIME) == ("Dnsbl-Signature", "Dnsbl-Time")


def test_a_signature_covers_the_time_and_every_octet() -> None:
    one = watching.signature("secret", 1, b"{}")
    assert one.startswith("sha256=") and len(one) == 71
    others = [("other", 1, b"{}"), ("secret", 2, b"{}"), ("secret", 1, b"{ }")]
    assert len({one, *(watching.signature(*each) for each in others)}) == 4


def test_a_signature_is_what_any_program_computes() -> None:
    """HMAC (RFC 2104) with SHA-256 over the time in decimal, a dot, and the body, in hexadecimal."""
    expected = hmac.digest(b"secret", b"1735689600." + b'{"a": 1}', "sha256").hex()
    assert watching.signature("secret", 1735689600, b'{"a": 1}') == f"sha256={expected}"
