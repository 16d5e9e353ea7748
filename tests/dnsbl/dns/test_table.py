import hashlib
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from random import Random

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
def test_every_address_has_the_kinds_of_its_longest_prefixes(listed: list[Row]) -> None:
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


HEAD = f"dnsbl-table 2 {sys.byteorder}".encode()


def sealed(body: bytes) -> bytes:
    body += bytes(-len(body) % 16)
    return body + hashlib.sha256(body).hexdigest().encode() + b"\n"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"another 1 5\n\n",
        b"dnsbl-table 1 5\n\n",
        HEAD + b" x\n\n",
        HEAD + b" 5\nrelay 4 32\n\n",
        HEAD + b" 5\nrelay 4 32 1 0 x\n\n",
        HEAD + b" 5\nrelay 4 32 9 0 0\n\n",
        HEAD + b" 5\nrelay 4 33 1 0 0\n\n",
        HEAD + b" 5\nrelay 5 32 1 0 0\n\n",
        HEAD + b" 5\nrelay 4 32 0 0 0\n\n",
        HEAD + b" 5\nrelay 4 32 -1 0 0\n\n",
        HEAD + b" 5\nrelay 4 32 1 0 -1\n\n",
        (HEAD + b" 5\nrelay 4 8 1 0 0\n\n").ljust(64, b"\0") + b"\xff" * 16,  # a number of more than 8 bits
        (HEAD + b" 5\nrelay 4 32 1 0 4\n\n").ljust(64, b"\0") + b"\1" * 32,  # a guide of another size
        (HEAD + b" 5\nrelay 4 32 1 0 0\n\n").ljust(64, b"\0") + b"\1" * 32,  # more than was announced
        HEAD + b" 5\n\xff\n\n",
    ],
)
def test_a_file_of_another_shape_is_recognised(body: bytes, tmp_path: Path) -> None:
    with pytest.raises(Damaged, match=r"not what it says|another format"):
        Table.load(sealed(body))
    (tmp_path / "table").write_bytes(sealed(body))
    with pytest.raises(Damaged, match=r"not what it says|another format"):
        Table.mapped(tmp_path / "table")


def test_a_mapped_table_answers_at_once_and_its_damage_is_found_when_it_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "table"
    table = Table.of(many(3000), serial=9)
    with path.open("wb") as file:
        table.write(file)
    mapped = Table.mapped(path)
    mapped.verify()
    assert list(mapped.rows()) == list(table.rows())
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    damaged = Table.mapped(path)
    with pytest.raises(Damaged, match="checksum"):
        damaged.verify()
    path.write_bytes(b"")
    with pytest.raises(Damaged, match="checksum"):
        Table.mapped(path)
    table.verify()  # nothing to read


def many(count: int) -> list[Row]:
    """Rows of every width, enough for guides, with dense and empty parts."""
    drawn = Random(5)
    found: list[Row] = []
    for _ in range(count):
        low = drawn.getrandbits(12)
        found += [
            (IPv4Network(drawn.choice([low, drawn.getrandbits(32)])), "relay"),
            (IPv4Network((drawn.getrandbits(18) << 14, 18)), ""),
            (IPv6Network((0x20010DB8 << 96 | low << drawn.choice([64, 80]), 64)), "relay"),
            (IPv6Network(0x20010DB8 << 96 | low << 90 | drawn.getrandbits(6)), "manual"),
            (IPv6Network(0x20010DB8 << 96 | drawn.getrandbits(30)), "close"),
        ]
    return found


@pytest.mark.parametrize("merge", [True, False])
def test_large_tables_with_guides_hold_what_sets_hold(merge: bool) -> None:
    listed = many(600)
    table = Table.of(listed, serial=1)
    expected = {(str(network), kind) for network, kind in listed}
    new = [*many(640)[3000:], (IPv4Network("255.255.255.255"), "relay"), (IPv4Network("0.0.0.0"), "relay")]
    gone = listed[::11]
    steps = [*((row, True) for row in new), *((row, False) for row in gone)]
    table = table.changed(Change(seq=2 + n, network=r[0], kind=r[1], present=p) for n, (r, p) in enumerate(steps))
    expected = (expected | {(str(n), k) for n, k in new}) - {(str(n), k) for n, k in gone}
    if merge:
        table = table.merged()
        assert table.dump() == Table.of(table.rows(), serial=table.serial).dump()  # guides too
    assert {(str(network), kind) for network, kind in table.rows()} == expected
    assert len(table) == len(expected)
    for shelf in table._shelves.values():
        assert list(shelf) == sorted(set(shelf))
        for number in [n for present in shelf for n in (present - 1, present, present + 1)][:600]:
            assert (number in shelf) == (number >= 0 and shelf.any_between(number, number))
    assert [len(shelf.guide) > 0 for shelf in table.shelves()] == [True] * 5


def test_a_row_may_be_listed_twice_or_as_packed_bytes_or_out_of_order() -> None:
    listed = many(300)
    packed = [(bytes((n.version, *n.network_address.packed, n.prefixlen)), kind) for n, kind in listed]
    ordered = Table.of(sorted(set(packed)))
    assert ordered.dump() == Table.of(listed).dump() == Table.of(packed[::-1] * 2).dump()


def test_rows_that_come_in_no_order_are_sorted_in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = many(100)
    expected = Table.of(listed).dump()
    monkeypatch.setattr(module, "_RUN", 7)
    monkeypatch.setattr(module, "_PIECE", 32)
    assert Table.of(listed).dump() == expected


def test_an_ipv4_address_takes_less_than_five_bytes_and_an_ipv6_64_less_than_nine() -> None:
    v4 = Table.of((b"\4" + (n * 4001).to_bytes(4) + b"\x20", "relay") for n in range(100_000))
    v6 = Table.of((b"\6" + (n * 4001).to_bytes(8) + bytes(8) + b"\x40", "relay") for n in range(100_000))
    for table, most in ((v4, 5), (v6, 9)):
        assert sum(part.nbytes for shelf in table.shelves() for part in shelf[1:] if isinstance(part, memoryview)) < (
            most * 100_000
        )


@pytest.mark.parametrize("version", [4, 6])
def test_a_guide_that_is_moved_by_a_merge_is_the_one_that_would_be_made(version: int) -> None:
    size = 4 if version == 4 else 16
    keys = [bytes([version]) + (n * n * 977 + 5).to_bytes(size) + bytes([8 * size]) for n in range(1100)]
    table = Table.of(((key, "relay") for key in keys), serial=1)
    make = IPv4Network if version == 4 else IPv6Network
    steps = [
        Change(seq=n + 2, network=make(number), kind="relay", present=present)
        for n, (number, present) in enumerate(
            [(6, True), (977 + 5, False), (7, True), (500 * 500 * 977 + 5, False), (1098 * 1098 * 977 + 6, True)]
        )
    ]
    for upto in range(1, len(steps) + 1):
        merged = table.changed(steps[:upto]).merged()
        assert merged.dump() == Table.of(merged.rows(), serial=merged.serial).dump()
    gone = Table.of(rows("192.0.2.1/32 relay")).changed([change(1, "192.0.2.1/32", "relay", present=False)])
    assert list(gone.merged().rows()) == []
