"""What DNS says of a list is judged: fine, wrong with what to do, or not known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address

import pytest

from dnsbl.addresses import Address
from dnsbl.rules.checkup import (
    Checked,
    Fitness,
    Heard,
    answered,
    delegation,
    exchange,
    host,
    ok,
    policy_of,
    reverse,
    signed,
    unknown,
)

OK, WRONG, UNKNOWN = Fitness.OK, Fitness.WRONG, Fitness.UNKNOWN
ZONE, NS = "bl.test", "ns1.bl.test"
OURS = ip_address("192.0.2.1")
OURS6 = ip_address("2001:db8::1")


def fit(found: Checked, about: str, of: str) -> Fitness:
    """The grade of a finding that is about this and says what it should."""
    assert (found.about, found.of) == (about, of)
    assert found.says and not found.says.endswith(".")
    assert bool(found.do) or found.grade is not WRONG, "what is wrong comes with what to do"
    return found.grade


@pytest.mark.parametrize(
    ("heard", "hosts", "grades"),
    [
        ((NS + ".",), {NS: ("192.0.2.1",)}, [OK, OK]),
        (("NS1.BL.TEST.",), {NS: ("192.0.2.1", "2001:db8::1")}, [OK, OK]),
        ((NS + ".",), {NS: ()}, [OK, WRONG]),  # no glue
        ((NS + ".",), {NS: None}, [OK, UNKNOWN]),
        ((), {NS: ("192.0.2.1",)}, [WRONG, OK]),
        (("ns.else.test.",), {NS: ("192.0.2.1",), "ns.else.test": ("198.51.100.1",)}, [WRONG, OK, OK]),
        ((NS + ".", "ns.else.test."), {NS: ("192.0.2.1",), "ns.else.test": ()}, [WRONG, WRONG, OK]),
        (None, {}, [UNKNOWN]),
    ],
)
def test_a_zone_is_delegated_to_the_servers_of_its_file(
    heard: Heard, hosts: Mapping[str, Heard], grades: list[Fitness]
) -> None:
    first, *rest = delegation(ZONE, [NS], heard, hosts)
    servers = [fit(one, "name server", name) for one, name in zip(rest, sorted(hosts), strict=True)]
    assert [fit(first, "delegation", ZONE), *servers] == grades


def test_what_is_wrong_with_a_delegation_is_told() -> None:
    def told(*heard: str, named: tuple[str, ...] = ("NS1.bl.lux", "ns2.bl.lux")) -> str:
        return next(delegation("bl.lux", named, heard, {})).says

    assert told() == "bl.lux is delegated to nobody"
    assert told("ns1.bl.lux.") == "DNS does not name ns2.bl.lux, which the zone's file does"
    assert told("ns1.bl.lux.", "ns2.bl.lux.", "x.lux.") == "DNS names x.lux, which the zone's file does not"
    assert told("ns1.bl.lux.", "ns2.bl.lux.") == "bl.lux is served by ns1.bl.lux, ns2.bl.lux"


def test_a_zone_about_which_a_resolver_gets_nothing_is_delegated_wrongly() -> None:
    [found] = delegation(ZONE, [NS], None, {}, failing=True)
    assert fit(found, "delegation", ZONE) is WRONG and "servers that do not serve it" in found.says
    found = answered(ZONE, None, failing=True)
    assert fit(found, "answers", ZONE) is WRONG and "SERVFAIL" in found.says and "dig +trace" in found.do


def test_glue_is_asked_for_only_inside_the_zone() -> None:
    [_, inside] = delegation(ZONE, [NS], (NS,), {NS: ()})
    [_, outside] = delegation(ZONE, ["ns.else.test"], ("ns.else.test",), {"ns.else.test": ()})
    assert "glue" in inside.do and "glue" not in outside.do


@pytest.mark.parametrize(
    ("point", "grade", "gets"),
    [
        (("127.0.0.2",), OK, "gets 127.0.0.2 for"),
        (("127.0.0.4", "127.0.0.2"), OK, "gets 127.0.0.2 for"),
        ((), WRONG, "gets no address for"),
        (("192.0.2.9", "192.0.2.10"), WRONG, "gets 192.0.2.10, 192.0.2.9 for"),
        (None, UNKNOWN, "nobody could tell"),
    ],
)
def test_the_test_point_must_be_listed(point: Heard, grade: Fitness, gets: str) -> None:
    found = answered(ZONE, point)
    assert fit(found, "answers", ZONE) is grade
    assert gets in found.says and " 2.0.0.127.bl.test" in found.says, "RFC 5782 5"


@pytest.mark.parametrize(
    ("heard", "grade"),
    [
        (("10 mx.bl.lux.",), OK),
        (("10 MX.bl.lux.", "20 mx.bl.lux."), OK),
        (("mx.bl.lux",), OK),
        (("10 mx.bl.lux.", "20 mx.else.test."), WRONG),
        (("10 mx.else.test.",), WRONG),
        ((), WRONG),
        ((" ",), WRONG),
        (None, UNKNOWN),
    ],
)
def test_letters_come_back_to_the_collector_alone(heard: Heard, grade: Fitness) -> None:
    found = exchange("c.bl.lux", heard, "Mx.bl.lux")
    assert fit(found, "mx", "c.bl.lux") is grade
    assert ("has no MX record" in found.says) is (heard in ((), (" ",)))


@pytest.mark.parametrize(
    ("heard", "ours", "grade", "says"),
    [
        (("192.0.2.1",), {OURS, OURS6}, OK, "is 192.0.2.1"),
        (("192.0.2.9", "192.0.2.1"), {OURS}, OK, "is 192.0.2.1, 192.0.2.9"),
        (("192.0.2.9",), {OURS, OURS6}, WRONG, "is 192.0.2.9, and not 192.0.2.1, 2001:db8::1"),
        (("192.0.2.9",), (), OK, "is 192.0.2.9"),
        ((), {OURS}, WRONG, "has no address"),
        (None, (), UNKNOWN, "nobody could tell"),
    ],
)
def test_a_name_of_ours_leads_to_an_address_of_ours(
    heard: Heard, ours: Collection[Address], grade: Fitness, says: str
) -> None:
    found = host("site", "bl.test", heard, ours)
    assert fit(found, "site", "bl.test") is grade
    assert says in found.says
    assert found.facts == (heard if grade is OK else ()), "what is looked at next"
    assert grade is not WRONG or ("192.0.2.1" if ours else "this machine") in found.do


def test_without_addresses_of_ours_a_name_must_lead_to_this_machine() -> None:
    assert "that leads to this machine" in host("site", "bl.test", (), ()).do


@pytest.mark.parametrize(
    ("names", "forward", "grade", "says"),
    [
        (("T.bl.lux.",), {"t.bl.lux": ("192.0.2.9", "192.0.2.1")}, OK, "is t.bl.lux, which leads back"),
        (("x.test.", "t.bl.lux."), {"t.bl.lux": ("192.0.2.1",)}, OK, "is t.bl.lux, which leads back"),
        (("x.test.",), {"x.test": ("192.0.2.1",)}, WRONG, "is x.test, and the tester says T.bl.lux (tester.helo)"),
        (("t.bl.lux.",), {"t.bl.lux": ("192.0.2.9",)}, WRONG, "t.bl.lux, does not lead back to it"),
        (("t.bl.lux.",), {"t.bl.lux": ()}, WRONG, "t.bl.lux, does not lead back to it"),
        (("t.bl.lux.", "x.test."), {"t.bl.lux": None, "x.test": ()}, UNKNOWN, "nobody could tell where t.bl.lux leads"),
        (("t.bl.lux.", "x.test."), {"t.bl.lux": (), "x.test": None}, UNKNOWN, "nobody could tell where t.bl.lux leads"),
        (("t.bl.lux.",), {}, UNKNOWN, "nobody could tell where t.bl.lux leads"),
        ((), {}, WRONG, "has no name (PTR)"),
        (None, {}, UNKNOWN, "nobody could tell the name of"),
    ],
)
def test_an_address_that_we_test_from_has_a_name_that_leads_back_to_it_and_that_we_say(
    names: Heard, forward: Mapping[str, Heard], grade: Fitness, says: str
) -> None:
    found = reverse(OURS, names, forward, ["T.bl.lux", "u.bl.lux"])
    assert fit(found, "reverse", "192.0.2.1") is grade
    assert says in found.says
    assert grade is not WRONG or "set its PTR record to T.bl.lux" in found.do


@pytest.mark.parametrize(
    ("heard", "grade"),
    [
        (("v=spf1 mx -all",), OK),
        (("V=SPF1 -all", "other"), OK),
        (("v=spf1",), OK),
        (("v=spf10 x", "something"), WRONG),
        (("v=spf1 mx -all", "v=spf1 a -all"), WRONG),
        ((), WRONG),
        (None, UNKNOWN),
    ],
)
def test_a_domain_that_sends_mail_says_who_may(heard: Heard, grade: Fitness) -> None:
    assert fit(policy_of("bl.test", heard), "spf", "bl.test") is grade


@pytest.mark.parametrize(
    ("heard", "grade", "says"),
    [
        (("v=DKIM1; k=rsa; p=MIGf",), OK, "a key is published at"),
        (("p=MIGf",), OK, "a key is published at"),
        (("p=", "p=MIGf"), OK, "a key is published at"),
        (("v=DKIM1; p=",), WRONG, "is withdrawn"),
        (("v=DKIM1; k=rsa",), WRONG, "there is no key at"),
        ((), WRONG, "there is no key at"),
        (None, UNKNOWN, "nobody could tell"),
    ],
)
def test_the_key_of_letters_is_published(heard: Heard, grade: Fitness, says: str) -> None:
    found = signed("s._domainkey.b.test", heard)
    assert fit(found, "dkim", "s._domainkey.b.test") is grade
    assert says in found.says


def test_what_is_fine_or_not_known_asks_for_nothing_unless_it_says_so() -> None:
    assert ok("store", "x", "it answers").row() == {
        "about": "store", "of": "x", "state": "ok", "says": "it answers", "do": ""
    }  # fmt: skip
    assert unknown("clock", "", "nobody knows").row() == {
        "about": "clock", "of": "", "state": "unknown", "says": "nobody knows", "do": ""
    }  # fmt: skip
    assert unknown("clock", "", "nobody knows", "ask").do == "ask"


def test_a_row_has_all_that_a_program_asks_for() -> None:
    row = exchange("c.bl.test", (), "mx.bl.test").row()
    assert row == {
        "about": "mx",
        "of": "c.bl.test",
        "state": "wrong",
        "says": "c.bl.test has no MX record, so no letter comes back",
        "do": 'publish "c.bl.test. MX 10 mx.bl.test." and no other MX',
    }
