import hashlib
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsbl.addresses import Address, Network
from dnsbl.dns import table as module
from dnsbl.dns.table import Table
from dnsbl.errors import Damaged
from dnsbl.model import Change

Row = tuple[Network, str]


def rows(*texts: str) -> list[Row]:
    return [(ip_network(text.split()[0]), text.partition(" ")[2]) for text in texts]


def change(seq: int, network: str, kind: str, present: bool = True) -> Change:
    return Change(seq=seq, network=ip_network(network), kind=kind, present=present)


def brute(listed: list[Row], address: Address) -> tuple[str, ...]:
    """The definition, row by row."""
    covering = [(n.prefixlen, kind) for n, kind in listed if n.version == address.version and address in n]
    nearest = max((length for length, kind in covering if kind == ""), default=-1)
    return tuple(sorted({kind for length, kind in covering if kind and length >= nearest}))


# A corner of each address space, so that networks meet: 8 free bits.
def _v4(offset: int, length: int) -> IPv4Network:
    return IPv4Network((0xC0000200 + offset, 24 + length), strict=False)


def _v6(offset: int, length: int) -> IPv6Network:
    return IPv6Network((int(IPv6Address("2001:db8::")) + offset, 120 + length), strict=False)


def _wide_v6(offset: int, length: int) -> IPv6Network:
    return IPv6Network((int(IPv6Address("2001:db8::")) + (offset << 72), 48 + length), strict=False)


NETWORKS = st.builds(
    lambda make, offset, length: make(offset, length),
    st.sampled_from([_v4, _v6, _wide_v6]),
    st.integers(0, 255),
    st.integers(0, 8),
)
ROWS = st.lists(st.tuples(NETWORKS, st.sampled_from(["relay", "manual", ""])), max_size=12)


def corner(network: Network) -> list[Address]:
    """All addresses of a small network; of a wide one, one in each of its /56."""
    step = 1 if network.num_addresses <= 256 else 1 << 72
    return [network[n] for n in range(0, network.num_addresses, step)]


EVERYWHERE = [address for make in (_v4, _v6, _wide_v6) for address in corner(make(0, 0))][::11]


@settings(max_examples=60)
@given(ROWS)
def test_b43_every_address_has_the_kinds_of_its_longest_prefixes(listed: list[Row]) -> None:
    table = Table.of(listed)
    for address in EVERYWHERE:
        assert table.kinds(address) == brute(listed, address)


@settings(max_examples=60)
@given(ROWS, NETWORKS)
def test_something_is_under_a_network_when_an_address_in_it_is_listed(listed: list[Row], network: Network) -> None:
    table = Table.of(listed)
    for kinds in (("relay",), ("relay", "manual")):
        claimed = table.something_under(network, kinds)
        if any(kind == "" for _, kind in listed):  # a patchwork of exceptions may hide what is claimed
            assert claimed or not any(set(brute(listed, address)) & set(kinds) for address in corner(network))
        else:
            assert claimed == any(kind in kinds and network.overlaps(row) for row, kind in listed)


@settings(max_examples=60)
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


@settings(max_examples=60)
@given(ROWS)
def test_a_table_comes_back_from_disk_as_it_was(listed: list[Row]) -> None:
    table = Table.of(listed, serial=77)
    again = Table.load(table.dump())
    assert list(again.rows()) == list(table.rows())
    assert again.serial == 77
    assert again.dump() == table.dump()


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
    monkeypatch.setattr(module, "MOST_BESIDE", 4)
    table = Table.of(rows("192.0.2.1/32 relay", "192.0.2.2/32 relay"))
    expected = {"192.0.2.1", "192.0.2.2"}
    for n in range(3, 20):
        table = table.changed([change(n, f"192.0.2.{n}/32", "relay"), change(n, f"192.0.2.{n - 2}/32", "relay", False)])
        expected = (expected | {f"192.0.2.{n}"}) - {f"192.0.2.{n - 2}"}
        assert {str(network.network_address) for network, _ in table.rows()} == expected
        assert [n for n in range(32) if table.kinds(IPv4Address(0xC0000200 + n))] == [n - 1, n]
        assert table.something_under(ip_network("192.0.2.0/24"), ("relay",))
        assert not table.something_under(ip_network("192.0.2.32/27"), ("relay",))


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
    [shelf] = table._shelves.values()
    changed = table.changed([change(1, "192.0.2.1/32", "relay")])
    [again] = changed._shelves.values()
    assert again._base is shelf._base
    assert sys.getsizeof(shelf._base) < 5 * 20_000


@pytest.mark.parametrize("at", [0, 15, 20, 40, -2, -66])
def test_a_table_damaged_on_disk_is_recognised(at: int) -> None:
    data = bytearray(Table.of(rows("192.0.2.0/24 relay", "2001:db8::/64 manual")).dump())
    data[at] ^= 1
    with pytest.raises(Damaged, match="checksum"):
        Table.load(bytes(data))


@pytest.mark.parametrize("end", [0, 1, 30, 64, 65, 90])
def test_a_table_cut_short_on_disk_is_recognised(end: int) -> None:
    with pytest.raises(Damaged):
        Table.load(Table.of(rows("192.0.2.0/24 relay", "2001:db8::/64 manual")).dump()[:end])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"another 1 5\n",
        b"dnsbl-table 2 x\n",
        b"dnsbl-table 2 5 x -\n",
        b"dnsbl-table 2 5 0 -\nrelay 4 32\n",
        b"dnsbl-table 2 5 0 -\nrelay 4 32 zz\n",
        b"dnsbl-table 2 5 0 -\nrelay 4 32 1ffffffff\n",
        b"dnsbl-table 2 5 0 -\n\xff\n",
    ],
)
def test_a_file_of_another_shape_is_recognised(body: bytes) -> None:
    with pytest.raises(Damaged):
        Table.load(body + hashlib.sha256(body).hexdigest().encode() + b"\n")


NOW = 1_800_000_000


def test_the_first_table_ever_starts_the_serial_at_the_time_of_day() -> None:
    table = Table.of(rows("192.0.2.1/32 relay"), serial=7).follows(None, zones_digest="z", now=NOW)
    assert table.soa_serial == NOW
    assert table.serial == 7
    assert table.changed([change(8, "192.0.2.2/32", "relay")]).soa_serial == NOW + 1


@pytest.mark.parametrize(
    ("listed", "number", "digest", "now", "serial"),
    [
        ("192.0.2.1/32 relay", 50, "z", NOW + 9, NOW),  # nothing new: secondaries are not disturbed
        ("192.0.2.2/32 relay", 53, "z", NOW + 9, NOW + 3),  # went on
        ("192.0.2.1/32 relay", 50, "other", NOW + 9, NOW + 9),  # a zone file changed
        ("192.0.2.1/32 relay", 51, "other", NOW + 9, NOW + 1),  # a zone file changed, and there is a change
        ("192.0.2.2/32 relay", 50, "z", NOW + 9, NOW + 9),  # restored, and gone on to the same number
        ("192.0.2.1/32 manual", 50, "z", NOW + 9, NOW + 9),
        ("192.0.2.1/32 relay", 40, "z", NOW + 9, NOW + 9),  # restored
        ("192.0.2.1/32 relay", 40, "z", NOW - 9, NOW + 1),  # restored, and the clock set back
    ],
)
def test_the_serial_grows_unless_nothing_changed(listed: str, number: int, digest: str, now: int, serial: int) -> None:
    before = Table.of(rows("192.0.2.1/32 relay"), serial=50).follows(None, zones_digest="z", now=NOW)
    after = Table.of(rows(listed), serial=number).follows(before, zones_digest=digest, now=now)
    assert after.soa_serial == serial
    assert after.serial == number
    assert Table.load(after.dump()).soa_serial == serial
    assert Table.load(after.dump()).zones_digest == digest


def test_the_serial_counts_modulo_two_to_the_32() -> None:
    table = Table.of([], serial=3).follows(None, zones_digest="z", now=2**32 - 1)
    assert table.soa_serial == 2**32 - 1
    assert table.changed([change(4, "192.0.2.2/32", "relay")]).soa_serial == 0


def test_serials_since_the_log_leads_here_stand_for_change_numbers() -> None:
    table = Table.of([], serial=10).follows(None, zones_digest="z", now=NOW)
    later = table.changed([change(11, "192.0.2.2/32", "relay"), change(12, "192.0.2.3/32", "relay")])
    for kept in (later, Table.load(later.dump()), later.follows(later, zones_digest="z", now=NOW, logged=True)):
        assert [kept.change_number(NOW + n) for n in (-1, 0, 1, 2, 3)] == [None, 10, 11, 12, 12]


@pytest.mark.parametrize("why", ["zones", "epoch", "not logged"])
def test_a_break_in_the_story_forgets_older_serials(why: str) -> None:
    table = Table.of([], serial=10).follows(None, zones_digest="z", now=NOW)
    later = table.changed([change(11, "192.0.2.2/32", "relay")])
    number = 5 if why == "epoch" else 12
    after = Table.of(rows("192.0.2.1/32 relay"), serial=number).follows(
        later, zones_digest="y" if why == "zones" else "z", now=NOW + 60, logged=why != "not logged"
    )
    assert after.change_number(after.soa_serial) == number
    assert after.change_number(after.soa_serial - 1) is None


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
