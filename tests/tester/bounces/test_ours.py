"""Our phrase is found again whatever has happened to it, and only there."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.bounces.ours import COLLECTOR, Ours, quoted, quoted_as_reply, refusal

SAID = b"550 5.1.1 no such recipient at this relay-test collector"
WAYS = {
    "as said": SAID,
    "upper case": SAID.upper(),
    "wrapped": b"550 5.1.1 no such recipient at this relay-test\r\n collector",
    "wrapped at the hyphen": b"550 no such recipient at this relay-\n    test collector",
    "wrapped within a word": b"550 no such recipient at this relay-test coll\n ector",
    "quoted": b"> > 550 no such recipient at this relay-test\n> > collector",
    "starred": b"550 *relay-test* *collector*",
    "xtext": b"550+205.1.1+20relay-test+20collector",
    "utf-8 xtext": b"550\\x{20}relay-test\\x{20}collector",
    "longer utf-8 xtext": b"550 relay\\x{2D}test\\x{000020}collector",
    "quoted-printable": quopri.encodestring(SAID, quotetabs=True),
    "quoted-printable, all of it": "".join(f"={octet:02X}" for octet in SAID).encode(),
    "URL": b"550%20relay-test%20collector",
    "Q word": b"=?utf-8?Q?550_relay-test_collector?=",
    "B word that is a Q word": b"=?utf-8?B?550_relay-test_collector?=",
    "behind an equals sign": b"reply=550 relay-test collector",
    "behind an equals sign, in HTML": b"<p>reply=550 <b>relay-test</b> collector",
    "URL, in HTML": b"<p>550%20relay-test%20<b>collector</b>",
    "tags alone": b"550 <b>relay-test</b> <i>collector</i>",
    "entities alone": b"550 relay&#45;test&#x20;collector",
    "B word": b"=?utf-8?B?" + base64.b64encode(SAID) + b"?=",
    "two words": b"=?utf-8?q?550_relay-te?= =?us-ascii?b?" + base64.b64encode(b"st collector") + b"?=",
    "HTML": b"550 <b>relay-test</b>&nbsp;<i>collector</i>",
    "HTML entities": b"550 relay&#45;test&#x20;collec<wbr>tor",
    "soft hyphen": "550 relay\u2011test\u00a0collector".encode(),
    "UTF-16": SAID.decode().encode("utf-16"),
    "UTF-32": SAID.decode().encode("utf-32"),
    "ISO-2022-JP": "配信エラー 550 relay-test collector".encode("iso-2022-jp"),
    "without its blank": b"550 relay-testcollector",
    "without its hyphen": b"550 ESMTP relay test collector",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_phrase_is_found_however_it_is_written(way: str) -> None:
    assert quoted([b"x", WAYS[way]])
    if way not in ("quoted-printable, all of it",):
        assert quoted_as_reply([b"x", WAYS[way]])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"550 relaying denied",
        b"our collector took part in a relay test",
        b"https://relay-test-collector.example.org/",
        b"mx.relay-test.collector.example",
        b"relay-test",
        b"collector",
    ],
)
def test_nothing_else_is_the_phrase(text: bytes) -> None:
    assert not quoted([text])
    assert not quoted_as_reply([text])


def test_speaking_of_us_is_no_reply_of_ours() -> None:
    text = b"Who runs your relay-test collector?"
    assert quoted([text])
    assert not quoted_as_reply([text])


@pytest.mark.parametrize(
    ("reply", "sent"),
    [
        ("250 2.0.0 received", "250 2.0.0 received"),
        ("250-SIZE 5", "250-SIZE 5"),
        ("354 End data", "354 End data"),
        ("550 5.1.1 not at this relay-test collector", "550 5.1.1 not at this relay-test collector"),
        ("500 Error: bad syntax", "500 relay-test collector: Error: bad syntax"),
        ("421 4.7.0 NOOP sent too many times", "421 4.7.0 relay-test collector: NOOP sent too many times"),
        ("554-Command refused", "554-relay-test collector: Command refused"),
    ],
)
def test_every_refusal_carries_the_phrase_behind_its_codes(reply: str, sent: str) -> None:
    assert refusal(reply) == sent


@pytest.mark.parametrize(
    "reply", ["250 ", "250 relay-test collector ", "550 ", f"550 {COLLECTOR}", f"550 {'x' * 600} {COLLECTOR} "]
)
def test_no_reply_is_longer_than_a_reply_may_be_and_a_refusal_bears_the_phrase_in_what_is_left(reply: str) -> None:
    sent = refusal(reply + "y" * 1000)
    assert len(sent) == 500
    assert (COLLECTOR in sent) == (reply[0] == "5" or COLLECTOR in reply)


@given(st.integers(400, 559), st.text(max_size=2000))
def test_no_cut_takes_the_phrase_away(code: int, text: str) -> None:
    sent = refusal(f"{code} {text}")
    assert COLLECTOR in sent
    assert len(sent) <= 500
    assert refusal(sent) == sent


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_phrase_is_found_between_any_neighbours(before: bytes, after: bytes) -> None:
    assert quoted([before + b"\n" + SAID + b"\n" + after])


@given(st.binary(max_size=500))
def test_whatever_comes_is_searched_without_complaint(text: bytes) -> None:
    quoted([text])


def test_without_marks_nothing_names_our_collector() -> None:
    assert not Ours(names={"mx.c.example"}).marked("host mx.c.example said 550")
    assert not Ours(names={"mx.c.example"}).marked("not there (no) 550.")
    us = Ours(names=(), marks={"mx.c.example", "2001:db8::25"})
    assert us.marked("connect to [2001:db8::25]:25: refused")
    assert us.marked("host mx.c.example said 550")
    assert not us.marked("host mx.other.example said 550.")
