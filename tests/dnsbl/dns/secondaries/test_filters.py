"""What filters are handed: exactly what the origin lists, address by address, and never a machine's own."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import filters
from dnsbl.dns.zonefile import read_zone

ZONE = read_zone(
    """
origin = "relays.example.org"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "h.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "x"
[kinds.multihop]
code = "127.0.0.3"
txt = "x"
aggregate = false
""",
    "z",
    site="https://s",
)
#: Where random rows lie, so that they often hold one another.
BASE = int(IPv4Address("198.51.96.0"))


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[object, str]]:
    lengths = st.integers(20, 32)
    made = []
    for _ in range(draw(st.integers(0, 12))):
        length = draw(lengths)
        first = (BASE + draw(st.integers(0, 4095))) >> (32 - length) << (32 - length)
        made.append((ip_network((first, length)), draw(st.sampled_from(["relay", "multihop", ""]))))
    return made


def listed(table: Table, address: object) -> bool:
    return "relay" in table.kinds(address)  # type: ignore[arg-type]


@given(rows())
def test_ranges_are_the_addresses_that_the_origin_lists_and_never_touch(found: list) -> None:
    table = Table.of(found)
    held: set[int] = set()
    before = -2
    for first, last in filters.ranges(ZONE, table, 4):
        assert before + 1 < int(first) <= int(last)
        before = int(last)
        held |= set(range(int(first), int(last) + 1))
    assert held == {n for n in range(BASE, BASE + 4096) if listed(table, IPv4Address(n))}


@given(rows())
def test_nested_networks_say_the_same_when_the_longest_prefix_decides(found: list) -> None:
    table = Table.of(found)
    said = [line.split() for line in filters.ipset(ZONE, table) if line.startswith("add ")]
    nets = sorted(((ip_network(words[2]), len(words) == 3) for words in said), key=lambda row: row[0].prefixlen)
    for number in range(BASE, BASE + 4096, 7):
        address = IPv4Address(number)
        verdict = False
        for network, on in nets:
            if address in network:
                verdict = on
        assert verdict is listed(table, address)


WORLD = Table.of(
    [
        (ip_network("192.0.2.0/24"), "relay"),
        (ip_network("192.0.2.64/26"), ""),
        (ip_network("192.0.2.65/32"), "relay"),
        (ip_network("198.51.100.1/32"), "multihop"),
        (ip_network("203.0.113.0/25"), "relay"),
        (ip_network("203.0.113.128/25"), "relay"),
        (ip_network("127.0.0.0/8"), "relay"),
        (ip_network("2001:db8::/32"), "relay"),
        (ip_network("2001:db8:0:0:1:0:0:1/128"), ""),
        (ip_network("::ffff:192.0.2.0/120"), "relay"),
        (ip_network("::1/128"), "relay"),
    ],
    serial=7,
)


def test_the_nftables_script_fills_sets_anew_with_what_is_listed() -> None:
    lines = list(filters.nftables(ZONE, WORLD))
    assert lines[0] == "add table inet dnsbl\n"
    assert "flush set inet dnsbl relays_example_org_4\n" in lines
    (four,) = [line for line in lines if line.startswith("add element inet dnsbl relays_example_org_4")]
    assert four.split("{ ")[1] == (
        "192.0.2.0-192.0.2.63, 192.0.2.65, 192.0.2.128-192.0.2.255, 203.0.113.0-203.0.113.255 }\n"
    )
    (six,) = [line for line in lines if line.startswith("add element inet dnsbl relays_example_org_6")]
    assert six.count("2001:db8:") == 4
    assert "2001:db8::1:0:0:1" not in six


def test_the_ipset_file_fills_a_set_beside_and_swaps_it_in() -> None:
    lines = [line.rstrip() for line in filters.ipset(ZONE, WORLD)]
    four = [line for line in lines if "_4" in line]
    assert [line.split()[0] for line in four] == ["create", "create", "flush", *["add"] * 5, "swap", "destroy"]
    assert "add relays_example_org_4n 192.0.2.64/26 nomatch" in four
    assert all(len(word) <= 31 for line in lines for word in line.split()[1:2])


def test_the_policy_zone_names_listed_networks_backwards_and_lets_exceptions_pass() -> None:
    text = "".join(filters.rpz(ZONE, WORLD))
    for line in (
        "@ IN SOA localhost. hostmaster.localhost. 7 3600 600 604800 300",
        "24.0.2.0.192.rpz-ip CNAME .",
        "26.64.2.0.192.rpz-ip CNAME rpz-passthru.",
        "32.65.2.0.192.rpz-ip CNAME .",
        "32.zz.db8.2001.rpz-ip CNAME .",
        "128.1.0.0.1.zz.db8.2001.rpz-ip CNAME rpz-passthru.",
    ):
        assert line + "\n" in text


@pytest.mark.parametrize("form", filters.FORMS)
def test_no_filter_holds_a_machines_own_addresses_or_a_test_point(form: str) -> None:
    text = "".join(filters.FORMS[form](ZONE, WORLD))
    assert "127." not in text
    assert ".127." not in text
    assert "::ffff" not in text
    assert "::1," not in text


def test_a_filter_of_nothing_is_an_empty_set_and_a_long_list_is_cut_into_lines() -> None:
    assert not [line for line in filters.nftables(ZONE, Table.of([])) if "element" in line]
    many = Table.of((ip_network((BASE + 2 * n, 32)), "relay") for n in range(1200))
    lines = [line for line in filters.nftables(ZONE, many) if "element" in line]
    assert [line.count(",") for line in lines] == [499, 499, 199]
    assert next(iter(filters.ranges(ZONE, many, 4))) == (BASE, BASE)
