"""Received chains in the dialects of the mail world, honest and forged."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tester.received.chain import candidate, mentions, trace
from tester.received.line import Hop, hops


def message(*received: str) -> bytes:
    return "".join(f"Received: {each}\r\n" for each in received).encode("latin-1") + b"Subject: hello\r\n\r\nBody\r\n"


def hop(text: str) -> Hop:
    (only,) = hops(message(text))
    return only


NAT_SAMPLE = message(
    "from mail.example.net (mail.example.net [203.0.113.243])\r\n\tby trap.example.org (Postfix) with ESMTP id 4F2;"
    "\r\n\tThu, 20 Dec 2012 10:11:12 +0000 (UTC)",
    "from PC-20121219NMRW ([10.0.0.26] RDNS failed) by mail.example.net with Microsoft SMTPSVC(6.0.3790.4675);"
    "\r\n Thu, 20 Dec 2012 19:11:10 +0900",
)
APPLIANCE_SAMPLE = message(
    "from mail.example.com (mail.example.com [198.51.100.204])\r\n\tby trap.example.org (Postfix) with ESMTP id 5A;"
    "\r\n\tThu, 20 Dec 2012 10:11:12 +0000 (UTC)",
    "from unknown (HELO EROS.example.com) ([192.168.0.50])\r\n  by mail.example.com with SMTP; 20 Dec 2012 18:11:11",
    "from PC-20121219KUBO ([124.42.13.230]) by EROS.example.com with Microsoft SMTPSVC(6.0.3790.4675);"
    "\r\n Thu, 20 Dec 2012 18:11:10 +0800",
)


def test_behind_a_nat_only_the_mail_server_is_known():
    chain = hops(NAT_SAMPLE)
    assert candidate(chain) == ip_address("203.0.113.243")
    assert [str(each.address) for each in chain] == ["203.0.113.243", "10.0.0.26"]
    assert [each.by for each in chain] == ["trap.example.org", "mail.example.net"]
    assert [each.helo for each in chain] == ["mail.example.net", "PC-20121219NMRW"]
    assert [each.protocol for each in chain] == ["ESMTP", "Microsoft SMTPSVC"]


def test_behind_an_appliance_only_the_mail_server_is_known():
    chain = hops(APPLIANCE_SAMPLE)
    assert candidate(chain) == ip_address("198.51.100.204")
    assert [str(each.address) for each in chain] == ["198.51.100.204", "192.168.0.50", "124.42.13.230"]
    assert chain[1].helo == "EROS.example.com"
    assert mentions(chain, ip_address("124.42.13.230"))


@pytest.mark.parametrize(
    ("text", "address", "helo"),
    [
        ("from a.example (b.example [203.0.113.9]) by mx (Postfix) with ESMTP id 1", "203.0.113.9", "a.example"),
        ("from a (unknown [IPv6:2001:db8::9]) by mx (Postfix) with ESMTPS id 1", "2001:db8::9", "a"),
        ("from [10.0.0.1] (unknown [203.0.113.9]) by mx (Postfix) with SMTP id 1", "203.0.113.9", "[10.0.0.1]"),
        ('from a (b [203.0.113.9]) (using TLSv1.2 (256/256 bits)) (Client CN "[10.9.9.9]") by mx', "203.0.113.9", "a"),
        ("from a (b [203.0.113.9] (may be forged)) by mx (8.17.1/8.17.1) with ESMTP id 1", "203.0.113.9", "a"),
        ("from a ([10.6.6.6]@b [203.0.113.9]) by mx (8.9.3/8.9.3) with ESMTP id 1", "203.0.113.9", "a"),
        ("from [203.0.113.9] (helo=a.example) by mx with esmtp (Exim 4.96) id 1", "203.0.113.9", "a.example"),
        ("from b ([203.0.113.9]:4711 helo=[10.6.6.6]) by mx with esmtp (Exim 4.96)", "203.0.113.9", "[10.6.6.6]"),
        ("from [203.0.113.9] (port=9 helo=[10.6.6.6] ident=[10.6.6.7]) by mx with esmtp", "203.0.113.9", "[10.6.6.6]"),
        ("from b ([203.0.113.9]) by mx with esmtp (Exim 4.96)", "203.0.113.9", "b"),
        ("from unknown (HELO a.example) (203.0.113.9) by mx with SMTP; 1 Jan", "203.0.113.9", "a.example"),
        ("from unknown (HELO [10.6.6.6]) (user@203.0.113.9) by mx with SMTP; 1 Jan", "203.0.113.9", "[10.6.6.6]"),
        (
            "from EX1.a.example (203.0.113.9) by EX2.a.example (10.1.1.1) with Microsoft SMTP",
            "203.0.113.9",
            "EX1.a.example",
        ),
        ("from EX1 (2001:db8:10a6::9) by EX2 (2001:db8::2) with Microsoft SMTP Server", "2001:db8:10a6::9", "EX1"),
        ("from EX1 ([fe80::9%15]) by EX2 ([fe80::2%15]) with mapi id 15.20.1", "fe80::9", "EX1"),
        ("from a ([::ffff:203.0.113.9]) by mx with SMTP", "203.0.113.9", "a"),
        ("from ([203.0.113.9]) by mx with SMTP", "203.0.113.9", ""),
        ("from [203.0.113.9] by mx via HTTP", "203.0.113.9", "[203.0.113.9]"),
        ("from [IPv6:2001:db8::9] by mx with LMTP", "2001:db8::9", "[IPv6:2001:db8::9]"),
        ("from 203.0.113.9 (SquirrelMail authenticated user x) by mx with HTTP", "203.0.113.9", "203.0.113.9"),
        ("from by (rdns [203.0.113.9]) by mx with SMTP", "203.0.113.9", "by"),
        ("from a (unknown host [203.0.113.9]) by mx with SMTP", "203.0.113.9", "a"),
        ("from a (host b.example [203.0.113.9]) by mx with SMTP", "203.0.113.9", "a"),
        ("from a (IP: 203.0.113.9) by mx with SMTP", "203.0.113.9", "a"),
        ("from a (host) by mx with SMTP", None, "a"),
        ("FROM a (b [203.0.113.9]) BY mx WITH SMTP", "203.0.113.9", "a"),
        ("from a (b \\( [203.0.113.9]) by mx with SMTP", "203.0.113.9", "a"),
        ("from a (b [999.0.113.9]) ([203.0.113.9]) by mx", "203.0.113.9", "a"),
        ("from a (b [203.0.113.9] by mx", "203.0.113.9", "a"),
        ("from a) by mx with SMTP", None, "a)"),
        ("from a (b [999.0.113.9]) by mx with SMTP", None, "a"),
        ("from a.example by mx.example with ESMTP", None, "a.example"),
        ("by mx.example (Postfix, from userid 0) id 1", None, ""),
        ("(qmail 4711 invoked from network); 1 Jan 2024 00:00:00 -0000", None, ""),
        ("from", None, ""),
        ("", None, ""),
        ("from 203.0.113.9:4711 by mx", "203.0.113.9", "203.0.113.9:4711"),
        ("from [IPV6:2001:DB8::9] by mx", "2001:db8::9", "[IPV6:2001:DB8::9]"),
        ("from EX1 (fe80::9%15) by EX2", "fe80::9", "EX1"),
        ("from a.example [203.0.113.9] by mx", "203.0.113.9", "a.example"),
        ("from a.example[203.0.113.9] by mx", "203.0.113.9", "a.example"),
        ("from a.example[2001:db8::9] by mx", "2001:db8::9", "a.example"),
        ("from a (b.example[203.0.113.9] [198.51.100.1]) by mx", "203.0.113.9", "a"),
        ("from a (b.example [203.0.113.9] for y@z) by mx", "203.0.113.9", "a"),
        ("from a (IDENT:y at [198.51.100.1] y@b.example [203.0.113.9]) by mx", "203.0.113.9", "a"),
        ("from a (IDENT:y@h [198.51.100.1] y@b.example [203.0.113.9]) by mx", "203.0.113.9", "a"),
        ("from x (HELO a.example more) ([203.0.113.9]) by mx", "203.0.113.9", "a.example"),
        ("from a (HELO) ([203.0.113.9]) by mx", "203.0.113.9", "a"),
        # claims, wherever they stand
        ("from helo [198.51.100.1] by mx", None, "helo"),
        ("from helo=x[198.51.100.1] by mx", None, "helo=x[198.51.100.1]"),
        ("from u@b[198.51.100.1] by mx", None, "u@b[198.51.100.1]"),
        ("from a (user=u@[198.51.100.1]) ([203.0.113.9]) by mx", "203.0.113.9", "a"),
        ("from a (<u@b.example> [198.51.100.1]) ([203.0.113.9]) by mx", "203.0.113.9", "a"),
        ("from a (account:@[198.51.100.1]) ([203.0.113.9]) by mx", "203.0.113.9", "a"),
        ("from a (host b.example ip [198.51.100.1]) ([203.0.113.9]) by mx", "203.0.113.9", "a"),
        ("from a ((b [198.51.100.1]", None, "a"),
    ],
)
def test_the_from_address_is_found_in_every_dialect(text: str, address: str | None, helo: str):
    read = hop(text)
    assert (read.address, read.helo) == (ip_address(address) if address else None, helo)


def test_a_by_clause_never_lends_its_address():
    assert hop("from a by mx ([203.0.113.9]) with SMTP").address is None


def test_the_other_clauses_are_read():
    read = hop("from a (b [203.0.113.9]) by mx.example (Postfix) with ESMTPSA id 7 for <x@y>; Mon, 1 Jan 2024")
    assert (read.by, read.protocol) == ("mx.example", "ESMTPSA")
    assert hop("by mx.example with SMTP id 7; x").by == "mx.example"


def test_what_is_said_is_escaped():
    read = hop("from a\x1b[31m\xe9 (b [203.0.113.9]) by m\x07x with S\xffP")
    assert (read.helo, read.by, read.protocol) == ("a\\x1b[31m\\xe9", "m\\x07x", "S\\xffP")
    assert read.raw.isascii() and read.raw.isprintable()


def test_no_other_field_passes_for_a_received_line():
    assert hops(b"xReceived: from a ([203.0.113.9]) by mx\r\n\r\n") == ()
    assert hops(b"X-Received: from a ([203.0.113.9]) by mx\r\n\r\n") == ()
    assert len(hops(b"\r\n\n\rReceived: from a ([203.0.113.9]) by mx\r\n\r\n")) == 1


def test_hops_are_counted_and_the_newest_come_first():
    raw = message(*(f"from a{n} ([203.0.113.{n}]) by mx" for n in range(1, 100)))
    assert len(hops(raw)) == 50
    assert [str(each.address) for each in hops(raw, most=2)] == ["203.0.113.1", "203.0.113.2"]


@pytest.mark.parametrize(
    ("text", "name", "looked"),
    [
        ("from a (b.example. [203.0.113.9]) by mx", "b.example", True),
        ("from a (unknown [203.0.113.9]) by mx", "", True),
        ("from a (<unknown> [203.0.113.9]) by mx", "", True),
        ("from a (x@b.example [203.0.113.9]) by mx", "b.example", True),
        ("from a (b.example[203.0.113.9]) by mx", "b.example", True),
        ("from b.example (HELO a) (203.0.113.9) by mx", "b.example", True),
        ("from unknown (HELO a) (203.0.113.9) by mx", "", True),
        ("from b.example ([203.0.113.9] helo=a) by mx", "b.example", True),
        ("from [203.0.113.9] (helo=a) by mx", "", False),
        ("from a ([203.0.113.9]) by mx", "", False),
        ("from a [203.0.113.9] by mx", "", False),
        ("from a (y@[203.0.113.9]) by mx", "", False),
        ("from (HELO a) ([203.0.113.9]) by mx", "", False),
        ("from b.example (HELO a) (c.example [203.0.113.9]) by mx", "c.example", True),
        ("from a (IDENT:y at x y@b.example [203.0.113.9]) by mx", "b.example", True),
        ("from a (b.box, [203.0.113.9]) by mx", "b.box", True),
        ("from a (unknownx [203.0.113.9]) by mx", "unknownx", True),
        *(
            (f"from a ({word} [203.0.113.9]) by mx", "", True)
            for word in (
                *("UNKNOWN", "UnknownHost", "unverified", "UnverifiedHost", "NXDOMAIN", "noname"),
                *("no-reverse-dns", "unknown.", "<unknown>"),
            )
        ),
    ],
)
def test_a_name_that_the_server_found_is_told_from_what_the_client_said(text: str, name: str, looked: bool):
    assert (hop(text).name, hop(text).looked) == (name, looked)


def test_a_server_tells_of_its_own_addresses():
    read = hop("from a ([203.0.113.9]) by mx [198.51.100.1] (mx [198.51.100.2]) (port 25) with SMTP")
    assert [str(each) for each in read.by_addresses] == ["198.51.100.1", "198.51.100.2"]
    (own,) = hop("by 2002:a05:: with SMTP").by_addresses
    assert own == ip_address("2002:a05::")


def test_remarks_recipient_and_via_are_kept():
    read = hop("from a by mx (Postfix) via tcp (x) with ESMTP (y z) id 1 for <me@mysite.example>; d")
    assert (read.remarks, read.via, read.recipient) == ("Postfix y z x", "tcp", "me@mysite.example")
    assert hop("from a by mx for <xenia@mysite.box>").recipient == "xenia@mysite.box"
    assert hop("from a by mx for (x); d").recipient == hop("from a by mx").recipient == ""
    assert hop("from a").by == ""


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("from a by mx", True),
        ("from", True),
        ("by mx with SMTP", False),
        ("(qmail 1 invoked by uid 0)", False),
        ("mail.example 203.0.113.9 mx", True),
        ("mail.example by mx", False),
        ("", False),
    ],
)
def test_a_line_that_tells_of_no_client_is_told_from_one_that_nobody_can_read(text: str, client: bool):
    assert hop(text).client is client


PIECES = [
    b"Received: ",
    b"from ",
    b"by ",
    b"with ",
    b"(",
    b")",
    b"[",
    b"]",
    b'"',
    b"[10.0.0.1]",
    b"203.0.113.9",
    b"a@b",
    b"IDENT:",
    b"HELO ",
    b"helo=",
    b"\\",
    b"\r\n",
    b"\n ",
    b"\r",
    b";",
    b"\xff",
    b"IPv6:",
    b"::1",
    b"%",
    b" ",
]
HOSTILE = st.binary(max_size=2000) | st.lists(st.sampled_from(PIECES), max_size=200).map(b"".join)


@settings(deadline=None)  # a busy machine is no fault
@given(HOSTILE)
def test_whatever_comes_it_is_read_without_complaint(raw: bytes):
    chain = hops(raw)
    assert len(chain) <= 50
    assert all(
        text.isascii() and text.isprintable()
        for each in chain
        for text in (each.helo, each.name, each.by, each.protocol, each.via, each.remarks, each.recipient, each.raw)
    )
    found = trace(chain)
    assert len(found.steps) == len(chain)
    assert (found.used is None) <= (not found.possible)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=300).filter(lambda said: " by " not in said.lower()))
def test_whatever_a_client_calls_itself_its_address_is_what_the_server_saw(said: str):
    # as Exim writes it, behind the address, and with the parentheses that no server lets through taken out
    said = "".join(c for c in said if c not in "()\\\r\n\x85")
    assert hop(f"from b.example ([203.0.113.9] helo={said}) by mx.example with esmtp").address == ip_address(
        "203.0.113.9"
    )


@pytest.mark.parametrize(
    "piece",
    [
        *PIECES,
        b"((",
        b"()",
        b"(a",
        b'"a',
        b'\\"',
        b"[1",
        b"a ",
        b"a@",
        b"(a [",
        b"a.",
        b"x=",
        b"-daemon",
        b'" (',
        b"\\(",
        b'"\\',
    ],
)
def test_no_field_takes_more_than_ten_milliseconds(piece: bytes):
    for start in (b"", b"from ", b"from a (", b'from "', b"from a by b with ", b"from a ([203.0.113.9] "):
        raw = (
            b"Received: " + start + piece.replace(b"\r", b" ").replace(b"\n", b" ") * (4096 // len(piece)) + b"\r\n\r\n"
        )
        spent, tracer = [], sys.gettrace()
        sys.settrace(None)  # it makes it slower
        try:
            for _ in range(3):
                begun = process_time()
                trace(hops(raw))
                spent.append(process_time() - begun)
        finally:
            sys.settrace(tracer)
        assert min(spent) < 0.01


def test_programs_name_themselves_by_the_first_word_of_a_remark() -> None:
    read = hop("from a ([203.0.113.9]) by mx (Exim 4.96) with smtp () (envelope-from <fetchmail@x>) via tcp (y z)")
    assert read.programs == "Exim envelope-from y"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("from a ([203.0.113.9]) by mx", False),
        ("from a ([203.0.113.9]) (203.0.113.9) by mx", False),
        ("from a (203.0.113.9 [203.0.113.9]) by mx", False),
        ("from 198.51.100.1 ([203.0.113.9]) by mx", False),
        ("from 127.0.0.1 (EHLO a) (203.0.113.9) by mx", False),
        ("from 203.0.113.9 (EHLO a) (203.0.113.9) by mx", False),
        ("from by ([203.0.113.9]) by mx", False),
        ("from a by mx ([203.0.113.9]) with ESMTP", False),
        ("from a ([203.0.113.9]) by mx (fc) transferred by mx", False),
        ("by mx with LMTP ([203.0.113.9])", False),
        ("from a ([198.51.100.1]) ([203.0.113.9]) by mx", True),
        ("from 198.51.100.1 (EHLO a) (203.0.113.9) by mx", True),
        ("from a ([198.51.100.1]) [203.0.113.9] by mx", True),
        ("from a [198.51.100.1] [203.0.113.9] by mx", True),
        ("from a with LMTP ([203.0.113.9]) by mx", True),
        ("from a with LMTP [203.0.113.9] by mx", True),
        ("from a ([198.51.100.1]) by b ([203.0.113.9]) by mx", True),
        ("from a ([198.51.100.1]) by b [203.0.113.9] by mx", True),
    ],
)
def test_a_line_that_its_client_has_broken_up_names_nobody(text: str, broken: bool) -> None:
    read = hop(text)
    assert read.broken is broken
    assert not broken or read.address is None
