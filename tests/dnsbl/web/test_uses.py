"""What mail servers are told to ask is what the zone answers, and nothing that a list may answer one day obeys."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from dnsbl.dns.zonefile import zones_from
from dnsbl.web.uses import uses

SITE = "https://list.example"
HEAD = """
origin = "bl.example.org"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
"""
OURS = Path(__file__).resolve().parents[3] / "zones" / "relays.example.org.toml"


def recipes(text: str) -> dict[str, str]:
    [use] = uses(zones_from({"z": text}, site=SITE))
    return {recipe.program: recipe.text for recipe in use.recipes}


def kind(name: str, code: str, more: str = "") -> str:
    return f'[kinds.{name}]\ncode = "{code}"\ntxt = "{name} {{address}}"\n{more}\n'


def test_what_the_zone_itself_answers_is_refused_and_what_only_sublists_answer_is_weighed() -> None:
    [use] = uses(zones_from({"z": OURS.read_text(encoding="utf-8")}, site=SITE))
    assert [(m.origin, m.code, m.advice) for m in use.meanings] == [
        ("relays.example.org", "127.0.0.2", "refuse"),
        ("relays.example.org", "127.0.0.4", "refuse"),
        ("multihop.relays.example.org", "127.0.0.3", "weigh"),
        ("relay-output.relays.example.org", "127.0.0.5", "weigh"),
    ]
    told = {recipe.program: recipe.text for recipe in use.recipes}
    assert told["Postfix"].endswith("reject_rbl_client relays.example.org=127.0.0.[2;4]")
    assert "multihop.relays.example.org=127.0.0.3*1" in told["Postfix postscreen"]


@pytest.mark.parametrize(
    ("codes", "pattern"),
    [
        (("127.0.0.2",), ["127.0.0.2"]),
        (("127.0.0.10", "127.0.0.9"), ["127.0.0.[9;10]"]),
        (("127.1.0.2", "127.0.0.2", "127.0.0.3"), ["127.0.0.[2;3]", "127.1.0.2"]),
    ],
)
def test_each_code_is_named_in_the_order_of_numbers(codes: tuple[str, ...], pattern: list[str]) -> None:
    text = HEAD + "".join(kind(f"k{number}", code) for number, code in enumerate(codes))
    told = recipes(text)
    for each in pattern:
        assert f"reject_rbl_client bl.example.org={each}" in told["Postfix"]
    assert all(f"bl.example.org/{code},BLOCK," in told["Courier"] for code in codes)


@pytest.mark.parametrize(
    "codes", [("127.0.0.2",), ("127.0.0.2", "127.0.0.9"), ("127.0.0.2", "127.1.0.2", "127.0.1.9"), ("127.3.2.1",)]
)
def test_spamassassin_counts_each_code_and_no_other(codes: tuple[str, ...]) -> None:
    told = recipes(HEAD + "".join(kind(f"k{number}", code) for number, code in enumerate(codes)))["SpamAssassin"]
    [test] = re.findall(r"'bl\.example\.org\.', '([^']+)'\)", told)
    every = {f"127.{a}.{b}.{c}" for a in range(4) for b in range(4) for c in range(1, 100)}
    assert {code for code in every | {f"{codes[0]}0", f"1{codes[0]}"} if re.search(test, code)} == set(codes)


def test_of_a_zone_that_adds_codes_up_every_sum_counts() -> None:
    told = recipes(
        'style = "bitmask"\n' + HEAD + kind("aa", "127.0.0.2") + kind("bb", "127.0.0.4") + kind("cc", "127.0.0.8")
    )
    assert "bl.example.org=127.0.0.[2..254]" in told["Postfix"]
    assert (
        "dnslists = bl.example.org=127.0.0.2,127.0.0.4,127.0.0.6,127.0.0.8,127.0.0.10,127.0.0.12,127.0.0.14"
        in (told["Exim"])
    )


def test_of_other_peoples_files_errors_never_count() -> None:
    told = recipes(HEAD + '[[sources]]\ntype = "ip4set"\nfiles = ["/x"]\n')
    assert "bl.example.org=127.0.0.[2..254]" in told["Postfix"]
    assert "127.255" not in "".join(told.values())


@pytest.mark.parametrize(
    "text",
    [
        HEAD + '[[sources]]\ntype = "dnset"\nfiles = ["/x"]\n',
        HEAD + kind("exempt", "127.0.0.2"),
        "retires = 2020-01-01\n" + HEAD + kind("relay", "127.0.0.2"),
    ],
)
def test_what_is_asked_by_other_means_or_is_over_has_no_lines(text: str) -> None:
    assert uses(zones_from({"z": text}, site=SITE, today=date(2026, 1, 1))) == ()


def test_kinds_that_are_for_scoring_are_weighed_wherever_they_are_answered() -> None:
    kinds = kind("relay", "127.0.0.2") + kind("relay-output", "127.0.0.5") + kind("unconfirmed", "127.0.0.6")
    told = recipes(HEAD + kinds)
    assert told["Postfix"].endswith("reject_rbl_client bl.example.org=127.0.0.2")
    assert "bl.example.org=127.0.0.[5;6]*1" in told["Postfix postscreen"]
    assert "warn    dnslists = bl.example.org=127.0.0.5,127.0.0.6" in told["Exim"]
    assert '"BL_EXAMPLE_ORG_WEIGH" { weight = 2.0; }' in told["rspamd's weights"]


def test_a_code_that_several_kinds_share_is_weighed_where_one_of_them_is_for_scoring() -> None:
    text = HEAD + kind("relay", "127.0.0.2") + kind("multihop", "127.0.0.2") + kind("manual", "127.0.0.4")
    [use] = uses(zones_from({"z": text}, site=SITE))
    assert [(m.kind, m.advice) for m in use.meanings] == [
        ("relay", "weigh"),
        ("multihop", "weigh"),
        ("manual", "refuse"),
    ]
    told = recipes(text)
    assert told["Postfix"].endswith("reject_rbl_client bl.example.org=127.0.0.4")
    assert "127.0.0.2*1" in told["Postfix postscreen"]


def test_a_zone_for_scoring_has_no_lines_that_refuse() -> None:
    told = recipes(HEAD + kind("multihop", "127.0.0.2"))
    assert not {"Postfix", "Sendmail", "Courier", "Haraka", "mox"} & told.keys()
    assert "deny" not in told["Exim"] and "*3" not in told["Postfix postscreen"]


def test_a_sum_is_refused_by_where_a_code_is_in_it_that_is_not_for_scoring() -> None:
    told = recipes('style = "bitmask"\n' + HEAD + kind("relay", "127.0.0.2") + kind("multihop", "127.0.0.4"))
    assert told["Postfix"].endswith("bl.example.org=127.0.0.[2;6]")
    assert "warn    dnslists = bl.example.org=127.0.0.4" in told["Exim"]
