"""Tables on disk: they come back as they were, and damage shows."""

from __future__ import annotations

import hashlib
import sys
from ipaddress import IPv4Network
from pathlib import Path
from random import Random

import pytest
from hypothesis import given

from dnsbl.dns.listed.table import Table
from dnsbl.errors import Damaged
from tests.depth import examples
from tests.dnsbl.dns.listed.samples import (
    ROWS,
    Row,
    change,
    dumped,
    loaded,
    many,
    rows,
)


@examples(60)
@given(ROWS)
def test_a_table_comes_back_from_disk_as_it_was(listed: list[Row]) -> None:
    table = Table.of(listed, serial=77)
    again = loaded(dumped(table))
    assert list(again.rows()) == list(table.rows())
    assert again.serial == 77
    assert dumped(again) == dumped(table)


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
    table = Table.of(rows("192.0.2.1/32 relay", "2001:db8::/64 "), serial=7).numbered(
        1000 - 7, since=7, zones_digest="z9"
    )
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
