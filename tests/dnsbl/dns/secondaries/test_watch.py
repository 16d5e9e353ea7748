"""What is wrong with a server, by what it said."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.dns.secondaries.watch import Heard, expected, report, trouble
from dnsbl.dns.zonefile import read_zone

ZONE = read_zone(
    """
origin = "bl.test"
ns = ["ns.bl.test"]
[soa]
mname = "ns.bl.test"
rname = "hostmaster.bl.test"
[[records]]
name = "ns"
type = "A"
data = "192.0.2.53"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
[kinds.manual]
code = "127.0.0.4"
txt = "manual {address}"
""",
    "bl.toml",
    site="https://site.example",
)


def test_f26_f33_listing_the_world_silence_and_serials_round_the_corner_are_trouble() -> None:
    wanted = expected(ZONE, None)
    assert [(one.address, sorted(one.codes)) for one in wanted] == [
        ("127.0.0.2", ["127.0.0.2"]),
        ("::ffff:127.0.0.2", ["127.0.0.2"]),
        ("127.0.0.1", []),
        ("::ffff:127.0.0.1", []),
    ]
    heard = Heard("s", "bl.test", 3, {one.owner: frozenset(["127.0.0.2"]) for one in wanted[:3]})
    assert trouble(heard, wanted, 2**32 - 1) == [
        "has serial 3, 4 ahead of ours",
        "says 127.0.0.2 about 127.0.0.1, not nothing",
        "does not answer about ::ffff:127.0.0.1",
    ]
    assert trouble(Heard("s", "bl.test", 3), [], None) == []


def test_the_address_of_the_last_change_must_have_the_codes_of_its_kinds() -> None:
    *points, last = expected(ZONE, (ip_address("192.0.2.9"), ("manual", "relay")))
    assert len(points) == 4
    assert (last.owner, last.address) == ("9.2.0.192.bl.test", "192.0.2.9")
    assert sorted(last.codes) == ["127.0.0.2", "127.0.0.4"]


def test_a_server_that_lags_is_told_by_how_much_and_one_that_refuses_what_helps() -> None:
    heard = Heard("s", "bl.test", 3, refused={"2.0.0.127.bl.test"})
    behind, refuses = trouble(heard, expected(ZONE, None), 5)
    assert behind == "has serial 3, 2 behind ours"
    assert refuses.startswith("refuses to tell us what is listed")
    assert trouble(Heard("s", "bl.test"), expected(ZONE, None), 5) == ["does not answer for the zone"]


def test_a_server_is_judged_by_what_its_own_zone_must_say() -> None:
    fine = {one.owner: one.codes for one in expected(ZONE, None)}
    heard = [
        Heard("a", "bl.test", 5, fine),
        Heard("b", "bl.test", 5, fine | {"1.0.0.127.bl.test": fine["2.0.0.127.bl.test"]}),
    ]
    assert report(heard, {"bl.test": expected(ZONE, None)}, {"bl.test": 5}) == [
        {"server": "a", "zone": "bl.test", "serial": 5, "trouble": []},
        {"server": "b", "zone": "bl.test", "serial": 5, "trouble": ["says 127.0.0.2 about 127.0.0.1, not nothing"]},
    ]


def test_answers_from_an_older_version_than_the_soa_show_more_than_one_server() -> None:
    wanted = expected(ZONE, None)
    heard = Heard("s", "bl.test", 2, {one.owner: one.codes for one in wanted})
    owners = [one.owner for one in wanted]
    heard.versions = {"bl.test": 2, owners[0]: 2, owners[1]: 3, owners[2]: None}
    assert trouble(heard, wanted, 2) == []
    heard.versions[owners[3]] = 2**32 - 1
    assert trouble(heard, wanted, 2) == [
        "answers from serial 4294967295 too, so more than one server is behind this address"
    ]


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([], "says nothing about 127.0.0.2, not 127.0.0.2"),
        (["192.0.2.1"], "says 192.0.2.1 about 127.0.0.2, not 127.0.0.2"),
        (["127.0.0.2", "192.0.2.1"], "says 127.0.0.2 and 192.0.2.1 about 127.0.0.2, not 127.0.0.2"),
    ],
)
def test_p45_a_test_point_that_is_missing_or_has_an_address_outside_loopback_is_trouble(
    codes: list[str], said: str
) -> None:
    wanted = expected(ZONE, None)
    right = {one.owner: one.codes for one in wanted}
    assert trouble(Heard("s", "bl.test", 3, dict(right)), wanted, 3) == [], "there and right: the list works"
    heard = Heard("s", "bl.test", 3, right | {wanted[0].owner: frozenset(codes)})
    assert trouble(heard, wanted, 3) == [said]
