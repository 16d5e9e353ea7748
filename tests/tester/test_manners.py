"""Which addresses may be dialled, and how many at once."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.manners import SPECIAL, Pacer, why_not

FORBIDDEN = {
    "0.0.0.0/8": "RFC 791",
    "10.0.0.0/8": "RFC 1918",
    "100.64.0.0/10": "RFC 6598",
    "127.0.0.0/8": "RFC 1122",
    "169.254.0.0/16": "RFC 3927",
    "172.16.0.0/12": "RFC 1918",
    "192.0.0.0/24": "RFC 6890",
    "192.0.2.0/24": "RFC 5737",
    "192.31.196.0/24": "RFC 7535",
    "192.52.193.0/24": "RFC 7450",
    "192.88.99.0/24": "RFC 7526",
    "192.168.0.0/16": "RFC 1918",
    "192.175.48.0/24": "RFC 7534",
    "198.18.0.0/15": "RFC 2544",
    "198.51.100.0/24": "RFC 5737",
    "203.0.113.0/24": "RFC 5737",
    "224.0.0.0/4": "RFC 5771",
    "240.0.0.0/5": "RFC 1112",
    "255.255.255.255/32": "RFC 8190",
    "::/128": "unspecified, RFC 4291",
    "::1/128": "loopback, RFC 4291",
    "::2/127": "deprecated IPv4-compatible, RFC 4291",
    "::8000:0/97": "deprecated IPv4-compatible, RFC 4291",
    "64:ff9b:1::/48": "RFC 8215",
    "100::/64": "RFC 6666",
    "100:0:0:1::/64": "RFC 9780",
    "2001::/32": "RFC 4380",
    "2001:2::/48": "RFC 2928",
    "2001:1ff:ffff::/48": "RFC 2928",
    "2001:db8::/32": "RFC 3849",
    "2620:4f:8000::/48": "RFC 7534",
    "3fff::/20": "RFC 9637",
    "5f00::/16": "RFC 9602",
    "fc00::/7": "RFC 4193",
    "fe80::/10": "link local, RFC 4291",
    "fec0::/10": "RFC 3879",
    "ff00::/8": "multicast, RFC 4291",
    "1000::/4": "not global unicast, RFC 4291",
    "4000::/2": "not global unicast, RFC 4291",
    "8000::/2": "not global unicast, RFC 4291",
    "e000::/4": "not global unicast, RFC 4291",
}


@pytest.mark.parametrize(("network", "rfc"), FORBIDDEN.items())
def test_special_purpose_space_is_forbidden_from_end_to_end(network: str, rfc: str):
    space = ip_network(network)
    for address in (space[0], space[-1], space[space.num_addresses // 2]):
        why = why_not(address)
        assert why is not None and why.endswith(rfc), address


@pytest.mark.parametrize(("version", "make"), [(4, IPv4Address), (6, IPv6Address)])
def test_the_table_of_special_space_holds_first_and_last_address_of_each_block(version: int, make: type):
    for first, last, why in SPECIAL[version]:
        assert first <= last
        assert why_not(make(first)) is not None and why_not(make(last)) is not None, why
    assert (10 << 24, (11 << 24) - 1, "private use, RFC 1918") in SPECIAL[4]
    assert (0xFC << 120, (0xFE << 120) - 1, "unique local, RFC 4193") in SPECIAL[6]


@pytest.mark.parametrize(
    "text",
    [
        "1.0.0.0",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.0.3.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:db7:ffff::1",
        "2001:db9::1",
        "2606:4700:4700::1111",
        "2a00:1450:4001:800::200e",
        "3ffe:ffff::1",
        "3fff:1000::1",
    ],
)
def test_ordinary_addresses_may_be_dialled(text: str):
    assert why_not(ip_address(text)) is None


@pytest.mark.parametrize(
    ("wrapper", "kind"),
    [
        ("::ffff:{}", "IPv4-mapped"),
        ("64:ff9b::{}", "NAT64"),
    ],
)
@pytest.mark.parametrize("inner", ["10.0.0.1", "127.0.0.1", "224.0.0.1", "192.88.99.1", "203.0.113.9"])
def test_a_wrapped_address_is_judged_by_the_one_inside(wrapper: str, kind: str, inner: str):
    why = why_not(ip_address(wrapper.format(inner)))
    assert why is not None and why.startswith(kind) and why.endswith(why_not(ip_address(inner)) or "?")
    assert why_not(ip_address(wrapper.format("8.8.8.8"))) is None


def test_6to4_is_judged_by_the_address_inside():
    assert why_not(ip_address("2002:a00:1::1")) == "6to4 form of an address that is private use, RFC 1918"
    assert why_not(ip_address("2002:808:808::1")) is None


def test_teredo_never_passes_whatever_is_inside():
    # server 8.8.8.8, client 8.8.4.4, both ordinary
    assert why_not(IPv6Address("2001:0:808:808:0:0:f7f7:fbfb")) == "Teredo, RFC 4380"


def test_a_zone_never_passes():
    assert why_not(IPv6Address("2a00::1%eth0")) == "scoped to one link, RFC 4007"


LAB = [ip_network("198.18.0.0/15"), ip_network("fd00:1ab::/32")]


@pytest.mark.parametrize("text", ["198.18.0.9", "198.19.255.255", "fd00:1ab::9"])
def test_a_lab_network_may_be_dialled(text: str):
    assert why_not(ip_address(text), lab_networks=LAB) is None
    assert why_not(ip_address(text)) is not None


@pytest.mark.parametrize("text", ["198.20.0.1", "10.0.0.1", "fd00:1ac::1", "2002:c612:9::1", "::ffff:198.18.0.9"])
def test_a_lab_network_opens_nothing_but_itself(text: str):
    assert why_not(ip_address(text), lab_networks=LAB) == why_not(ip_address(text))


def test_a_wrapper_passes_when_it_is_itself_in_the_lab():
    assert why_not(ip_address("::ffff:198.18.0.9"), lab_networks=[ip_network("::ffff:0:0/96")]) is None


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_every_spelling_of_an_ipv4_address_gets_the_same_answer(address: IPv4Address):
    plain = why_not(address) is None
    for base in (0xFFFF << 32, 0x64FF9B << 96):
        assert (why_not(IPv6Address(base | int(address))) is None) == plain
    assert (why_not(IPv6Address(0x2002 << 112 | int(address) << 80)) is None) == plain


@given(st.ip_addresses())
def test_what_the_standard_library_calls_private_never_passes_plainly(address: IPv4Address | IPv6Address):
    if address.is_private or address.is_multicast or address.is_reserved or address.is_loopback:
        wrapped = isinstance(address, IPv6Address) and (address.ipv4_mapped or address in ip_network("64:ff9b::/96"))
        assert wrapped or why_not(address) is not None


def one(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)


def test_one_test_at_a_time_for_an_address():
    pacer = Pacer(everywhere=9, per_network=9)
    assert pacer.start(one("192.0.2.1"))
    assert not pacer.start(one("192.0.2.1"))
    pacer.end(one("192.0.2.1"))
    assert pacer.start(one("192.0.2.1"))


@pytest.mark.parametrize(
    ("first", "second", "third", "elsewhere"),
    [
        ("192.0.2.1", "192.0.2.2", "192.0.2.255", "192.0.3.1"),
        ("2001:db8:1::1", "2001:db8:1:2::1", "2001:db8:1:ffff::1", "2001:db8:2::1"),
    ],
)
def test_a_few_at_a_time_for_a_network(first: str, second: str, third: str, elsewhere: str):
    pacer = Pacer(everywhere=9, per_network=2)
    assert pacer.start(one(first)) and pacer.start(one(second))
    assert not pacer.start(one(third))
    assert pacer.start(one(elsewhere))
    pacer.end(one(first))
    assert pacer.start(one(third))
    assert not pacer.start(one(first)), "the second one goes on"


def test_so_many_at_a_time_everywhere():
    pacer = Pacer(everywhere=2, per_network=9)
    assert pacer.start(one("192.0.2.1")) and pacer.start(one("2001:db8::1"))
    assert not pacer.start(one("203.0.113.1"))
    pacer.end(one("2001:db8::1"))
    assert pacer.start(one("203.0.113.1"))


def test_another_spelling_gets_no_second_place():
    pacer = Pacer(everywhere=9, per_network=9)
    assert pacer.start(one("192.0.2.1"))
    assert not pacer.start(one("::ffff:192.0.2.1"))
    assert not pacer.start(one("64:ff9b::192.0.2.1"))
    pacer.end(one("::ffff:192.0.2.1"))
    assert pacer.start(one("192.0.2.1"))


def test_ending_what_does_not_run_frees_no_place():
    pacer = Pacer(everywhere=9, per_network=1)
    assert pacer.start(one("192.0.2.1"))
    pacer.end(one("192.0.2.2"))
    assert not pacer.start(one("192.0.2.3"))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=120))
def test_the_caps_hold_and_nothing_is_left_behind(steps: list[tuple[bool, int]]):
    pacer, running = Pacer(everywhere=6, per_network=2), set()
    for start, number in steps:
        address = IPv4Address(0xC0000200 + 64 * number)
        if start and pacer.start(address):
            assert address not in running
            running.add(address)
        elif not start:
            pacer.end(address)
            running.discard(address)
        per_network = [sum(int(each) >> 8 == int(other) >> 8 for each in running) for other in running]
        assert len(running) <= 6 and max(per_network, default=0) <= 2
    for address in tuple(running):
        pacer.end(address)
    assert not pacer._running and not pacer._networks
