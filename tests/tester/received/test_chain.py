"""Chains of the mail world, honest and forged, each with its one right answer (tests/vectors/received/chains.toml)."""

from __future__ import annotations

import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from tester.received.chain import Home, Reading, candidate, is_private, mentions, trace
from tester.received.line import hops

CHAINS: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parents[2] / "vectors" / "received" / "chains.toml").read_text(encoding="utf-8")
)["chain"]


def message(*received: str) -> bytes:
    return "".join(f"Received: {each}\r\n" for each in received).encode("latin-1") + b"Subject: hello\r\n\r\nBody\r\n"


def registered(chain: dict[str, Any]) -> Home:
    return Home(
        networks=tuple(ip_network(each) for each in chain.get("networks", ())), names=tuple(chain.get("names", ()))
    )


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain["name"])
def test_each_chain_has_its_one_right_answer(chain: dict[str, Any]) -> None:
    forged = [
        f"from victim{n}.example (victim{n}.example [198.51.100.{n}]) by mx.mysite.example; x"
        for n in range(1, 1 + chain.get("forged", 0))
    ]
    found = trace(hops(message(*chain["lines"], *forged)), registered(chain))
    if "address" not in chain:
        assert found.used is None
        assert not found.possible
        return
    assert found.used is not None
    assert (found.used.number, str(found.used.hop.address)) == (chain.get("used", 1), chain["address"])
    assert found.sure is (not chain.get("asks", False)), found.doubt
    assert bool(found.doubt) is not found.sure


def test_there_are_chains_enough_and_no_two_of_a_name() -> None:
    assert len({chain["name"] for chain in CHAINS}) == len(CHAINS) >= 120


def test_a_trace_tells_what_each_line_is() -> None:
    found = trace(
        hops(
            message(
                "from mx.mysite.example ([198.51.100.62]) by store.mysite.example with LMTP id 1",
                "from relay.victim.example (relay.victim.example [203.0.113.9]) by mx.mysite.example with ESMTP id 1",
                "from pc ([10.0.0.1]) by relay.victim.example with SMTP",
                "from pc ([192.0.2.5]) by relay.victim.example with SMTP",
            )
        )
    )
    assert [(step.number, step.reading, step.possible) for step in found.steps] == [
        (1, Reading.PASSED, False),
        (2, Reading.USED, True),
        (3, Reading.BELOW, False),
        (4, Reading.BELOW, True),
    ]
    assert [step.why for step in found.steps] == [
        "LMTP, inside one system",
        "handed in from outside",
        "written by strangers; names no public address",
        "written by strangers",
    ]
    assert found.possible == (found.steps[1], found.steps[3])
    assert [step.trusted for step in found.steps] == [True, True, False, False]
    assert found.pick(4) is found.steps[3]
    assert found.pick(1) is None and found.pick(3) is None and found.pick(9) is None
    assert found.steps[0].told == (
        "mx.mysite.example [198.51.100.62] to store.mysite.example: passed, LMTP, inside one system"
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("from pc ([192.0.2.5]) by relay.example", "pc [192.0.2.5] to relay.example: "),
        ("from pc by relay.example", "pc to relay.example: "),
        ("by relay.example", "- to relay.example: "),
        ("(qmail 1 invoked by uid 3)", "- to -: "),
    ],
)
def test_a_line_is_told_with_what_it_names_and_a_dash_for_what_it_does_not(line: str, told: str) -> None:
    _, step = trace(hops(message("from a.example ([192.0.2.9]) by mx.example with SMTP", line))).steps
    assert step.told == told + step.why


def test_a_line_that_does_not_say_ends_the_walk_and_nothing_below_is_possible() -> None:
    found = trace(hops(message("from a by mx with SMTP", "from b ([203.0.113.9]) by a with SMTP")))
    assert found.steps[0].reading is Reading.SILENT
    assert found.used is None


def test_a_registered_host_below_the_hand_over_is_no_candidate() -> None:
    own = Home(networks=(ip_network("198.51.100.62/32"),))
    found = trace(
        hops(
            message(
                "from relay.victim.example ([203.0.113.9]) by mx.mysite.example with ESMTP id 1",
                "from mx.mysite.example ([198.51.100.62]) by relay.victim.example with ESMTP id 1",
            )
        ),
        own,
    )
    assert [step.number for step in found.possible] == [1]


@pytest.mark.parametrize(
    ("name", "patterns", "under"),
    [
        ("mx.example.org", ("mx.example.org",), True),
        ("MX.Example.ORG.", ("mx.example.org",), True),
        ("mx.example.org", (".example.org",), True),
        ("example.org", (".example.org",), True),
        ("notexample.org", (".example.org",), False),
        ("mx.example.org.evil.example", (".example.org",), False),
        ("notmx.example.org", ("mx.example.org",), False),
        ("mx.example.box", ("mx.example.box",), True),
        ("", (".",), False),
        ("", (".example.org",), False),
    ],
)
def test_a_home_is_called_by_its_names_only(name: str, patterns: tuple[str, ...], under: bool) -> None:
    assert Home(names=patterns).calls(name) is under


@pytest.mark.parametrize(
    "inside",
    ["0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.0.1", "172.16.0.1", "::", "::1", "fd00::1", "fe80::1"],
)
def test_an_inside_address_is_nobodys_candidate(inside: str) -> None:
    assert is_private(ip_address(inside))
    assert candidate(hops(message(f"from a ([{inside}]) by mx with SMTP"))) is None


def test_own_and_private_servers_are_walked_through() -> None:
    chain = hops(
        message(
            "by store.example with LMTP id 1",
            "by store.example with ESMTP id 1",
            "from mx.example by store.example (Dovecot) with LMTP id 1",
            "from mx.example ([10.1.2.3]) by inner.example with SMTP",
            "from edge.example ([192.0.2.25]) by mx.example with SMTP",
            "from a ([203.0.113.9]) by edge.example with SMTP",
            "from forged ([198.51.100.1]) by a with SMTP",
        )
    )
    own = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]
    assert candidate(chain, own_networks=own) == ip_address("203.0.113.9")
    assert candidate(chain) == ip_address("192.0.2.25")
    assert candidate(()) is None


def test_a_mention_is_found_in_either_spelling_and_a_claim_is_none() -> None:
    chain = hops(message("from a ([203.0.113.9] helo=[203.0.113.10]) by mx"))
    assert mentions(chain, ip_address("203.0.113.9")) and mentions(chain, ip_address("::ffff:203.0.113.9"))
    assert not mentions(chain, ip_address("203.0.113.10"))


def test_a_mention_by_one_server_of_several_is_one() -> None:
    chain = hops(message("from a ([203.0.113.9]) by mx", "from b ([203.0.113.8]) by a"))
    assert mentions(chain, ip_address("203.0.113.8"))
    assert not mentions(chain, ip_address("203.0.113.7"))


def test_readings_are_called_as_the_api_shows_them() -> None:
    assert [reading.value for reading in Reading] == ["passed", "used", "below", "silent"]


#: How IBM's gateways end their lines, with an address for every client or without for their own spool.
GATEWAY = "with IBM ESMTP SMTP Gateway: Authorized Use Only! Violators will be prosecuted; x"


@pytest.mark.parametrize(
    ("line", "reading", "why"),
    [
        (
            "from mx.a.example by MX.a.example (8.13.6/8.13.4) with ESMTP",
            Reading.PASSED,
            "a program of the same machine",
        ),
        ("from localhost by mx.a.example (8.13.6/8.13.4) with ESMTP", Reading.PASSED, "a program of the same machine"),
        ("from spooler by mx.a.example (Mercury/32 v4.01a)", Reading.PASSED, "a program of the same machine"),
        ("from filter-daemon.a.example by mx.a.example (iPlanet 5.2)", Reading.PASSED, "a program of the same machine"),
        (f"from localhost by a.example {GATEWAY}", Reading.PASSED, "a program of the same machine"),
        (f"from /spool/local by a.example {GATEWAY}", Reading.PASSED, "a program of the same machine"),
        (f"from b.example by a.example {GATEWAY}", Reading.SILENT, "names no address"),
        # clients call themselves so, too, and some servers write nothing else of them
        ("from localhost.localdomain by mta.a.example with ESMTP id <1@a.example>", Reading.SILENT, "names no address"),
        ("from localhost.localdomain by a.example (RZmta 46.1.1 AUTH) with ESMTPSA id 1", Reading.SILENT, "names no"),
        ("from mx.a.example by MX.a.example with SMTP", Reading.SILENT, "names no address"),
        ("from localhost by mx.a.example (MDaemon PRO v10.1.1) with ESMTP", Reading.SILENT, "names no address"),
        ("from localhost by mx.a.example (Merak 8.0.3) with SMTP", Reading.SILENT, "names no address"),
        ("from x (mx.a.example [203.0.113.9]) by mx.a.example (Merak 8.0.3) with SMTP", Reading.USED, "handed in"),
        ("from localhost(mailfrom:x@b.example fp:SMTPD_1) by a.example(127.0.0.1)", Reading.SILENT, "names no address"),
        (
            "from u@b.example(mailfrom:x@b.example fp:SMTPD_1) by a.example(127.0.0.1)",
            Reading.SILENT,
            "names no address",
        ),
        ("from mx.a.example by MX.A.EXAMPLE", Reading.SILENT, "names no address"),
        ("from x by mx.a.example with ODBC", Reading.PASSED, "ODBC, no SMTP"),
        ("from u@b.example by mx.a.example (mail_out_v36)", Reading.PASSED, "a user of the same machine"),
        ("from u@b.example by mx.a.example", Reading.SILENT, "names no address"),
        ("from u@b.example by mx.a.example with ESMTP", Reading.SILENT, "names no address"),
        ("from b.example by mx.a.example", Reading.SILENT, "names no address"),
        ("from b.example by mx.a.example with ESMTP", Reading.SILENT, "names no address"),
        ("from b.a.example by mx.a.example with ODBC", Reading.PASSED, "ODBC, no SMTP"),
        ("from b.example by mx.a.example with ODBC", Reading.SILENT, "names no address"),
        ("from b ([203.0.113.9]) (203.0.113.8) by b with LMTP", Reading.SILENT, "names more than its server can have"),
        ("from b.example ([203.0.113.9]) by mx ([203.0.113.9])", Reading.PASSED, "a machine that talks to itself"),
        ("from b.example ([203.0.113.9]) by mx ([203.0.113.8])", Reading.USED, "handed in from outside"),
        ("from b.example ([203.0.113.9])", Reading.USED, "handed in from outside"),
        (
            "from pop.isp.example ([203.0.113.9]) by a.example (getmail 6.18) with ESMTP",
            Reading.PASSED,
            "ESMTP, inside one system",
        ),
        ("from b.example ([203.0.113.9]) by a.example (fetchmailer) with ESMTP", Reading.USED, "handed in"),
        (
            "from b.example (203.0.113.9) by a.example (203.0.113.8) with Microsoft SMTP Server via Mailbox Transport",
            Reading.PASSED,
            "Mailbox Transport, inside one system",
        ),
    ],
)
def test_a_line_is_inside_one_system_where_no_other_can_have_handed_in(line: str, reading: Reading, why: str) -> None:
    (step,) = trace(hops(message(line))).steps
    assert step.reading is reading
    assert step.why.startswith(why)


@pytest.mark.parametrize(
    ("line", "reading"),
    [
        ("from mx.mysite.example by store.mysite.example with SMTP", Reading.PASSED),
        ("from mx.other.example by store.mysite.example with SMTP", Reading.SILENT),
        ("from mx.mysite.example by store.other.example with SMTP", Reading.SILENT),
        ("from mx.mysite.example (unknown [203.0.113.9]) by store.mysite.example with SMTP", Reading.USED),
        ("from x (mx.mysite.example [203.0.113.9]) by store.other.example with SMTP", Reading.PASSED),
        ("from x (mx.mysite.example [203.0.113.9] (may be forged)) by store.mysite.example with SMTP", Reading.USED),
        ("from x (mx.mysite.example [198.51.100.1]) (y [203.0.113.9]) by store.mysite.example", Reading.SILENT),
        ("from mx.mysite.example (x [198.51.100.1]) (y [203.0.113.9]) by store.mysite.example", Reading.SILENT),
    ],
)
def test_a_name_that_a_client_gave_counts_only_between_registered_hosts_that_saw_no_address(
    line: str, reading: Reading
) -> None:
    (step,) = trace(hops(message(line)), Home(names=(".mysite.example",))).steps
    assert step.reading is reading
    assert reading is not Reading.PASSED or step.why == "a registered name"


@pytest.mark.parametrize(
    ("sender", "writer", "one"),
    [
        ("mx.mysite.example", "store.mysite.example", True),
        ("MX.Mysite.Example", "store.mysite.example.", True),
        ("mysite.example", "store.mysite.example", True),
        ("mx.mysite.de", "store.mysite.de", True),
        ("mx.mysite.co.uk", "store.mysite.co.uk", True),
        ("mx.com.example", "store.com.example", True),
        ("mx.1.example", "store.1.example", True),
        ("mx.victim.example", "store.mysite.example", False),
        ("mx.victim.co.uk", "store.mysite.co.uk", False),
        ("victim.co.uk", "mysite.co.uk", False),
        ("mx.victim.com.au", "store.mysite.com.au", False),
        ("mx.mysite.box", "store.mysite.bo", False),
        ("mx", "mx", False),
        ("localhost", "elsewhere", False),
        ("192.0.2.7", "198.51.2.7", False),
        ("[192.0.2.7]", "[198.51.2.7]", False),
        ("mx..example", "store..example", False),
    ],
)
def test_whether_two_hosts_are_of_one_organisation_is_asked_of_a_person(sender: str, writer: str, one: bool) -> None:
    found = trace(
        hops(
            message(
                f"from {sender} ([198.51.100.62]) by {writer} with ESMTP id 1",
                f"from relay.victim.test ([203.0.113.9]) by {sender} with ESMTP id 1",
            )
        )
    )
    assert found.sure is not one
    assert (f"{sender} and" in found.doubt) is one


DOUBTFUL = "from mx.mysite.example (mx.mysite.example [198.51.100.62]) by store.mysite.example with ESMTP"
ABROAD = "from mx.college.example (mx.college.example [198.51.100.62]) by mx.mysite.example with ESMTP"
NAMELESS = "from mx (unknown [198.51.100.62]) by store with ESMTP"


@pytest.mark.parametrize(
    ("lines", "doubt"),
    [
        ((DOUBTFUL, "from r ([203.0.113.9]) by mx.mysite.example"), "mx.mysite.example and store.mysite.example share"),
        ((DOUBTFUL, "from r ([203.0.113.9]) by mx"), "mx.mysite.example and store.mysite.example share"),
        ((DOUBTFUL, "from r ([203.0.113.9]) by mx.other.example"), ""),  # forged, or a line is missing
        ((DOUBTFUL, "from pc ([10.0.0.5]) by mx.mysite.example"), ""),  # nothing else could be meant
        (
            (DOUBTFUL, "from pc ([10.0.0.5]) by x.example", "from r ([203.0.113.9]) by mx.mysite.example"),
            "mx.mysite.example and store.mysite.example share",
        ),
        ((NAMELESS, "from r ([203.0.113.9]) by mx"), ""),
        ((ABROAD, "from r ([203.0.113.9]) by mx"), ""),
        ((ABROAD, "from r ([203.0.113.9]) by mx.college.example"), ""),
        (
            (ABROAD, "from r ([203.0.113.9]) by mx.college.example for <me@college.example>"),
            "the line below is addressed to college.example itself",
        ),
        ((ABROAD, "from r ([203.0.113.9]) by mx.college.example for <me@mysite.example>"), ""),
    ],
)
def test_a_person_is_asked_where_another_line_could_be_the_hand_over_and_told_why(
    lines: tuple[str, ...], doubt: str
) -> None:
    found = trace(hops(message(*lines)))
    assert found.used is found.steps[0]
    assert found.sure is not bool(doubt)
    assert found.doubt.startswith(doubt)


def test_in_a_laboratory_strangers_may_be_in_a_private_network() -> None:
    lines = (
        "from relay.lab ([10.1.2.3]) by mx.mysite.example; x",
        "from pc.lab ([10.1.2.4]) by relay.lab; x",
        "from pc.lab ([10.9.9.9]) by relay.lab; x",
    )
    assert trace(hops(message(*lines))).used is None
    found = trace(hops(message(*lines)), Home(outside=(ip_network("10.1.0.0/16"),)))
    assert found.used is not None and str(found.used.hop.address) == "10.1.2.3"
    assert [step.possible for step in found.steps] == [True, True, False]
