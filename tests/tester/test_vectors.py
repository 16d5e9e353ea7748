"""The catalogue: exact bytes for every row, and names from strangers that cannot change them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tester.errors import UnknownName
from tester.vectors import CATALOGUE, PROFILES, Names, envelope, helo, left_out, opening, profile
from tests.rows import rows

R = "ra" + "r" * 32
S = "sa" + "s" * 32
C = "c.example"

#: what goes out for I = 192.0.2.1, T = mx.t.example, C = c.example, B = b.example; r and s are spelt out by the test
EXPECTED = {
    "S01": ("<s@b.example>", "<r@c.example>"),
    "S02": ("<>", "<r@c.example>"),
    "S03": ("<s@mx.t.example>", "<r@c.example>"),
    "S04": ("<s@[192.0.2.1]>", "<r@c.example>"),
    "S05": ("<s@localhost>", "<r@c.example>"),
    "S06": ("<s>", "<r@c.example>"),
    "S07": ("<postmaster@mx.t.example>", "<r@c.example>"),
    "S08": ("<s@s.b.example>", "<r@c.example>"),
    "S09": ("<s@d.example>", "<r@c.example>"),
    "S10": ("<s@c.example>", "<r@c.example>"),
    "S11": ("<s@b.example>", "<r@c.example>"),
    "S12": ("<s@c.example>", "<r@x.example>"),
    "R01": ("<s@b.example>", "<r%c.example@mx.t.example>"),
    "R02": ("<s@b.example>", "<r%c.example@[192.0.2.1]>"),
    "R03": ("<s@b.example>", "<r%c.example>"),
    "R04": ("<s@b.example>", '<"r@c.example">'),
    "R05": ("<s@b.example>", '<"r%c.example">'),
    "R06": ("<s@b.example>", '<"r@c.example"@mx.t.example>'),
    "R07": ("<s@b.example>", '<"r@c.example"@[192.0.2.1]>'),
    "R08": ("<s@b.example>", "<r@c.example@mx.t.example>"),
    "R09": ("<s@b.example>", "<r@c.example@[192.0.2.1]>"),
    "R10": ("<s@b.example>", "<@mx.t.example:r@c.example>"),
    "R11": ("<s@b.example>", "<@[192.0.2.1]:r@c.example>"),
    "R12": ("<s@b.example>", "<@mx.t.example,@b.example:r@c.example>"),
    "R13": ("<s@b.example>", "<c.example!r>"),
    "R14": ("<s@b.example>", "<c.example!r@mx.t.example>"),
    "R15": ("<s@b.example>", "<c.example!r@[192.0.2.1]>"),
    "R16a": ("<s@b.example>", "<mx.t.example!c.example!r>"),
    "R16b": ("<s@b.example>", "<c.example!r%mx.t.example>"),
    "R17": ("<s@b.example>", "<IMCEASMTP-r+40c+2Eexample@mx.t.example>"),
    "R18": ("<s@b.example>", '<"IMCEA r@c.example"@d.example>'),
    "R19": ("<s@b.example>", '<"abuse@b.example, r@c.example"@mx.t.example>'),
    "R20": ("<s@b.example>", "<r@c.example@>"),
    "R21": ("<s@b.example>", "<r@c.example.>"),
    "R22a": ("<s@b.example>", "<r@[198.51.100.7]>"),
    "R22b": ("<s@b.example>", "<r@[IPv6:2001:db8::7]>"),
    "R22c": ("<s@b.example>", "<r@#3325256711>"),
    "R23": ("<s@b.example>", "<mx.t.example:r@c.example>"),
    "R24": ("<s@b.example>", "<@mx.t.example:r%c.example@mx.t.example>"),
    "R25": ("<s@b.example>", "<r\\@c.example@mx.t.example>"),
    "R27": ("<s@b.example>", "</DDA.RFC-822=r(a)c.example/@mx.t.example>"),
    "X01": ("<>", "<r%c.example@mx.t.example>"),
    "X02a": ("<s@mx.t.example>", "<r%c.example@mx.t.example>"),
    "X02b": ("<s@mx.t.example>", '<"r@c.example"@mx.t.example>'),
    "X02c": ("<s@mx.t.example>", "<r@c.example@mx.t.example>"),
    "X02d": ("<s@[192.0.2.1]>", "<r%c.example@mx.t.example>"),
    "X02e": ("<s@[192.0.2.1]>", '<"r@c.example"@mx.t.example>'),
    "X02f": ("<s@[192.0.2.1]>", "<r@c.example@mx.t.example>"),
    **dict.fromkeys(("H01", "H02", "H03", "P01", "P02", "P03"), ("<s@b.example>", "<r@c.example>")),
    "M01": ("<s@b.example>", "<r@m.example>"),
    "T01": ("<s@b.example>", "<r@c.example>"),
    "C01": ("<s@b.example>", "<r@c.example>"),
}

STANDARD = "S01 S10 S02 S03 S04 R01 R02 R04 R06 R08 R10 R13 R14 R17 X01 S11 S12"


def names(**changed: Any) -> Names:
    facts: dict[str, Any] = {
        "target": ip_address("192.0.2.1"),
        "target_name": "mx.t.example",
        "own_name": "mx.t.example",
        "mx_domain": "m.example",
        "collector_domain": C,
        "bounce_domain": "b.example",
        "third_domain": "x.example",
        "served_domain": "d.example",
        "collector_addresses": (ip_address("198.51.100.7"), ip_address("2001:db8::7")),
    }
    return Names(**facts | changed)


def test_every_row_of_the_catalogue_is_spelt_out_here():
    assert list(EXPECTED) == list(CATALOGUE)


@pytest.mark.parametrize("id", EXPECTED)
def test_the_envelope_has_exactly_these_bytes(id: str):
    # one-letter tokens keep the table readable; nothing in an envelope depends on a token's length
    built = envelope(CATALOGUE[id], names(), sender="s", recipient="r")
    assert (built.mail.decode(), built.rcpt.decode()) == EXPECTED[id]


@rows("row", CATALOGUE.values(), ids=lambda row: row.id)
def test_a_row_explains_itself(row):
    assert CATALOGUE[row.id] is row
    assert row.tier in {"basic", "standard", "owner", "documented", "canary"}
    assert row.hops in {"1", "2", "1/2"}
    assert row.fault.endswith(".") and (not row.harm or row.harm.endswith("."))


def test_what_can_hurt_says_so():
    assert {id for id, row in CATALOGUE.items() if row.mail == "" and not row.harm} == set()
    theirs = ("{O}", "{D}", "{I}", "host")
    assert all(row.harm for row in CATALOGUE.values() if row.mail.endswith(theirs))
    others = {id for id, row in CATALOGUE.items() if row.harm and row.mail and not row.mail.endswith(theirs)}
    assert others == {"S06", "S08", "R19", "H01", "H02", "H03", "P01", "P02", "P03", "C01"}


def test_profiles_hold_the_rows_in_the_order_of_trying():
    assert PROFILES["basic"] == ("S01", "S10", "S11", "S12")
    assert " ".join(PROFILES["standard"]) == STANDARD
    assert PROFILES["full"][:17] == PROFILES["standard"]
    assert [row.id for row in profile("basic")] == ["S01", "S10", "S11", "S12"]


def test_the_full_profile_is_the_standard_one_and_what_owners_ask_for():
    later = PROFILES["full"][17:]
    assert list(later) == [id for id, row in CATALOGUE.items() if row.tier == "owner"]
    assert len(set(PROFILES["full"])) == len(PROFILES["full"])


def test_documented_rows_are_never_sent():
    sent = {id for ids in PROFILES.values() for id in ids}
    assert sent == {id for id, row in CATALOGUE.items() if row.tier not in ("documented", "canary")}


def test_no_four_neighbours_of_the_standard_profile_hold_more_than_two_odd_forms():
    odd = [row.odd for row in profile("standard")]
    assert max(sum(odd[start : start + 4]) for start in range(0, len(odd), 4)) <= 2


def test_an_unknown_profile_is_refused_with_the_names_there_are():
    with pytest.raises(UnknownName, match=r"'thorough'.*basic, standard, full"):
        profile("thorough")


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        CATALOGUE["S01"] = CATALOGUE["S02"]  # type: ignore[index]
    with pytest.raises(TypeError):
        PROFILES["basic"] = ()  # type: ignore[index]


def test_r17_fits_a_local_part():
    for domain in (C, "a.bc.example", "relays.example1"):  # 11, 16 and 17 octets when encoded
        built = envelope(CATALOGUE["R17"], names(collector_domain=domain), sender=S, recipient=R)
        local, _, host = built.rcpt[1:-1].decode().rpartition("@")
        assert len(local) <= 64 and host == "mx.t.example"
        assert local.startswith("IMCEASMTP-" + R + "+40")
        assert "." not in local


@rows("id", PROFILES["full"])
def test_real_tokens_stand_in_every_envelope_that_is_sent(id: str):
    built = envelope(CATALOGUE[id], names(), sender=S, recipient=R)
    assert R.encode() in built.rcpt
    assert built.mail == b"<>" or S.encode() in built.mail


def test_without_a_name_the_literal_stands_in():
    built = envelope(CATALOGUE["R10"], names(target_name=""), sender=S, recipient=R)
    assert built.rcpt == f"<@[192.0.2.1]:{R}@{C}>".encode()


def test_ipv6_literals_are_tagged():
    six = names(target=ip_address("2001:db8::1"), target_name="")
    assert envelope(CATALOGUE["S04"], six, sender=S, recipient=R).mail == f"<{S}@[IPv6:2001:db8::1]>".encode()
    assert envelope(CATALOGUE["R01"], six, sender=S, recipient=R).rcpt == f"<{R}%{C}@[IPv6:2001:db8::1]>".encode()


@pytest.mark.parametrize(
    "name",
    [
        "x>\r\nMAIL FROM:<victim@example.org",
        "mx.t.example\n",
        "a b",
        "a@b",
        "a_b.example",
        "bücher.example",
        "\N{KELVIN SIGN}.example",  # whose small letter is a k
        "mx.t.example.",
        ".example",
        "a..b",
        "-a.example",
        "a-.example",
        "[203.0.113.7]",
        "203.0.113.7",
        "{s}",
        "a" * 64 + ".example",
        ".".join(["a" * 49] * 5) + ".abcdefg",
    ],
)
def test_a_name_that_is_no_hostname_is_replaced_by_the_literal(name: str):
    built = envelope(CATALOGUE["R01"], names(target_name=name), sender=S, recipient=R)
    assert built.rcpt == f"<{R}%{C}@[192.0.2.1]>".encode()


@pytest.mark.parametrize(
    "name", ["mx", "MX-1.t.Example", "1.2.3.example", "a" * 63 + ".x", ".".join(["a" * 49] * 5) + ".abcde"]
)
def test_a_hostname_is_taken_as_it_stands(name: str):
    built = envelope(CATALOGUE["R01"], names(target_name=name), sender=S, recipient=R)
    assert built.rcpt == f"<{R}%{C}@{name}>".encode()


@settings(deadline=None)  # a busy machine is no fault
@given(st.text() | st.from_regex(r"[a-z0-9.@<>\r\n-]{0,300}", fullmatch=True))
def test_nothing_in_a_banner_changes_the_form_of_a_command(name: str):
    for row in CATALOGUE.values():
        hostile = names(target_name=name, own_name=name, served_domain=name)
        if left_out(row, hostile, greeting=name.encode("utf-8", "replace")):
            continue
        built = envelope(row, hostile, sender="s", recipient="r")
        for path in (built.mail, built.rcpt):
            assert path.startswith(b"<") and path.endswith(b">") and path.count(b"<") == path.count(b">") == 1
            assert path.isascii() and b"\r" not in path and b"\n" not in path


# ------------------------------------------------------------------------------------------- what is left out

OFFERS = b"mx.t.example\nSTARTTLS\nXCLIENT NAME ADDR\n"
DOMINO = b"mx.t.example ESMTP Service (Lotus Domino Release 8.5.3) ready\n"


def test_a_row_can_be_switched_off():
    assert left_out(CATALOGUE["R19"], names(), greeting=b"", off=["R19"]) == "This form is switched off."
    assert left_out(CATALOGUE["R19"], names(), greeting=b"", off=["R18"]) == ""


@rows("id", CATALOGUE)
def test_only_what_is_known_to_harm_a_software_is_kept_from_it(id: str):
    harmed = {"S02", "S05", "S06", "X01"}
    why = left_out(CATALOGUE[id], names(), greeting=DOMINO + OFFERS)
    assert why == ("This form is known to harm Lotus Domino." if id in harmed else "")
    assert left_out(CATALOGUE[id], names(), greeting=b"mx.t.example ESMTP Postfix\n" + OFFERS) == ""
    assert CATALOGUE[id].harms is None or CATALOGUE[id].harm


@pytest.mark.parametrize(
    ("greeting", "kept"),
    [
        (b"x ESMTP Service (IBM Domino Release 9.0.1)", True),
        (b"x ESMTP Service (HCL Domino Release 12.0.2)", True),
        (b"x Lotus SMTP MTA Service Ready", True),
        (b"x lotus domino", True),
        (b"domino.example ESMTP Postfix", False),  # a host may be called what it likes
        (b"x LotusDomino", False),
        (b"x" * 5000 + b" Lotus Domino", False),  # only so much is looked at
        (b"\xff\x00Lotus  Domino\xff", True),
    ],
)
def test_software_is_known_by_its_own_words(greeting: bytes, kept: bool):
    assert bool(left_out(CATALOGUE["X01"], names(), greeting=greeting)) is kept


@pytest.mark.parametrize(
    ("id", "lacking"),
    [
        ("S09", {"served_domain": ""}),
        ("M01", {"mx_domain": ""}),
        ("S09", {"served_domain": "d.example>\r\nDATA"}),
        ("R18", {"served_domain": ""}),
        ("R22a", {"collector_addresses": (ip_address("2001:db8::7"),)}),
        ("R22b", {"collector_addresses": (ip_address("198.51.100.7"),)}),
        ("R22c", {"collector_addresses": ()}),
    ],
)
def test_a_form_without_its_name_is_left_out_and_cannot_be_spelt(id: str, lacking: dict[str, Any]):
    assert left_out(CATALOGUE[id], names(**lacking), greeting=b"").endswith("which is not known.")
    with pytest.raises(ValueError, match=id):
        envelope(CATALOGUE[id], names(**lacking), sender="s", recipient="r")


def test_no_name_is_made_up_where_none_is_given():
    bare = Names(target=ip_address("192.0.2.1"), target_name="", collector_domain=C, bounce_domain="b.example")
    lacking = {id for id, row in CATALOGUE.items() if "not known" in left_out(row, bare, greeting=b"")}
    assert lacking == {"S09", "S12", "R18", "R22a", "R22b", "R22c", "M01"}
    assert envelope(CATALOGUE["S03"], bare, sender="s", recipient="r").mail == b"<s@[192.0.2.1]>"


def test_a_name_that_is_not_proven_its_own_stands_in_no_sender():
    said = names(target_name="mail.bigprovider.example", own_name="")
    for id, row in CATALOGUE.items():
        if row.tier != "documented":
            built = envelope(row, said, sender=S, recipient=R)
            assert b"bigprovider" not in built.mail, id
    assert envelope(CATALOGUE["S03"], said, sender="s", recipient="r").mail == b"<s@[192.0.2.1]>"
    assert envelope(CATALOGUE["R01"], said, sender="s", recipient="r").rcpt == b"<r%c.example@mail.bigprovider.example>"


# ------------------------------------------------------------------------------- who greets, and what comes first


@pytest.mark.parametrize(
    ("id", "expected"), [("H01", b"[192.0.2.1]"), ("H02", b"localhost"), ("H03", b"mx.t.example"), ("S01", b"")]
)
def test_a_form_may_greet_under_another_name(id: str, expected: bytes):
    assert helo(CATALOGUE[id], names()) == expected


def test_who_greets_in_a_form_stands_in_what_is_said_of_it():
    said = [CATALOGUE[id].fault for id in ("H01", "H02", "H03")]
    whose = ("the server's own address", "localhost", "the server's own name")
    assert said == [f"A greeting as {who} is believed to come from inside." for who in whose]


def test_an_unproven_name_stands_in_no_greeting_of_ours():
    said = names(target_name="mail.bigprovider.example", own_name="")
    assert helo(CATALOGUE["H03"], said) == b"[192.0.2.1]"


def test_headers_that_name_another_client_are_those_of_the_specification():
    assert opening(CATALOGUE["P01"], names()).before == b"PROXY TCP4 127.0.0.1 127.0.0.1 35000 25\r\n"
    six = names(target=ip_address("2001:db8::1"))
    assert opening(CATALOGUE["P01"], six).before == b"PROXY TCP6 ::1 ::1 35000 25\r\n"
    header = opening(CATALOGUE["P02"], names()).before
    assert header[:16].hex() == "0d0a0d0a000d0a515549540a" + "2111" + "000c"
    assert header[16:].hex() == "7f0000017f000001" + "88b8" + "0019"
    header = opening(CATALOGUE["P02"], six).before
    assert header[12:16].hex() == "2121" + "0024"
    assert len(header) == 16 + 36
    assert opening(CATALOGUE["P03"], names()).command == b"XCLIENT NAME=localhost ADDR=127.0.0.1"
    assert opening(CATALOGUE["P03"], six).command == b"XCLIENT NAME=localhost ADDR=IPV6:::1"
    assert opening(CATALOGUE["T01"], names()).certificate


@pytest.mark.parametrize("id", [id for id, row in CATALOGUE.items() if row.opening])
def test_a_connection_of_their_own_is_for_owners_alone(id: str):
    assert CATALOGUE[id].tier == "owner"
    assert opening(CATALOGUE[id], names()) != opening(CATALOGUE["S01"], names())


@pytest.mark.parametrize(("id", "keyword"), [("P03", b"XCLIENT"), ("T01", b"STARTTLS")])
def test_what_the_server_does_not_offer_is_not_asked_of_it(id: str, keyword: bytes):
    for greeting in (b"", b"mx.t.example\nPIPELINING\n", b"mx.t.example no-" + keyword):
        assert left_out(CATALOGUE[id], names(), greeting=greeting) == "The server does not offer what this form needs."
    for offered in (keyword, keyword.lower()):
        assert left_out(CATALOGUE[id], names(), greeting=b"mx.t.example\n" + offered + b" NAME") == ""


def test_a_collector_domain_that_leaves_no_room_leaves_out_the_one_form_that_needs_it():
    long = names(collector_domain="much.too.long.example.org")
    out = [id for id, row in CATALOGUE.items() if left_out(row, long, greeting=b"STARTTLS\nXCLIENT\n")]
    assert out == ["R17"]
    for domain, fits in (("relays.example1", True), ("relays.example12", False)):  # 17 octets encoded, and 18
        assert (left_out(CATALOGUE["R17"], names(collector_domain=domain), greeting=b"") == "") is fits


# ------------------------------------------------------------------------------------------- what follows from a form

_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
#: A Path as RFC 5321 4.1.2 has it: the domains of a source route are no literals.
PATH = re.compile(
    rf"<(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"
    rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[^"\\]|\\.)*")@(?:{_DOMAIN}|\[[^\[\]\\]+\])>|<>'
)


@rows("id", CATALOGUE)
def test_a_form_is_odd_exactly_where_its_syntax_is_none_of_the_standards(id: str):
    """A strict server counts syntax errors, and hangs up at some of them."""
    built = envelope(CATALOGUE[id], names(), sender="s", recipient="r")
    proper = all(PATH.fullmatch(path.decode()) for path in (built.mail, built.rcpt))
    assert CATALOGUE[id].odd is not proper


@rows("id", CATALOGUE)
def test_only_a_sender_at_our_bounce_domain_can_be_answered(id: str):
    built = envelope(CATALOGUE[id], names(), sender="s", recipient="r")
    assert CATALOGUE[id].answered is (built.mail == b"<s@b.example>")


def test_another_stranger_offers_two_forms_the_second_once_the_first_leaves_a_doubt():
    assert {id: row.stranger for id, row in CATALOGUE.items() if row.stranger} == {"S11": 1, "S12": 2}


def test_only_so_much_of_what_a_server_says_of_itself_is_read():
    for before, kept in ((4096 - 13, True), (4096 - 12, False)):
        greeting = b"x" * before + b" Lotus Domino"
        assert bool(left_out(CATALOGUE["X01"], names(), greeting=greeting)) is kept
    for before, kept in ((4096 - 9, False), (4096 - 8, True)):
        greeting = b"x" * before + b"\nSTARTTLS"
        assert bool(left_out(CATALOGUE["T01"], names(), greeting=greeting)) is kept


@pytest.mark.parametrize(("id", "lacking"), [("S12", "third_domain"), ("M01", "mx_domain"), ("R18", "served_domain")])
def test_a_domain_of_ours_that_is_not_there_is_named(id: str, lacking: str):
    said = {
        "third_domain": "a third domain of ours",
        "mx_domain": "a domain of ours that has the server for a second MX",
        "served_domain": "a domain that the server takes mail for",
    }
    why = left_out(CATALOGUE[id], names(**{lacking: ""}), greeting=b"")
    assert why == f"This form needs {said[lacking]}, which is not known."
