import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import Network
from dnsbl.dns.listed import array
from dnsbl.dns.listed import table as module
from dnsbl.dns.listed.table import Table
from dnsbl.model import Change
from tests.depth import examples
from tests.dnsbl.dns.listed.samples import (
    EVERYWHERE,
    NETWORKS,
    ROWS,
    Row,
    arrays,
    brute,
    change,
    corner,
    dumped,
    loaded,
    many,
    rows,
)


@examples(60)
@given(ROWS)
def test_b43_every_address_has_the_kinds_of_its_longest_prefixes(listed: list[Row]) -> None:
    table = Table.of(listed)
    for address in EVERYWHERE:
        assert table.kinds(address) == brute(listed, address)


@examples(60)
@given(ROWS, NETWORKS)
def test_something_is_under_a_network_when_an_address_in_it_is_listed(listed: list[Row], network: Network) -> None:
    table = Table.of(listed)
    for kinds in (("relay",), ("relay", "manual")):
        claimed = table.something_under(network, kinds)
        if any(kind == "" for _, kind in listed):  # a patchwork of exceptions may hide what is claimed
            assert claimed or not any(set(brute(listed, address)) & set(kinds) for address in corner(network))
        else:
            assert claimed == any(kind in kinds and network.overlaps(row) for row, kind in listed)


@examples(60)
@given(ROWS, st.lists(st.tuples(NETWORKS, st.sampled_from(["relay", "manual", ""]), st.booleans()), max_size=12))
def test_changes_lead_to_the_same_table_as_its_rows(listed: list[Row], steps: list[tuple[Network, str, bool]]) -> None:
    before = Table.of(listed, serial=10)
    changes = [Change(seq=11 + n, network=net, kind=k, present=p) for n, (net, k, p) in enumerate(steps)]
    after = before.changed(changes)
    expected = dict.fromkeys(listed)
    for network, kind, present in steps:
        expected.pop((network, kind), None)
        if present:
            expected[network, kind] = None
    assert set(after.rows()) == set(expected)
    assert len(after) == len(expected)
    assert after.serial == 10 + len(steps)
    assert set(before.rows()) == set(listed)
    for address in EVERYWHERE[::3]:
        assert after.kinds(address) == brute(list(expected), address)
    for network in [network for network, _, _ in steps]:
        assert after.something_under(network, ("relay",)) == Table.of(expected).something_under(network, ("relay",))


def test_an_exception_hides_wider_rows_but_neither_narrower_nor_equal_ones() -> None:
    table = Table.of(rows("192.0.2.0/24 manual", "192.0.2.64/26", "192.0.2.64/26 equal", "192.0.2.65/32 relay"))
    assert table.kinds(ip_address("192.0.2.1")) == ("manual",)
    assert table.kinds(ip_address("192.0.2.64")) == ("equal",)
    assert table.kinds(ip_address("192.0.2.65")) == ("equal", "relay")
    assert not table.something_under(ip_network("192.0.2.96/28"), ("manual",))


def test_the_kind_none_is_an_exception() -> None:
    table = Table.of([*rows("192.0.2.0/24 manual"), (ip_network("192.0.2.7/32"), None)])
    assert table.kinds(ip_address("192.0.2.7")) == ()
    assert table.kinds(ip_address("192.0.2.8")) == ("manual",)


def test_all_prefixes_of_a_listed_network_have_something_under_them() -> None:
    for text in ("198.51.100.7/32", "198.51.96.0/22", "2001:db8:7::/48", "2001:db8::7/128"):
        network = ip_network(text)
        table = Table.of([(network, "relay")])
        for length in range(network.max_prefixlen + 1):
            prefix = ip_network((network.network_address, length), strict=False)
            assert table.something_under(prefix, ("relay",))
            assert not table.something_under(prefix, ("manual",))
        assert not table.something_under(ip_network("192.0.2.0/24"), ("relay",))


def test_families_do_not_mix() -> None:
    table = Table.of(rows("0.0.0.0/1 relay"))
    assert table.kinds(IPv6Address(1)) == ()
    assert not table.something_under(IPv6Network("::/0"), ("relay",))


def test_counts_are_rows_by_kind() -> None:
    table = Table.of(rows("192.0.2.0/24 relay", "192.0.2.0/24 relay", "2001:db8::/32 relay", "192.0.2.0/24 manual"))
    assert table.counts == {"manual": 1, "relay": 2}
    assert len(table) == 3


def test_many_changes_are_merged_into_the_arrays_and_a_few_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BESIDE", 3)
    table = Table.of(rows("192.0.2.1/32 relay", "192.0.2.2/32 relay"))
    expected = {"192.0.2.1", "192.0.2.2"}
    merges = 0
    for n in range(3, 20):
        table = table.changed([change(n, f"192.0.2.{n}/32", "relay"), change(n, f"192.0.2.{n - 2}/32", "relay", False)])
        if table.crowded:
            table, merges = table.merged(), merges + 1
            assert not table.crowded
        expected = (expected | {f"192.0.2.{n}"}) - {f"192.0.2.{n - 2}"}
        assert {str(network.network_address) for network, _ in table.rows()} == expected
        assert [n for n in range(32) if table.kinds(IPv4Address(0xC0000200 + n))] == [n - 1, n]
        assert table.something_under(ip_network("192.0.2.0/24"), ("relay",))
        assert not table.something_under(ip_network("192.0.2.32/27"), ("relay",))
    assert 2 < merges < 17


def test_what_was_removed_is_not_under_a_network_any_more() -> None:
    table = Table.of(rows("192.0.2.1/32 relay", "192.0.2.200/32 relay"))
    table = table.changed([change(1, "192.0.2.1/32", "relay", False)])
    assert not table.something_under(ip_network("192.0.2.0/25"), ("relay",))
    assert table.something_under(ip_network("192.0.2.0/24"), ("relay",))
    table = table.changed([change(2, "192.0.2.200/32", "relay", False)])
    assert not table.something_under(ip_network("192.0.2.0/24"), ("relay",))
    assert table.counts == {}


def test_a_change_and_its_contrary_leave_things_as_they_were() -> None:
    table = Table.of(rows("192.0.2.1/32 relay"))
    gone = table.changed([change(1, "192.0.2.1/32", "relay", False)])
    back = gone.changed([change(2, "192.0.2.1/32", "relay"), change(3, "192.0.2.2/32", "relay")])
    again = back.changed([change(4, "192.0.2.2/32", "relay", False)])
    assert list(again.rows()) == list(table.rows())


def test_a_change_shares_what_it_does_not_touch() -> None:
    table = Table.of([(IPv4Network((0xC6120000 + n, 32)), "relay") for n in range(20_000)])
    [band] = table._bands.values()
    changed = table.changed([change(1, "192.0.2.1/32", "relay")])
    [again] = changed._bands.values()
    assert again._base is band._base
    assert sys.getsizeof(band._base) < 5 * 20_000


NOW = 1_800_000_000


def test_the_serial_counts_modulo_two_to_the_32() -> None:
    table = Table.of([], serial=3).numbered(2**32 - 1 - 3, since=3, zones_digest="z")
    assert table.soa_serial == 2**32 - 1
    assert table.changed([change(4, "192.0.2.2/32", "relay")]).soa_serial == 0


def test_serials_since_the_log_leads_here_stand_for_change_numbers() -> None:
    table = Table.of([], serial=10).numbered(NOW - 10, since=10, zones_digest="z")
    later = table.changed([change(11, "192.0.2.2/32", "relay"), change(12, "192.0.2.3/32", "relay")])
    for kept in (later, loaded(dumped(later)), later.merged()):
        assert [kept.change_number(NOW + n) for n in (-1, 0, 1, 2, 3)] == [None, 10, 11, 12, 12]


def test_rows_inside_and_around_a_network_are_found_in_order() -> None:
    table = Table.of(
        rows(
            "192.0.2.0/24 relay", "192.0.2.128/25 ", "192.0.2.9/32 manual", "192.0.0.0/16 manual", "192.0.3.1/32 relay"
        )
    ).changed([change(1, "192.0.2.200/32", "manual"), change(2, "192.0.2.9/32", "manual", present=False)])
    first = 0xC0000200
    assert table.within(4, first >> 8, 24) == [(first + 128, 25, ""), (first + 200, 32, "manual")]
    assert table.covering(4, first >> 8, 24) == [(16, "manual"), (24, "relay")]
    assert table.covering(4, first + 130, 32) == [(16, "manual"), (24, "relay"), (25, "")]
    assert table.anything_within(4, first >> 8, 24, ("manual",))
    assert not table.anything_within(4, first >> 8, 24, ("relay",))
    assert table.within(6, 0, 0) == []


def test_the_narrowest_rows_come_first_when_asked_for() -> None:
    table = Table.of(rows("192.0.2.0/24 relay", "192.0.2.9/32 relay", "192.0.2.0/25 manual", "2001:db8::/32 relay"))
    assert [str(network) for network, _ in table.rows(narrowest_first=True)] == [
        "192.0.2.9/32",
        "192.0.2.0/25",
        "192.0.2.0/24",
        "2001:db8::/32",
    ]


@examples(60)
@given(ROWS, ROWS)
def test_all_rows_of_an_ip_version_come_in_order_whatever_lies_beside_the_arrays(
    listed: list[Row], later: list[Row]
) -> None:
    steps = [Change(seq=at, network=network, kind=kind, present=True) for at, (network, kind) in enumerate(later, 1)]
    table = Table.of(listed).changed(steps)
    for version in (4, 6):
        there = {(int(n.network_address), n.prefixlen, kind) for n, kind in listed + later if n.version == version}
        assert list(table.in_order(version)) == sorted(there)


@pytest.mark.parametrize("guided", [False, True])
def test_rows_are_the_same_whatever_lies_beside_the_arrays(guided: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array, "PIECE", 32)
    listed = many(300) if guided else rows("192.0.2.1/32 relay", "192.0.2.2/32 relay", "2001:db8::1/128 manual")
    table = Table.of(listed, serial=1)
    network, kind = listed[0]
    gone = Change(seq=2, network=network, kind=kind, present=False)
    back = Change(seq=3, network=network, kind=kind, present=True)
    new = change(2, "198.51.100.1/32", "relay")
    assert table.same_rows(table)
    assert table.same_rows(Table.of(listed[::-1], serial=9))
    assert table.changed([gone, back]).same_rows(table)
    without, more = table.changed([gone]), table.changed([new])
    assert not without.same_rows(table)
    assert not table.same_rows(without)
    assert without.same_rows(Table.of(without.rows()))
    assert Table.of(more.rows()).same_rows(more)
    assert more.same_rows(more.merged())
    assert not more.same_rows(table.changed([change(2, "198.51.100.2/32", "relay")]))
    assert not more.merged().same_rows(table.changed([change(2, "198.51.100.2/32", "relay")]).merged())
    assert not table.same_rows(Table.of([*listed, (network, "another")]))
    assert not table.changed([gone, new]).same_rows(table)
    network, kind = listed[-1]
    assert not without.same_rows(table.changed([Change(seq=2, network=network, kind=kind, present=False)]))
    network, kind = next(row for row in listed[1:] if row[0].prefixlen == 32 and row != listed[0])
    assert not without.same_rows(table.changed([Change(seq=2, network=network, kind=kind, present=False)]))


@examples(60)
@given(ROWS, ROWS, st.lists(st.tuples(st.integers(0, 8), st.integers(0, 255), st.integers(0, 40)), max_size=4))
def test_a_table_without_some_ranges_has_the_other_rows(
    listed: list[Row], later: list[Row], spans: list[tuple[int, int, int]]
) -> None:
    def barred(version: int, length: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for at, first, count in sorted(spans):
            begin = (0xC0000200 >> 8 - at) + (first >> 8 - at)
            if (version, length) == (4, 24 + at) and (not found or begin > found[-1][1]):
                found.append((begin, begin + count))
        return found

    def is_barred(network: Network) -> bool:
        number = int(network.network_address) >> network.max_prefixlen - network.prefixlen
        return any(first <= number <= last for first, last in barred(network.version, network.prefixlen))

    table = Table.of(listed, serial=1).numbered(1000 - 1, since=1, zones_digest="z")
    table = table.changed(Change(seq=2, network=network, kind=kind, present=True) for network, kind in later)
    left, one = table.without(barred)
    assert list(left.rows()) == [row for row in table.rows() if not is_barred(row[0])]
    assert (left.serial, left.epoch, left.since, left.zones_digest) == (
        table.serial,
        table.epoch,
        table.since,
        table.zones_digest,
    )
    if one is None:
        assert left is table
    else:
        assert is_barred(one)
        assert one in {network for network, _ in table.rows()}
    assert loaded(dumped(left)).same_rows(left)


def test_large_tables_lose_whole_ranges_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array, "PIECE", 32)
    table = Table.of(many(600))
    half = {(4, 32): [(0, 99), (2**31, 2**32 - 1)], (6, 64): [(0x20010DB8 << 32, 2**64 - 1)]}
    left, one = table.without(lambda version, length: half.get((version, length), []))
    assert one is not None
    assert list(left.rows()) == [
        (network, kind)
        for network, kind in table.rows()
        if (network.version, network.prefixlen) not in half
        or (network.version == 4 and 99 < int(network.network_address) < 2**31)
    ]
    assert arrays(left) == arrays(Table.of(left.rows()))


def test_a_table_is_numbered_in_an_epoch_and_is_itself_where_it_is_in_it() -> None:
    table = Table.of(rows("192.0.2.1/32 relay"), serial=7).numbered(NOW, since=5, zones_digest="z")
    assert table.numbered(NOW, since=5, zones_digest="z") is table
    for number, change_number in ((NOW + 4, None), (NOW + 5, 5), (NOW + 7, 7), (NOW + 9, 7)):
        assert table.change_number(number) == change_number
    other = table.numbered(NOW + 10, since=7, zones_digest="y")
    assert (other.soa_serial, other.since, other.zones_digest) == (NOW + 17, 7, "y")
    assert other.same_rows(table) and loaded(dumped(other)).soa_serial == NOW + 17
