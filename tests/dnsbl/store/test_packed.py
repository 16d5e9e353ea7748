"""Networks in little memory: in order, each once, whatever they come as."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import Network, parse_network
from dnsbl.store.columns import network_key
from dnsbl.store.packed import Packed, key_of

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
OCTET = st.one_of(st.integers(0, 300).map(str), st.sampled_from(["", "00", "01", " 1", "1 ", "-1", "²", "1_0"]))
NEAR = st.tuples(
    st.lists(OCTET, min_size=3, max_size=5).map(".".join), st.sampled_from(["", "/", "/24", "/032", "/33"])
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    address = draw(ADDRESSES)
    return ip_network((address, draw(st.integers(0, address.max_prefixlen))), strict=False)


@given(st.lists(networks(), max_size=30), st.integers(1, 5))
def test_what_is_packed_comes_out_in_order_each_once_as_often_as_it_is_read(given: list[Network], run: int) -> None:
    packed = Packed(run=run)
    for network in given:
        packed.add(network_key(network))
    wanted = sorted({network_key(network) for network in given})
    assert list(packed) == wanted == list(packed)
    assert packed.given == len(given)
    assert [key for some in packed.slices(3) for key in some] == wanted
    assert all(1 <= len(some) <= 3 for some in packed.slices(3))


def test_more_than_a_portion_of_both_versions_is_read_whole() -> None:
    wanted = [network_key(ip_network((n, 32))) for n in range(20_000)] + [
        network_key(ip_network((n << 64, 64))) for n in range(1 << 32, (1 << 32) + 7_000)
    ]
    packed = Packed(run=9_000)
    for key in reversed(wanted):
        packed.add(key)
    assert list(packed) == wanted


@given(st.one_of(networks().map(str), NEAR.map("".join), st.text(max_size=20)))
def test_a_line_is_read_as_a_network_is_and_refused_with_the_same_sentence(text: str) -> None:
    try:
        wanted = network_key(parse_network(text))
    except ValueError as error:
        with pytest.raises(ValueError) as raised:
            key_of(text)
        assert str(raised.value) == str(error)
    else:
        assert key_of(text) == wanted
