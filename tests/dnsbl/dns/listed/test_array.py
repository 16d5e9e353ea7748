"""Sorted arrays with guides: what they hold, what they cost, and how they are merged."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

import pytest

from dnsbl.dns.listed import array, file
from dnsbl.dns.listed.table import Table
from dnsbl.model import Change
from tests.dnsbl.dns.listed.samples import (
    arrays,
    change,
    dumped,
    many,
    rows,
)


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
