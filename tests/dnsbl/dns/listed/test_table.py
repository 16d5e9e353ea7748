import hashlib
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsbl.addresses import Address, Network
from dnsbl.dns.listed import array, file
from dnsbl.dns.listed import table as module
from dnsbl.dns.listed.table import Table
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


def dumped(table: Table) -> bytes:
    return b"".join(table.parts())


def loaded(data: bytes) -> Table:
    table = Table.over(memoryview(data))
    table.verify()
    return table


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
    again = loaded(dumped(table))
    assert list(again.rows()) == list(table.rows())
    assert again.serial == 77
    assert dumped(again) == dumped(table)


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


@pytest.mark.parametrize("at", [0, 15, 20, 40, -2, -66])
def test_a_table_damaged_on_disk_is_recognised(at: int) -> None:
    data = bytearray(dumped(Table.of(rows("192.0.2.0/24 relay", "2001:db8::/64 manual"))))
    data[at] ^= 1
    with pytest.raises(Damaged, match="checksum"):
        loaded(bytes(data))


@pytest.mark.parametrize("end", [0, 1, 30, 64, 65, 90])
def test_a_table_cut_short_on_disk_is_recognised(end: int) -> None:
    with pytest.raises(Damaged):
        loaded(dumped(Table.of(rows("192.0.2.0/24 relay", "2001:db8::/64 manual")))[:end])


FORMAT = f"dnsbl-table 3 {sys.byteorder}".encode()
FIRST = FORMAT + b" 5 0 5 -"


def sealed(head: bytes, arrays: bytes = b"") -> bytes:
    """A file with this head, its checksums right."""
    body = head + b"\n" + hashlib.sha256(head).hexdigest().encode() + b"\n\n"
    body += bytes(-len(body) % 16) + arrays
    return body + hashlib.sha256(body).hexdigest().encode() + b"\n"


def test_the_head_says_all_that_a_table_says_about_itself() -> None:
    table = Table.of(rows("192.0.2.1/32 relay", "2001:db8::/64 "), serial=7).follows(None, zones_digest="z9", now=1000)
    head, _, rest = dumped(table.changed([change(8, "192.0.2.2/32", "relay")])).partition(b"\n\n")
    first, *bands, check = head.split(b"\n")
    assert first == FORMAT + b" 8 993 7 z9"
    assert bands == [b"- 6 64 1 0 0", b"relay 4 32 2 0 0"]
    assert check == hashlib.sha256(head[:-65]).hexdigest().encode()
    assert len(rest) % 16 == (65 - len(head) - 2) % 16


@pytest.mark.parametrize(
    ("head", "arrays"),
    [
        (FORMAT + b" x 0 5 -", b""),
        (FORMAT + b" 5 0 -", b""),
        (FORMAT + b" 5 0 5 - 6", b""),
        (FIRST + b"\nrelay 4 32", b""),
        (FIRST + b"\nrelay 4 32 1 0 x", b""),
        (FIRST + b"\nrelay 4 32 9 0 0", b""),
        (FIRST + b"\nrelay 4 33 1 0 0", bytes(16)),
        (FIRST + b"\nrelay 5 32 1 0 0", bytes(16)),
        (FIRST + b"\nrelay 4 32 0 0 0", b""),
        (FIRST + b"\nrelay 4 32 -1 0 0", bytes(16)),
        (FIRST + b"\nrelay 4 32 1 0 -1", bytes(16)),
        (FIRST + b"\nrelay 4 32 1 129 0", bytes(16)),
        (FIRST + b"\nrelay 4 32 1 0 0" * 2, bytes(32)),
        (FIRST + b"\nrelay 4 8 1 0 0", b"\xff" * 16),  # a number of more than 8 bits
        (FIRST + b"\nrelay 4 32 1 0 4", b"\1" * 32),  # a guide of another size
        (FIRST + b"\nrelay 4 32 1 0 0", b"\1" * 32),  # more than was announced
        (FIRST + b"\n\xff", b""),
    ],
)
def test_a_file_of_another_shape_is_recognised(head: bytes, arrays: bytes, tmp_path: Path) -> None:
    data = sealed(head, arrays)
    with pytest.raises(Damaged, match="not what it says"):
        loaded(data)
    (tmp_path / "table").write_bytes(data)
    with pytest.raises(Damaged, match="not what it says"):
        Table.mapped(tmp_path / "table")


def test_the_smallest_good_files_are_read() -> None:
    assert list(loaded(sealed(FIRST)).rows()) == []
    listed = loaded(sealed(FIRST + b"\nrelay 4 8 1 0 0", (9).to_bytes(4, sys.byteorder) + bytes(12)))
    assert list(listed.rows()) == rows("9.0.0.0/8 relay")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"another 1 5\n\n",
        b"dnsbl-table 1 5\n\n",
        b"dnsbl-table 2 5 1000 5 -\nrelay 4 32 c0000201\n",
        b"dnsbl-table 2 little 5\nrelay 4 32 1 0 0\n\n" + bytes(64),
        b"dnsbl-table 3 neither 5 0 5 -\n\n",
    ],
)
def test_files_of_older_and_other_formats_are_refused(body: bytes, tmp_path: Path) -> None:
    data = body + hashlib.sha256(body).hexdigest().encode() + b"\n"
    with pytest.raises(Damaged, match="another format"):
        loaded(data)
    (tmp_path / "table").write_bytes(data)
    with pytest.raises(Damaged, match="another format"):
        Table.mapped(tmp_path / "table")


@pytest.mark.parametrize("at", range(len(FORMAT) + 1, len(FORMAT) + 60, 3))
def test_what_a_mapped_table_says_about_itself_is_sound_before_it_is_verified(at: int, tmp_path: Path) -> None:
    data = bytearray(dumped(Table.of(rows("192.0.2.1/32 relay", "2001:db8::/64 manual"), serial=12345)))
    data[at] ^= 1
    (tmp_path / "table").write_bytes(data)
    with pytest.raises(Damaged):
        Table.mapped(tmp_path / "table")


def test_a_mapped_table_answers_at_once_and_its_damage_is_found_when_it_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "table"
    table = Table.of(many(3000), serial=9)
    path.write_bytes(dumped(table))
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


def test_a_damaged_table_answers_wrongly_at_worst_until_it_is_verified(tmp_path: Path) -> None:
    good = dumped(Table.of(many(300)))
    begin, drawn, served = good.index(b"\n\n") + 18, Random(11), 0
    for _ in range(150):
        data = bytearray(good)
        for _ in range(drawn.choice([1, 500])):
            data[drawn.randrange(begin, len(data) - 65)] = drawn.choice([0, 255, drawn.getrandbits(8)])
        (tmp_path / "table").write_bytes(data)
        try:
            table = Table.mapped(tmp_path / "table")
        except Damaged:  # the ends of arrays are looked at
            continue
        served += 1
        for number in (0, drawn.getrandbits(12), drawn.getrandbits(32), 2**32 - 1):
            table.kinds_at(4, number)
            table.kinds_at(6, 0x20010DB8 << 96 | number << drawn.choice([0, 64, 80]))
        table.within(4, drawn.getrandbits(8), 8)
        table.covering(6, 0x20010DB8 << 96, 128)
        table.something_under(IPv4Network((drawn.getrandbits(8) << 24, 8)), ["relay"])
        assert table.without(lambda version, length: [])[0] is table
        if data != good:
            with pytest.raises(Damaged, match="checksum"):
                table.without(lambda version, length: [(0, 2**length - 1)])
    assert served > 50


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


def arrays(table: Table) -> list[tuple[object, ...]]:
    """All that lies in memory, guides too."""
    return [tuple(bytes(part) if isinstance(part, memoryview) else part for part in one) for one in table.bands()]


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
        assert arrays(table) == arrays(Table.of(table.rows()))
    assert {(str(network), kind) for network, kind in table.rows()} == expected
    assert len(table) == len(expected)
    for held in table._bands.values():
        assert list(held) == sorted(set(held))
        for number in [n for present in held for n in (present - 1, present, present + 1)][:600]:
            assert (number in held) == (number >= 0 and held.any_between(number, number))
    assert [len(one.guide) > 0 for one in table.bands()] == [True] * 5


def test_a_row_may_be_listed_twice_or_as_packed_bytes_or_out_of_order() -> None:
    listed = many(300)
    packed = [(bytes((n.version, *n.network_address.packed, n.prefixlen)), kind) for n, kind in listed]
    ordered = Table.of(sorted(set(packed)))
    assert dumped(ordered) == dumped(Table.of(listed)) == dumped(Table.of(packed[::-1] * 2))


def test_rows_that_come_in_no_order_are_sorted_in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = many(100)
    expected = dumped(Table.of(listed))
    monkeypatch.setattr(array, "RUN", 7)
    for one in (array, file):
        monkeypatch.setattr(one, "PIECE", 32)
    assert dumped(Table.of(listed)) == expected


def test_an_ipv4_address_takes_less_than_five_bytes_and_an_ipv6_64_less_than_nine() -> None:
    v4 = Table.of((b"\4" + (n * 4001).to_bytes(4) + b"\x20", "relay") for n in range(100_000))
    v6 = Table.of((b"\6" + (n * 4001).to_bytes(8) + bytes(8) + b"\x40", "relay") for n in range(100_000))
    for table, most in ((v4, 5), (v6, 9)):
        assert sum(part.nbytes for one in table.bands() for part in one[1:] if isinstance(part, memoryview)) < (
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
        assert arrays(merged) == arrays(Table.of(merged.rows()))
    far = table.changed([Change(seq=2, network=make(2 ** (8 * size) - 1), kind="relay", present=True)]).merged()
    assert arrays(far) == arrays(Table.of(far.rows()))  # the guide had to be made anew
    gone = Table.of(rows("192.0.2.1/32 relay")).changed([change(1, "192.0.2.1/32", "relay", present=False)])
    assert list(gone.merged().rows()) == []


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
    assert loaded(dumped(after)).soa_serial == serial
    assert loaded(dumped(after)).zones_digest == digest


def test_the_serial_counts_modulo_two_to_the_32() -> None:
    table = Table.of([], serial=3).follows(None, zones_digest="z", now=2**32 - 1)
    assert table.soa_serial == 2**32 - 1
    assert table.changed([change(4, "192.0.2.2/32", "relay")]).soa_serial == 0


def test_serials_since_the_log_leads_here_stand_for_change_numbers() -> None:
    table = Table.of([], serial=10).follows(None, zones_digest="z", now=NOW)
    later = table.changed([change(11, "192.0.2.2/32", "relay"), change(12, "192.0.2.3/32", "relay")])
    for kept in (later, loaded(dumped(later)), later.follows(later, zones_digest="z", now=NOW)):
        assert [kept.change_number(NOW + n) for n in (-1, 0, 1, 2, 3)] == [None, 10, 11, 12, 12]


@pytest.mark.parametrize("why", ["zones", "epoch", "another table"])
def test_a_break_in_the_story_forgets_older_serials(why: str) -> None:
    table = Table.of([], serial=10).follows(None, zones_digest="z", now=NOW)
    later = table.changed([change(11, "192.0.2.2/32", "relay")])
    number = 5 if why == "epoch" else 12
    after = Table.of(rows("192.0.2.1/32 relay"), serial=number).follows(
        later, zones_digest="y" if why == "zones" else "z", now=NOW + 60
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


@settings(max_examples=60)
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

    table = Table.of(listed, serial=1).follows(None, zones_digest="z", now=1000)
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


def test_a_table_in_service_that_follows_itself_unchanged_stays_the_same_object() -> None:
    table = Table.of(rows("192.0.2.1/32 relay"), serial=7).follows(None, zones_digest="z", now=NOW)
    assert table.follows(table, zones_digest="z", now=NOW + 5) is table
    assert table.follows(table, zones_digest="y", now=NOW + 5) is not table
