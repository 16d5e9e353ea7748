"""MAIL and RCPT as strangers write them, and whose recipients are ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import LETTER, RING, new

from tester.envelopes import MailPath, Recipients
from tester.letter import Keyring, gate

TOKEN = LETTER.recipient
OURS = Recipients({"C.example", "b.example.org", "[192.0.2.25]", "#3221226009"}, lambda token: gate(RING, token))


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<a@b.example>", "a@b.example"),
        ("FROM:<>", ""),
        ("from:<A@b.example> SIZE=5 BODY=8BITMIME", "A@b.example"),
        ("FROM: <a@b.example>", "a@b.example"),
        ("FROM:\t <a@b.example>", "a@b.example"),
        ("FROM : <a@b.example>", "a@b.example"),
        ("FROM <a@b.example>", "a@b.example"),
        ("FROM<a@b.example>", "a@b.example"),
        ("FROM:< a@b.example >", "a@b.example"),
        ("FROM:a@b.example", "a@b.example"),
        ("FROM: a@b.example SIZE=5", "a@b.example"),
        ("FROM:a@b.example>", "a@b.example"),
        ("FROM:<a@b.example", "a@b.example"),
        ("FROM:<@x.example,@y.example:a@b.example>", "a@b.example"),
        ("FROM:@x.example:a@b.example", "a@b.example"),
        ('FROM:<"a > b"@c.example>', '"a > b"@c.example'),
        ('FROM:"a b"@c.example', '"a b"@c.example'),
        ("FROM:MAILER-DAEMON", "MAILER-DAEMON"),
        ("FROM:<é@b.example>", "\\xc3\\xa9@b.example"),
        ("FROM\t<a@b.example>", "a@b.example"),
        ("FROM:<a@b.example> X\nY", "a@b.example"),
        ("FROM:a@b.example X\nY", "a@b.example"),
    ],
)
def test_a_path_is_read_however_it_is_written(argument: str, address: str) -> None:
    path = MailPath.read("FROM", argument)
    assert path is not None
    assert path.address == address
    assert path.raw == argument.encode()


@pytest.mark.parametrize(
    "argument",
    [
        None,
        "",
        "FROM",
        "FROM:",
        "FROM:  ",
        "FROM:<",
        'FROM:<"',
        'FROM:"',
        "TO:<a@b>",
        "FROMAGE:<a@b>",
        "FROMa@b",
        "RCPT:<a@b>",
        "FROM:a b@c d",
    ],
)
def test_what_is_no_path_is_none(argument: str | None) -> None:
    read = MailPath.read("FROM", argument)
    assert read is None or (argument == "FROM:a b@c d" and read.address == "a")


def test_the_parts_of_a_path() -> None:
    path = MailPath.read("TO", 'TO:<"R-1"@C.Example.> SIZE=77 X=SIZE=9')
    assert path is not None
    assert (path.local, path.domain, path.size) == ("r-1", "c.example", 77)
    plain, sized = MailPath.read("TO", "TO:<a@b.Box.>"), MailPath.read("TO", "TO:<a@b.box> size=77")
    assert plain is not None
    assert sized is not None
    assert (plain.domain, plain.size, sized.size) == ("b.box", 0, 77)


def test_octets_beyond_ascii_are_kept_as_they_came() -> None:
    path = MailPath.read("FROM", b"FROM:<\xe9@b.example>".decode("utf-8", "surrogateescape"))
    assert path is not None
    assert (path.raw, path.address) == (b"FROM:<\xe9@b.example>", "\\xe9@b.example")


@pytest.mark.parametrize(
    "recipient",
    [
        f"<{TOKEN}@c.example>",
        f"{TOKEN}@c.example",
        f"<{TOKEN.upper()}@C.EXAMPLE.>",
        f'<"{TOKEN}"@c.example>',
        f"<@relay.example:{TOKEN}@c.example>",
        f"<{TOKEN}@[192.0.2.25]>",
        f"<{TOKEN}@#3221226009>",
        f"<{LETTER.sender}@b.example.org>",
        # the very form that the relay was offered
        f"<{TOKEN}%c.example@relay.example>",
        f"<{TOKEN}%c.example>",
        f"<{LETTER.sender}%b.example.org@relay.example>",
        f'<"{TOKEN}@c.example">',
        f'<"{TOKEN}@c.example"@relay.example>',
        f'<"{TOKEN}%c.example"@[198.51.100.1]>',
        f"<{TOKEN}@c.example@relay.example>",
        f"<c.example!{TOKEN}>",
        f"<c.example!{TOKEN}@relay.example>",
        f"<relay.example!c.example!{TOKEN}>",
        f"<IMCEASMTP-{TOKEN}+40c+2Eexample@relay.example>",
        f'<"IMCEA {TOKEN}@c.example"@relay.example>',
        f'<"x@b.example.org, {TOKEN}@c.example"@relay.example>',
        f"<@relay.example:{TOKEN}%c.example@relay.example>",
        f'<"{TOKEN}"@c.example@relay.example>',
    ],
)
def test_a_letter_is_ours_in_whatever_form_it_is_handed_on(recipient: str) -> None:
    path = MailPath.read("TO", f"TO:{recipient}")
    assert path is not None
    assert OURS.find(path).lower() == (LETTER.sender if LETTER.sender in recipient else TOKEN)


@pytest.mark.parametrize(
    "recipient",
    [
        f"<{TOKEN}@elsewhere.example>",
        f"<{TOKEN}@xc.example>",
        f"<{TOKEN}@c.example.net>",
        f"<{TOKEN}%c.example.net@relay.example>",
        f"<{TOKEN}%elsewhere.example@c.example>",
        f"<elsewhere.example!{TOKEN}@c.example>",
        f"<{TOKEN}@c.example%elsewhere.example@relay.example>",
        f"<xc.example!{TOKEN}>",
        f"<x{TOKEN}@c.example>",
        f"<{TOKEN[:-17]}{'a' * 17}@c.example>",
        f"<{new(Keyring.generate(lambda size: b'x' * size, 0)).recipient}@c.example>",
        "<root@c.example>",
        f"<{TOKEN}>",
        f"<{TOKEN}@localhost>",
        f"<{TOKEN}@x.x>",
        "<>",
        "<abuse>",
        "<postmaster@elsewhere.example>",
    ],
)
def test_nothing_else_is_ours(recipient: str) -> None:
    path = MailPath.read("TO", f"TO:{recipient}")
    assert path is not None
    assert OURS.find(path) == ""


@pytest.mark.parametrize("recipient", ["<postmaster>", "<Postmaster@c.example>", "<ABUSE@b.example.org>", "postmaster"])
def test_people_reach_us(recipient: str) -> None:
    path = MailPath.read("TO", f"TO:{recipient}")
    assert path is not None
    assert OURS.find(path) in ("postmaster", "abuse")


PIECES = [
    TOKEN,
    "@",
    "c.example",
    "%",
    "!",
    "<",
    ">",
    '"',
    "\\",
    ":",
    ",",
    " ",
    "[192.0.2.25]",
    "+40",
    "+2e",
    "é",
    "\0",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=60))
def test_whatever_is_named_is_read_without_complaint(text: str) -> None:
    path = MailPath.read("TO", f"TO:{text}")
    if path is not None:
        assert path.address.isascii()
        assert OURS.find(path) in ("", TOKEN, "postmaster", "abuse")


@pytest.mark.parametrize(
    ("recipient", "token"),
    [
        (f"<{TOKEN}@t1.m.example>", TOKEN),
        (f"<{TOKEN}@T1.M.Example.>", TOKEN),
        (f"<{TOKEN}@m.example>", ""),
        (f"<{TOKEN}@x.t1.m.example>", ""),
        (f"<{TOKEN}@.m.example>", ""),
        (f"<{TOKEN}@t1.m.example.net>", ""),
        (f"<{TOKEN}@tm.example>", ""),
    ],
)
def test_every_name_of_a_test_is_ours_and_nothing_above_or_below_it(recipient: str, token: str) -> None:
    path = MailPath.read("TO", f"TO:{recipient}")
    assert path is not None
    assert Recipients(["c.example"], lambda one: one == TOKEN, "m.example").find(path) == token
    assert Recipients(["c.example"], lambda one: one == TOKEN).find(path) == ""


def test_without_a_name_above_them_no_other_domains_are_ours() -> None:
    assert [name for name in ("x.", "x.x", "x", "", "c.example") if OURS.has(name)] == ["c.example"]


def test_a_door_is_heard_at_its_very_address_alone() -> None:
    ours = Recipients(["c.example", "mx.example"], lambda one: False, doors=["remove@mx.example"])
    for said, found in (
        ("TO:<remove@mx.example>", "remove"),
        ("TO:<Remove@MX.example>", "remove"),
        ("TO:<remove@c.example>", ""),
        ("TO:<remove@other.example>", ""),
        ("TO:<x.remove@mx.example>", ""),
        ("TO:<postmaster@mx.example>", "postmaster"),
    ):
        path = MailPath.read("TO", said)
        assert path is not None
        assert ours.find(path) == found


@pytest.mark.parametrize(
    ("recipient", "found"),
    [
        ("<nominate@c.example>", "nominate@c.example"),
        ("<Nominate+KEY+2@C.example.>", "nominate+key+2@c.example"),
        ("<nominate@b.example>", ""),
        ("<nominates@c.example>", ""),
        ("<x+nominate@c.example>", ""),
        ("<anybody@trap.example>", "anybody@trap.example"),
        (f"<{TOKEN}@trap.example>", f"{TOKEN}@trap.example"),
        ("<anybody@x.trap.example>", ""),
        (f"<{TOKEN}@c.example>", TOKEN),
    ],
)
def test_a_desk_takes_mail_with_anything_behind_a_plus_and_a_trap_takes_all_mail(recipient: str, found: str) -> None:
    path = MailPath.read("TO", f"TO:{recipient}")
    assert path is not None
    ours = Recipients(["c.example"], lambda one: one == TOKEN, desks=["Nominate@c.example"], traps=["Trap.example"])
    assert ours.find(path) == found
