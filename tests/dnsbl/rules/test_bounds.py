from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import Network
from dnsbl.dns.listed.table import Table
from dnsbl.errors import Refused
from dnsbl.model import Change
from dnsbl.rules import targets
from dnsbl.rules.bounds import Bounds
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal
from tests.depth import examples

BOUNDS = Bounds.of(Settings())


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("10.1.2.0/24", "private use"),
        ("127.0.0.1/32", "loopback"),
        ("2001:db8:5::/48", "documentation"),
        ("fe80::/64", "link local"),
        ("8000::/33", "not global unicast"),
    ],
)
def test_b46_special_space_is_not_held_and_its_name_is_said(network: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as caught:
        BOUNDS.check(ip_network(network))
    assert caught.value.reason == Refusal.SPECIAL_PURPOSE
    assert not BOUNDS.may_hold(ip_network(network))


@pytest.mark.parametrize(("network", "said"), [("8.0.0.0/6", "private use"), ("0.0.0.0/0", "this network")])
def test_what_holds_special_space_is_not_held_either(network: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        Bounds(special=BOUNDS.special).check(ip_network(network))


@pytest.mark.parametrize("network", ["8.8.8.0/24", "11.0.0.0/16", "2606:4700::/32", "9.255.255.255/32", "11.0.0.0/32"])
def test_public_networks_are_held(network: str) -> None:
    assert BOUNDS.check(ip_network(network)) == ip_network(network)
    assert BOUNDS.may_hold(ip_network(network))


def test_a_network_around_a_lab_is_not_inside_it() -> None:
    bounds = Bounds(special=BOUNDS.special, labs=(ip_network("10.0.0.0/16"),))
    assert bounds.may_hold(ip_network("10.0.0.0/16"))
    assert bounds.may_hold(ip_network("10.0.255.255/32"))
    assert not bounds.may_hold(ip_network("10.0.0.0/15"))
    assert not bounds.may_hold(ip_network("10.1.0.0/32"))


def test_what_is_wider_than_the_terms_allow_is_refused_for_its_width_in_both_families() -> None:
    terms = Settings().policy
    assert terms.widest_ipv4 != terms.widest_ipv6
    for network in (f"20.0.0.0/{terms.widest_ipv4}", f"2600::/{terms.widest_ipv6}"):
        held = ip_network(network)
        assert BOUNDS.check(held) == held
        with pytest.raises(Refused, match=f"wider than /{held.prefixlen}, the widest that may be listed") as caught:
            BOUNDS.check(held.supernet())
        assert caught.value.reason == Refusal.TOO_WIDE
    assert BOUNDS.barred(4, terms.widest_ipv4 - 1) == [(0, 2 ** (terms.widest_ipv4 - 1) - 1)], "all of that length"


def test_what_is_narrow_enough_for_another_deed_may_be_special() -> None:
    network = ip_network("127.0.0.0/24")
    assert BOUNDS.narrow(network, "excluded") == network
    with pytest.raises(Refused, match="the widest that may be excluded"):
        BOUNDS.narrow(ip_network("0.0.0.0/1"), "excluded")


def test_the_last_address_of_special_space_is_special_too() -> None:
    for _, last, _ in BOUNDS.special[4]:
        assert not BOUNDS.may_hold(IPv4Network((last, 32)))
    for _, last, _ in BOUNDS.special[6]:
        assert not BOUNDS.may_hold(IPv6Network((last, 128)))


def test_the_networks_of_a_lab_are_held_and_what_lies_between_two_of_them_is_not() -> None:
    given = {"lab_networks": ["127.0.0.0/32", "127.0.0.2/32"], "source_addresses": ["127.0.0.1"]}
    bounds = Bounds.of(Settings.model_validate({"tester": given}))
    assert [bounds.may_hold(ip_network(f"127.0.0.{n}")) for n in range(4)] == [True, False, True, False]
    between = 127 << 24 | 1
    ranges = bounds.barred(4, 32)
    assert (between, between) in ranges
    assert not any(first <= number <= last for number in (between - 1, between + 1) for first, last in ranges)


def test_without_arguments_there_are_no_bounds() -> None:
    for network in ("0.0.0.0/0", "::/0", "127.0.0.1/32"):
        assert Bounds().may_hold(ip_network(network))
    assert Table.of([(ip_network("0.0.0.0/0"), "relay")]).without(Bounds().barred)[1] is None


def _around(version: int, number: int, length: int, by: int) -> Network:
    bits = 32 if version == 4 else 128
    first = (number + by) % (1 << bits) >> bits - length << bits - length
    return IPv4Network((first, length)) if version == 4 else IPv6Network((first, length))


# Networks at and around the edges of special space, so that they cover, touch and miss it; and anywhere.
EDGES = [(version, edge) for version, spans in BOUNDS.special.items() for span in spans for edge in span[:2]]
NEAR = st.sampled_from(EDGES).flatmap(
    lambda edge: st.builds(
        _around, st.just(edge[0]), st.just(edge[1]), st.integers(0, 32 if edge[0] == 4 else 128), st.integers(-2, 2)
    )
)
FAR = st.one_of(
    st.builds(_around, st.just(4), st.integers(0, 2**32 - 1), st.integers(0, 32), st.just(0)),
    st.builds(_around, st.just(6), st.integers(0, 2**128 - 1), st.integers(0, 128), st.just(0)),
)
NETWORKS = st.one_of(NEAR, FAR)
ROWS = st.lists(st.tuples(NETWORKS, st.sampled_from(["relay", "manual", ""])), max_size=20)
LABS = st.lists(NEAR, max_size=5)


@examples(120)
@given(ROWS, ROWS, LABS, st.integers(0, 24), st.integers(0, 48))
def test_a_whole_table_is_judged_as_its_rows_are(
    listed: list[tuple[Network, str]],
    later: list[tuple[Network, str]],
    labs: list[Network],
    widest_ipv4: int,
    widest_ipv6: int,
) -> None:
    bounds = Bounds(widest_ipv4=widest_ipv4, widest_ipv6=widest_ipv6, special=BOUNDS.special, labs=tuple(labs))
    inside = [(network, "relay") for lab in labs for network in (lab, *_halves(lab))]
    table = Table.of([*listed, *inside])
    table = table.changed(Change(seq=1, network=network, kind=kind, present=True) for network, kind in later)
    held, one = table.without(bounds.barred)
    assert list(held.rows()) == [row for row in table.rows() if bounds.may_hold(row[0])]
    assert (one is None) == (len(held) == len(table))
    assert one is None or not bounds.may_hold(one)


def _halves(network: Network) -> list[Network]:
    return list(network.subnets()) if network.prefixlen < network.max_prefixlen else []


@examples(100)
@given(NETWORKS)
def test_what_an_operator_may_list_is_what_the_list_may_hold(network: Network) -> None:
    lab = Settings.model_validate({"tester": {"lab_networks": ["127.0.0.0/8"], "source_addresses": ["127.0.0.1"]}})
    for terms in (Settings(), lab):
        try:
            targets.listable(network, terms)
        except Refused:
            assert not Bounds.of(terms).may_hold(network)
        else:
            assert Bounds.of(terms).may_hold(network)


@given(st.sampled_from([4, 6]), st.integers(0, 32), LABS)
def test_barred_ranges_are_in_order_and_none_meets_another(version: int, length: int, labs: list[Network]) -> None:
    ranges = Bounds(special=BOUNDS.special, labs=tuple(labs)).barred(version, length)
    flat = [edge for pair in ranges for edge in pair]
    assert flat == sorted(flat)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))
    assert all(0 <= first <= last < 1 << length or length == 0 for first, last in ranges)


def test_every_special_address_is_barred_and_its_public_neighbours_are_not() -> None:
    for number, make, bits in ((0x0A000000, IPv4Address, 32), (0xFC00 << 112, IPv6Address, 128)):
        ranges = BOUNDS.barred(make(number).version, bits)
        assert any(first <= number <= last for first, last in ranges)
    assert not any(first <= 0x09FFFFFF <= last for first, last in BOUNDS.barred(4, 32))
