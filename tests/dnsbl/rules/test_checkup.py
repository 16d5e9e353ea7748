"""What DNS says of a list is judged: fine, wrong with what to do, or not known."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import pytest

from dnsbl.rules.checkup import Checked, Fitness, Heard, answered, delegation, exchange, policy_of, signed

OK, WRONG, UNKNOWN = Fitness.OK, Fitness.WRONG, Fitness.UNKNOWN
ZONE, NS = "bl.test", "ns1.bl.test"
OURS = ip_address("192.0.2.1")
OURS6 = ip_address("2001:db8::1")


def fit(found: Checked) -> Fitness:
    """The grade of a finding that says what it should."""
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
    assert [fit(one) for one in delegation(ZONE, [NS], heard, hosts)] == grades


def test_glue_is_asked_for_only_inside_the_zone() -> None:
    [_, inside] = delegation(ZONE, [NS], (NS,), {NS: ()})
    [_, outside] = delegation(ZONE, ["ns.else.test"], ("ns.else.test",), {"ns.else.test": ()})
    assert "glue" in inside.do and "glue" not in outside.do


@pytest.mark.parametrize(
    ("point", "grade"),
    [
        (("127.0.0.2",), OK),
        (("127.0.0.4", "127.0.0.2"), OK),
        ((), WRONG),
        (("192.0.2.9",), WRONG),
        (None, UNKNOWN),
    ],
)
def test_the_test_point_must_be_listed(point: Heard, grade: Fitness) -> None:
    assert fit(answered(ZONE, point)) is grade


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
    assert fit(policy_of("bl.test", heard)) is grade


@pytest.mark.parametrize(
    ("heard", "grade"),
    [
        (("v=DKIM1; k=rsa; p=MIGf",), OK),
        (("p=MIGf",), OK),
        (("v=DKIM1; p=",), WRONG),
        (("v=DKIM1; k=rsa",), WRONG),
        ((), WRONG),
        (None, UNKNOWN),
    ],
)
def test_the_key_of_letters_is_published(heard: Heard, grade: Fitness) -> None:
    assert fit(signed("s._domainkey.b.test", heard)) is grade


def test_a_row_has_all_that_a_program_asks_for() -> None:
    row = exchange("c.bl.test", (), "mx.bl.test").row()
    assert row == {
        "about": "mx",
        "of": "c.bl.test",
        "state": "wrong",
        "says": "c.bl.test has no MX record, so no letter comes back",
        "do": 'publish "c.bl.test. MX 10 mx.bl.test." and no other MX',
    }
