"""The way of a message in words: how far each machine on it is believed, why, and which may be picked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.trail import LINE, NAME, SUBJECT, Belief, Gist, gist, trail
from dnsbl.settings import Settings
from tester.received.chain import Home, trace
from tester.received.line import hops

SETTINGS = Settings.model_validate({"tester": {"source_addresses": ["8.8.4.4"]}})
DATE = "Wed, 25 Nov 2026 14:02:11 +0000"
OUTSIDE = f"Received: from mail.example.com (unknown [9.9.9.9]) by mx.example.net with ESMTPS; {DATE}\r\n"
BELOW = "Received: from [8.8.8.8] by mail.example.com; x\r\n"
INSIDE = "Received: from pc ([10.1.4.20]) by mail.example.com; x\r\n"
DELIVERY = f"Received: from mx.example.net ([9.9.9.1]) by store.example.net with LMTP; {DATE}\r\n"


def way(text: str, *, home: Home | None = None, settings: Settings = SETTINGS) -> list[tuple[int, str, Belief, bool]]:
    stations = trail(trace(hops(text.encode()), home or Home()), settings)
    return [(one.number, one.who, one.belief, one.possible) for one in stations]


def test_ones_own_server_comes_first_then_who_handed_the_message_in_then_what_strangers_say() -> None:
    assert way(OUTSIDE + BELOW + INSIDE) == [
        (0, "mx.example.net", Belief.OWN, False),
        (1, "9.9.9.9", Belief.SURE, True),
        (2, "8.8.8.8", Belief.CLAIMED, True),
        (3, "10.1.4.20", Belief.NOTHING, False),
    ]


def test_what_is_handed_on_inside_is_ones_own() -> None:
    assert way(DELIVERY + OUTSIDE)[:3] == [
        (0, "store.example.net", Belief.OWN, False),
        (1, "9.9.9.1", Belief.OWN, False),
        (2, "9.9.9.9", Belief.SURE, True),
    ]
    assert way(OUTSIDE + BELOW, home=Home(names=("mail.example.com",)))[1][2] is Belief.SURE, "a claim passes no line"


def test_a_hop_that_may_be_inside_is_doubtful_and_says_why() -> None:
    doubtful = OUTSIDE.replace("mail.example.com (unknown ", "mx.example.net (mx.example.net ").replace(
        "by mx.example.net", "by store.example.net"
    ) + BELOW.replace("by mail.example.com", "by mx.example.net")
    stations = trail(trace(hops(doubtful.encode())), SETTINGS)
    assert stations[1].belief is Belief.DOUBTFUL and "share a domain" in stations[1].told
    assert (stations[1].tag, str(stations[1].belief)) == ("not sure: it may only have passed it on", "doubtful")
    assert stations[2].tag == "not sure: said by 9.9.9.9"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (OUTSIDE.replace("9.9.9.9", "203.0.113.9"), "203.0.113.9 cannot be tested"),
        (OUTSIDE.replace("9.9.9.9", "8.8.4.4"), "one of our own testers"),
        (OUTSIDE.replace("9.9.9.9", "IPv6:2001:db8::1"), "2001:db8::1 cannot be tested"),
        (OUTSIDE.replace("(unknown [9.9.9.9])", ""), "names no address"),
    ],
)
def test_what_cannot_be_tested_cannot_be_picked_and_says_why(line: str, why: str) -> None:
    station = trail(trace(hops(line.encode())), SETTINGS)[1]
    assert (station.belief, station.possible, station.tag) == (Belief.NOTHING, False, "cannot be tested")
    assert why in station.told


def words(*lines: str) -> list[str]:
    """Who each station is, how far it is believed, in a word and in few, and what is told of it."""
    chain = hops("".join(f"Received: {line}; x\r\n" for line in lines).encode())
    return [f"{one.number} {one.who}: {one.belief}, {one.tag}. {one.told}" for one in trail(trace(chain), SETTINGS)]


OWN = "own, trusted: your own system. It wrote the topmost line, and the message lay in your mailbox there."


def test_each_machine_is_told_in_words_by_what_its_line_says_and_who_has_written_that() -> None:
    assert words(
        "from here (here [9.9.9.1]) by store with LMTP",
        "from mail.example.com (unknown [9.9.9.9]) by mx.example.net",
        "from ([8.8.8.8]) by y",
        "from mail.pc (HELO pc) by x with SMTP",
        "from pc (pc.example [8.8.8.9]) by x",
        "by x with SMTP",
        "from a ([10.0.0.1])",
    ) == [
        f"0 store: {OWN}",
        "1 9.9.9.1: own, trusted: inside your own system. Passed: LMTP, inside one system.",
        "2 9.9.9.9: sure, sure: your server saw it. "
        "It handed the message to mx.example.net, and called itself mail.example.com.",
        "3 8.8.8.8: claimed, not sure: said by 9.9.9.9. "
        "True only if 9.9.9.9 is yours, or tells the truth: such lines can be forged.",
        "4 mail.pc: nothing, cannot be tested. Said by 8.8.8.8; it names no address that can be reached.",
        "5 8.8.8.9: claimed, not sure: said by mail.pc. "
        "True only if mail.pc is yours, or tells the truth: such lines can be forged.",
        "6 an unnamed machine: nothing, cannot be tested. Said by 8.8.8.9; it names no address that can be reached.",
        "7 10.0.0.1: nothing, cannot be tested. Said by an unnamed machine; it names no address that can be reached.",
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("from a (a [9.9.9.9]) by mx", "It handed the message to mx."),
        ("from ([9.9.9.9]) by mx", "It handed the message to mx."),
        ("from (b [9.9.9.9]) by mx", "It handed the message to mx."),
        ("from a (b [9.9.9.9]) by mx", "It handed the message to mx, and called itself a."),
    ],
)
def test_what_a_machine_called_itself_is_told_where_that_is_not_its_name(line: str, told: str) -> None:
    assert words(line) == [f"0 mx: {OWN}", f"1 9.9.9.9: sure, sure: your server saw it. {told}"]


def test_of_ones_own_server_that_does_not_name_itself_there_is_no_station() -> None:
    [only] = words("from ([9.9.9.9]) with SMTP")
    assert only == "1 9.9.9.9: sure, sure: your server saw it. It handed the message to your server."


def test_below_a_line_that_names_no_address_what_is_claimed_is_told_and_cannot_be_picked() -> None:
    silent = ("from a.example with SMTP", "from b ([9.9.9.9]) by c", "from d by e with SMTP", "from ([10.0.0.1]) by x")
    assert words(*silent) == [
        "1 a.example: nothing, cannot be tested. This line names no address, so nothing below it can be trusted.",
        "2 9.9.9.9: claimed, not sure: said by a.example. "
        "True only if a.example is yours, or tells the truth: such lines can be forged.",
        "3 d: nothing, cannot be tested. Said by 9.9.9.9; it names no address that can be reached.",
        "4 10.0.0.1: nothing, cannot be tested. "
        "10.0.0.1 cannot be tested: private use, RFC 1918. Only public addresses are.",
    ]


def test_in_a_laboratory_its_addresses_can_be_picked() -> None:
    lab = Settings.model_validate({"tester": {"lab_networks": ["198.18.0.0/15"]}})
    assert not way(OUTSIDE.replace("9.9.9.9", "198.18.0.9"))[1][3]
    assert way(OUTSIDE.replace("9.9.9.9", "198.18.0.9"), settings=lab)[1][3]


def test_nothing_is_possible_where_no_line_tells_who_handed_it_in() -> None:
    silent = OUTSIDE.replace(" (unknown [9.9.9.9])", "") + BELOW
    assert [possible for *_, possible in way(silent)] == [False, False, False]
    assert way("") == []


def test_a_gist_tells_which_message_it_is_and_not_whose() -> None:
    text = f"{OUTSIDE}From: Shop <joe@shop.example>\r\nSubject: =?utf-8?q?Your_parc=C3=A9l?=\r\n\r\nBody"
    told = gist(text.encode())
    assert (told.subject, told.domain, told.lines, told.octets) == ("Your parcél", "shop.example", 1, len(text))
    assert told.received == datetime(2026, 11, 25, 14, 2, 11, tzinfo=UTC)
    bare = gist(b"Subject: =?utf-8?b?x?=\r\nFrom: nobody\r\n\r\n")
    assert (bare.domain, bare.received, bare.lines) == ("", None, 0)


@given(st.binary(max_size=400), st.text(max_size=300))
def test_whatever_a_message_says_is_bounded_and_in_one_line(octets: bytes, text: str) -> None:
    message = (
        f"Received: from {text} ([9.9.9.9]) by {text}; {text}\r\nSubject: {text}\r\n".encode("utf-8", "replace")
        + octets
    )
    told = gist(message)
    stations = trail(trace(hops(message)), SETTINGS)
    shown = [(told.subject, SUBJECT), (told.domain, NAME)]
    shown += [part for one in stations for part in ((one.line, LINE), (one.who, NAME))]
    assert all(len(part) <= most and part.isprintable() for part, most in shown)
    assert all(one.told.isprintable() and one.tag.isprintable() for one in stations)


def test_long_lines_and_subjects_are_cut_where_they_are_shown() -> None:
    for most, subject in ((120, "W" * 120), (121, "W" * 119 + "…"), (5000, "W" * 119 + "…")):
        assert gist(b"Subject: " + b"W" * most + b"\r\n\r\n").subject == subject
    assert gist(b"From: x@" + b"d" * 200 + b"\r\n\r\n").domain == "d" * 99 + "…"
    own, first = trail(trace(hops(f"Received: from a ([9.9.9.9]) by b; {'x' * 500}\r\n".encode())), SETTINGS)
    assert (own.line, len(first.line)) == ("", 400)


def test_of_a_message_that_says_nothing_there_is_nothing_to_tell() -> None:
    assert gist(b"") == Gist(subject="", domain="", received=None, lines=0, octets=0)
