"""What is fixed about a zone: its kinds and their texts, who it answers for, what an address has in it."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones, reserved
from dnsbl.errors import SettingsError
from tests.dnsbl.dns.test_zonefile import GOOD, SITE, zone


def test_f02_f32_the_text_is_filled_with_address_and_page() -> None:
    kind = zone().views[b""].kinds["relay"]
    assert kind.text(ip_address("192.0.2.1"), SITE) == "relay 192.0.2.1 https://site.example/ip/192.0.2.1"


def test_zones_are_found_by_the_end_of_a_name() -> None:
    zones = zones_from(
        {name: GOOD.replace("bl.test", name) for name in ("bl.test", "a.very.deep.bl.example")}, site=SITE
    )
    assert [zone.origin for zone in zones] == ["bl.test", "a.very.deep.bl.example"]
    for labels, origin in (
        ((b"bl", b"test"), "bl.test"),
        ((b"1", b"2", b"bl", b"test"), "bl.test"),
        ((b"x", b"a", b"very", b"deep", b"bl", b"example"), "a.very.deep.bl.example"),
        ((b"very", b"deep", b"bl", b"example"), None),
        ((b"test",), None),
        ((), None),
        ((b"bl", b"test", b"example"), None),
    ):
        found = zones.of(labels)
        assert (found.origin if found else None) == origin


def test_zones_must_not_meet() -> None:
    texts = {
        "one": GOOD,
        "two": GOOD,
        "three": GOOD.replace("bl.test", "sub.bl.test"),
        "four": GOOD.replace("bl.test", "test"),
        "five": "origin = 1",
    }
    with pytest.raises(SettingsError) as caught:
        zones_from(texts, site=SITE)
    said = caught.value.mistakes
    assert "two: origin: bl.test is also the origin in one; one file a zone" in said
    assert "three: origin: sub.bl.test and bl.test must not lie inside one another" in said
    assert "four: origin: test and bl.test must not lie inside one another" in said
    assert any(mistake.startswith("five: ") for mistake in said)


def test_zones_whose_names_only_end_alike_do_not_meet() -> None:
    assert len(list(zones_from({n: GOOD.replace("bl.test", n) for n in ("bl.test", "xbl.test")}, site=SITE))) == 2


def test_the_digest_changes_with_a_zone_file_and_with_the_site() -> None:
    digest = zones_from({"a": GOOD}, site=SITE).digest
    assert zones_from({"renamed": GOOD}, site=SITE).digest == digest
    assert zones_from({"a": GOOD.replace("ttl = 60", "ttl = 61")}, site=SITE).digest != digest
    assert zones_from({"a": GOOD}, site="https://s.example").digest != digest


def test_f12_the_bit_mask_is_the_or_of_the_codes() -> None:
    kinds = [view.kinds[name] for view in [zone().views[b"relay"], zone().views[b"output"]] for name in view.kinds]
    assert zone().codes(kinds) == (b"\x7f\0\0\2", b"\x7f\0\0\3")
    masked = zone(GOOD.replace("127.0.0.3", "127.0.0.16").replace("[soa]", 'style = "bitmask"\n[soa]'))
    kinds = [view.kinds[name] for label, view in masked.views.items() if label for name in view.kinds]
    assert masked.codes(kinds) == (b"\x7f\0\0\x12",)
    assert masked.codes(kinds[:1]) == (b"\x7f\0\0\2",)
    assert masked.codes([]) == ()


@pytest.mark.parametrize(
    ("address", "listed", "kinds"),
    [
        ("192.0.2.9", ["relay"], ["relay"]),
        ("192.0.2.9", ["relay", "output", "relay", "unheard-of"], ["output", "relay"]),  # a kind of its own, once
        ("192.0.2.9", [], []),
        ("2001:db8::9", ["relay"], ["relay"]),
        ("127.0.0.2", [], ["relay"]),  # RFC 5782 5: a test point is listed, whatever the table says
        ("127.0.0.3", ["relay"], ["output"]),
        ("127.0.0.1", ["relay"], []),  # and its neighbours never are
        ("127.0.0.255", ["relay"], []),
        ("127.0.1.0", ["relay"], ["relay"]),
    ],
)
def test_f18_f19_f20_an_address_in_a_list_is_one_rule(address: str, listed: list[str], kinds: list[str]) -> None:
    every = zone(GOOD.replace("aggregate = false", "aggregate = true"))
    assert [kind.name for kind in every.views[b""].kinds_of(ip_address(address), listed)] == kinds
    codes = [str(every.views[b""].kinds[name].code) for name in kinds]
    assert every.codes_of(ip_address(address), listed) == codes
    assert Zones((every,)).codes_of(ip_address(address), iter(listed)) == {"bl.test": codes}


@pytest.mark.parametrize(
    ("network", "only_points"),
    [("127.0.0.0/24", True), ("127.0.0.5/32", True), ("127.0.0.0/23", False), ("::/128", False), ("::/0", False)],
)
def test_only_test_points_are_answered_in_the_network_around_them(network: str, only_points: bool) -> None:
    assert reserved(ip_network(network)) is only_points


def test_a_cache_lets_go_within_the_longest_ttl_and_where_there_are_secondaries_their_refresh() -> None:
    zones = zones_from(
        {"a": CLEARING.format(origin="a.test", ttl=300), "b": CLEARING.format(origin="b.test", ttl=900)},
        site="https://x.example",
    )
    assert zones.clears(["relay"], refresh=False) == timedelta(seconds=900)
    assert zones.clears(["relay"], refresh=True) == timedelta(seconds=900 + 1800)
    assert zones.clears(["other"], refresh=True) == timedelta(0)


CLEARING = """
origin = "{origin}"
ns = ["ns.example.net"]
ttl = {ttl}
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
refresh = 1800
[kinds.relay]
code = "127.0.0.2"
txt = "relay"
"""
