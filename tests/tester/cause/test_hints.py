"""What a trace alone looks like: the systems of Spamhaus's two samples, their like, and what only resembles them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.cause import Cause, Sure, hint
from tester.received.chain import Trace, trace
from tester.received.line import hops

NAT_OUT = "from mail.example.net (mail.example.net [203.0.113.243]) by trap.example.org (Postfix) with ESMTP id 4F2; x"
NAT_IN = "from PC-20121219NMRW ([10.0.0.26] RDNS failed) by mail.example.net with Microsoft SMTPSVC(6.0.3790.4675); x"
BOX_OUT = "from mail.example.com (mail.example.com [198.51.100.204]) by trap.example.org (Postfix) with ESMTP id 5A; x"
BOX_MID = "from unknown (HELO EROS.example.com) ([192.168.0.50]) by mail.example.com with SMTP; x"
BOX_IN = "from PC-20121219KUBO ([124.42.13.230]) by EROS.example.com with Microsoft SMTPSVC(6.0.3790.4675); x"


def read(*lines: str) -> Trace:
    return trace(hops("".join(f"Received: {line}\r\n" for line in lines).encode() + b"\r\n"))


def cause(*lines: str) -> Cause | None:
    found = hint(read(*lines))
    assert found is None or found.sure is Sure.GUESS, "a hint is sure of something"
    return found.cause if found else None


def test_a_server_behind_address_translation_is_named_and_nobody_below_it_is_trusted() -> None:
    found = read(NAT_OUT, NAT_IN)
    assert [(str(step.hop.address), step.trusted) for step in found.steps] == [
        ("203.0.113.243", True),
        ("10.0.0.26", False),
    ]
    told = hint(found)
    assert told is not None and told.cause is Cause.CLIENT_ADDRESS_LOST and told.software == "exchange"
    assert "mail.example.net says that it took the mail from 10.0.0.26" in told.reasons[0]
    assert "anybody could have written" in told.reasons[-1]


def test_an_appliance_before_a_server_is_named_and_nobody_below_it_is_trusted() -> None:
    found = read(BOX_OUT, BOX_MID, BOX_IN)
    assert [(str(step.hop.address), step.trusted) for step in found.steps] == [
        ("198.51.100.204", True),
        ("192.168.0.50", False),
        ("124.42.13.230", False),
    ]
    told = hint(found)
    assert told is not None and told.cause is Cause.APPLIANCE_TRUSTED
    assert "EROS.example.com says that it took the mail from outside, from 124.42.13.230" in told.reasons[0]
    assert "mail.example.com took it from there (192.168.0.50)" in told.reasons[1]


OUT = "from mail.example.net (mail.example.net [203.0.113.243]) by trap.example.org with ESMTP; x"
OUT6 = "from mail.example.net (mail.example.net [IPv6:2001:db8::25]) by trap.example.org with ESMTPS; x"


@pytest.mark.parametrize(
    "entry",
    [
        "from PC ([10.0.0.1]) by mail.example.net (Postfix) with ESMTP id 1; x",
        "from PC (unknown [172.17.0.1]) by mail.example.net (Postfix) with ESMTP id 1; x",
        "from PC (unknown [192.168.1.1]) by mail.example.net with ESMTP (Exim 4.96) id 1; x",
        "from [192.168.1.1] (helo=PC) by mail.example.net with esmtp (Exim 4.96) id 1; x",
        "from PC ([100.64.3.1]) by mail.example.net (8.17.1/8.17.1) with ESMTP id 1; x",
        "from PC ([169.254.1.1]) by mail.example.net with ESMTP; x",
        "from PC (unknown [IPv6:fd00::1]) by mail.example.net (Postfix) with ESMTP id 1; x",
        "from PC (unknown [IPv6:fe80::1]) by mail.example.net (Postfix) with ESMTP id 1; x",
        "from PC (unknown [127.0.0.1]) by mail.example.net (Postfix) with ESMTP id 1; x",
        "from PC (unknown [IPv6:::1]) by mail.example.net (Postfix) with ESMTP id 1; x",
        "from unknown (HELO PC) (10.0.0.1) by mail.example.net with SMTP; x",
        "from PC ([10.0.0.1]) by MAIL.example.net with Microsoft SMTPSVC(8.0.9200.16384); x",
        "from PC (10.0.0.1) by mail.example.net (10.0.0.2) with Microsoft SMTP Server id 14.3.123.3; x",
    ],
)
@pytest.mark.parametrize("out", [OUT, OUT6])
def test_a_private_address_at_the_way_in_stands_in_somebodys_place(entry: str, out: str) -> None:
    assert cause(out, entry) is Cause.CLIENT_ADDRESS_LOST


def test_of_the_inside_of_a_well_known_provider_nothing_is_guessed() -> None:
    out = "from x.outbound.protection.outlook.com ([40.107.1.1]) by trap.example.org with ESMTP; x"
    inner = "from a.prod.outlook.com (2603:10a6:1::1) by b.prod.outlook.com with Microsoft SMTP Server id 1; x"
    entry = "from pc (198.51.100.7) by c.mail.protection.outlook.com (10.1.1.1) with Microsoft SMTP Server id 1; x"
    assert cause(out, inner, entry) is None
    assert cause(*(line.replace("outlook.com", "example.net") for line in (out, inner, entry))) is not None


def test_so_does_the_servers_own_public_address() -> None:
    assert cause(OUT, "from PC ([203.0.113.243]) by mail.example.net with ESMTP; x") is Cause.CLIENT_ADDRESS_LOST


def test_it_may_stand_behind_several_hops_of_the_inside() -> None:
    middle = "from filter.example.net (filter.example.net [10.0.0.7]) by mail.example.net with ESMTP; x"
    entry = "from PC ([10.0.0.1]) by filter.example.net with ESMTP; x"
    assert cause(OUT, middle, entry) is Cause.CLIENT_ADDRESS_LOST


@pytest.mark.parametrize(
    "inside",
    [
        ("from EROS ([10.0.0.5]) by mail.example.net with ESMTP; x", "from PC ([124.42.13.230]) by EROS with SMTP; x"),
        (
            "from gw.example.net (gw.example.net [203.0.113.9]) by mail.example.net with ESMTP; x",
            "from PC ([124.42.13.230]) by gw.example.net with ESMTP; x",
        ),
        (
            "from gw.example.net (unknown [IPv6:fd00::5]) by mail.example.net (Postfix) with ESMTP; x",
            "from PC (unknown [IPv6:2001:db8:9::1]) by gw.example.net (Postfix) with ESMTP; x",
        ),
        (
            "from hub.example.net ([10.0.0.3]) by mail.example.net with ESMTP; x",
            "from scan.example.net ([10.0.0.2]) by hub.example.net with ESMTP; x",
            "from gw.example.net ([10.0.0.1]) by scan.example.net with ESMTP; x",
            "from PC ([124.42.13.230]) by gw.example.net with ESMTP; x",
        ),
        (
            "from gw ([10.0.0.5]) by mail.example.net with ESMTP; x",
            "from PC ([124.42.13.230]) by barracuda.local (10.0.0.5) with ESMTP; x",
        ),
        (
            "from localhost (localhost [127.0.0.1]) by mail.example.net (Postfix) with ESMTP; x",
            "from gw.example.net ([10.0.0.5]) by localhost (amavisd-new, port 10024) with ESMTP; x",
            "from PC ([124.42.13.230]) by gw.example.net with ESMTP; x",
        ),
    ],
)
@pytest.mark.parametrize("out", [OUT, OUT6])
def test_a_strangers_address_at_another_machine_looks_like_an_appliance(inside: tuple[str, ...], out: str) -> None:
    assert cause(out, *inside) is Cause.APPLIANCE_TRUSTED


@pytest.mark.parametrize(
    "below",
    [
        pytest.param((), id="nothing below"),
        pytest.param(("from PC ([124.42.13.230]) by mail.example.net with ESMTP; x",), id="one machine, a stranger"),
        pytest.param(("from PC ([10.0.0.1]) by elsewhere.example with ESMTP; x",), id="a line of somebody else's"),
        pytest.param(("from PC ([10.0.0.1]) by mail.example.net with ESMTPSA; x",), id="a login"),
        pytest.param(
            ("from PC ([10.0.0.1]) (Authenticated sender: joe) by mail.example.net with ESMTP; x",), id="in words"
        ),
        pytest.param(("from PC ([10.0.0.1]) by mail.example.net with HTTP; x",), id="webmail"),
        pytest.param(("by mail.example.net (Postfix, from userid 33) id 1; x",), id="a script of its own"),
        pytest.param(("from web.example.net ([10.0.0.9]) by mail.example.net with ESMTP; x",), id="its own machine"),
        pytest.param(("from localhost ([127.0.0.1]) by mail.example.net with ESMTP; x",), id="a program of its own"),
        pytest.param(
            ("from localhost ([127.0.0.1]) by mail.example.net with ESMTP; x",
             "from mail.example.net ([127.0.0.1]) by localhost (amavisd-new, port 10024) with ESMTP; x",
             "from PC ([124.42.13.230]) by mail.example.net with ESMTP; x"),
            id="a filter on the same machine",
        ),
        pytest.param(
            ("from gw.example.net ([10.0.0.5]) by mail.example.net with ESMTP; x",
             "from PC ([124.42.13.230]) by gw.example.net with ESMTP for <joe@example.net>; x"),
            id="mail to the system itself, forwarded",
        ),
        pytest.param(
            ("from gw.example.net ([10.0.0.5]) by mail.example.net with ESMTP; x",
             "from PC ([124.42.13.230]) by gw.example.net with ESMTPSA; x"),
            id="a provider's customer who has logged in",
        ),
        pytest.param(("from PC by mail.example.net with ESMTP; x",), id="no address"),
    ],
)  # fmt: skip
def test_what_only_resembles_them_is_not_named(below: tuple[str, ...]) -> None:
    assert cause(OUT, *below) is None


def reasons(*lines: str) -> tuple[str, ...]:
    found = hint(read(*lines))
    assert found is not None
    return found.reasons


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        ("203.0.113.243", "its own address."),
        ("10.0.0.1", "a private network, as pods of a cluster or machines behind a firewall have."),
        ("172.17.0.1", "a private network such as Docker makes for containers (its bridge)."),
        ("0.0.0.0", "a private address."),
    ],
)
def test_what_stands_in_strangers_places_is_said_in_words_that_its_owner_knows_it_by(seen: str, what: str) -> None:
    told = reasons(OUT, f"from PC ([{seen}]) by mail.example.net with ESMTP; x")
    assert told[0] == f"mail.example.net says that it took the mail from {seen}: {what}"


@pytest.mark.parametrize(
    "forged",
    [
        "from PC ([10.0.0.1]) by PC-20121219KUBO with ESMTP; x",
        "from PC ([10.0.0.1]) by (124.42.13.230) with ESMTP; x",
        "from PC ([10.0.0.1]) by mail.example.com with ESMTP; x",
    ],
)
def test_what_a_stranger_writes_below_his_own_connection_leads_nobody_astray(forged: str) -> None:
    """He could have an owner take his gateway for the fault, by one line, while his appliance goes on relaying."""
    assert reasons(BOX_OUT, BOX_MID, BOX_IN, forged) == reasons(BOX_OUT, BOX_MID, BOX_IN)
    assert cause(BOX_OUT, BOX_MID, BOX_IN, forged) is Cause.APPLIANCE_TRUSTED


@pytest.mark.parametrize(
    "handed",
    [
        pytest.param("from mail.example.net (static-9.isp.example [203.0.113.243])", id="by its greeting alone"),
        pytest.param("from localhost.localdomain (mail.example.net [203.0.113.243])", id="by what DNS says alone"),
        pytest.param("from mailer (mail.example.net [203.0.113.243])", id="that greets with one word"),
    ],
)
@pytest.mark.parametrize("writer", ["mail.example.net", "mx2.example.net"])
def test_any_machine_of_the_domain_that_handed_the_mail_in_may_be_its_way_in(handed: str, writer: str) -> None:
    """Windows servers greet with a name of their own, and clusters take mail in by one machine and send by another."""
    out = f"{handed} by trap.example.org with ESMTP; x"
    assert cause(out, f"from PC ([10.0.0.1]) by {writer} with ESMTP; x") is Cause.CLIENT_ADDRESS_LOST


def test_a_machine_is_known_by_what_the_one_before_it_found_for_its_address() -> None:
    inside = "from EROS (gw [10.0.0.5]) by mail.example.net with ESMTP; x"
    assert cause(OUT, inside, "from PC ([124.42.13.230]) by gw with ESMTP; x") is Cause.APPLIANCE_TRUSTED


def test_a_line_that_does_not_say_who_wrote_it_is_nobodys() -> None:
    inside = "from gw ([10.0.0.5]) by mail.example.net with ESMTP; x"
    assert cause(OUT, inside, "from PC ([124.42.13.230]) with ESMTP; x") is Cause.CLIENT_ADDRESS_LOST
    outside = "from [203.0.113.243] by trap.example.org with ESMTP; x"
    assert cause(outside, "from PC ([10.0.0.1]) by srv with ESMTP; x") is None, "neither has a domain"


@pytest.mark.parametrize("client", ["localhost.localdomain ([127.0.0.1])", "scanner (localhost [127.0.0.1])"])
def test_a_filter_of_the_machine_itself_stands_in_nobodys_place(client: str) -> None:
    assert cause(OUT, f"from {client} by mail.example.net with ESMTP; x") is None


def test_who_trusted_the_appliance_is_another_machine_and_not_a_filter_on_either() -> None:
    """The advice is for the second machine: naming a filter, or the first one again, would send its owner elsewhere."""
    told = reasons(
        OUT,
        "from gw.example.net ([10.0.0.5]) by mail.example.net with ESMTP; x",
        "from localhost ([127.0.0.1]) by gw.example.net with ESMTP; x",
        "from gw.example.net ([127.0.0.1]) by localhost (amavisd-new, port 10024) with ESMTP; x",
        "from PC ([124.42.13.230]) by gw.example.net with ESMTP; x",
    )
    assert told[0] == "gw.example.net says that it took the mail from outside, from 124.42.13.230."
    assert told[1].startswith("mail.example.net took it from there (10.0.0.5), as from one that it trusts")


def test_hops_of_the_reporters_own_come_first_and_another_line_may_be_picked() -> None:
    own = "from trap.example.org ([10.1.1.1]) by store.example.org with LMTP; x"
    assert cause(own, NAT_OUT, NAT_IN) is Cause.CLIENT_ADDRESS_LOST
    found = read(BOX_OUT, BOX_MID, BOX_IN)
    assert hint(found, found.steps[2]) is None


def test_a_trace_that_tells_nobody_has_no_hint() -> None:
    assert hint(read()) is None
    assert hint(read("by mail.example.net; x")) is None


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_nothing_that_strangers_write_breaks_it(lines: list[bytes]) -> None:
    text = b"".join(b"Received: " + line.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n" for line in lines)
    hint(trace(hops(text + b"\r\n")))
