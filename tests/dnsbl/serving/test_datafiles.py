from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from dnsbl.dns.zonefile import read_zone
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.serving import datafiles as module
from dnsbl.serving.datafiles import report, unpacked


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes])
def test_packed_files_are_unpacked(tmp_path: Path, pack: object) -> None:
    path = tmp_path / "f"
    path.write_bytes(pack(b"1.1.1.1\n" * 100_000))  # type: ignore[operator]
    assert unpacked(path) == b"1.1.1.1\n" * 100_000


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes])
def test_a_file_larger_than_any_list_is_not_taken(
    tmp_path: Path, pack: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    path = tmp_path / "f"
    path.write_bytes(pack(bytes(2000)))  # type: ignore[operator]
    with pytest.raises(DnsblError, match="larger than 1000 bytes"):
        unpacked(path)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_that_is_cut_short_anywhere_is_not_taken(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path, packed = tmp_path / "f", pack(b"".join(b"192.0.2.%d text\n" % n for n in range(256)))
    for size in range(4, len(packed)):
        path.write_bytes(packed[:size])
        with pytest.raises(DnsblError, match="cannot be unpacked"):
            unpacked(path)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_several_packed_pieces_are_one_file(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "f"
    path.write_bytes(pack(b"1.1.1.1\n" * 9000) + pack(b"") + pack(b"2.2.2.2\n"))
    assert unpacked(path) == b"1.1.1.1\n" * 9000 + b"2.2.2.2\n"


def test_a_pipe_where_a_data_file_should_be_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "one")
    zone = 'origin = "bl.test"\n[[sources]]\ntype = "ip4set"\nfiles = ["one"]\n'
    zones = Zones((read_zone(zone, str(tmp_path / "z.toml"), site="https://s.test"),))
    mistakes, _ = report(zones, now=0)
    assert mistakes == [f"{tmp_path / 'one'}: cannot be read: it is a pipe, and no file"]


def test_without_the_package_for_it_a_file_says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_bytes(zstandard.compress(b"x"))
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(DnsblError, match="pip install"):
        unpacked(path)


def test_a_report_names_mistakes_and_refused_lines(tmp_path: Path) -> None:
    zone = 'origin = "bl.test"\n[[sources]]\ntype = "ip4set"\nfiles = ["one"]\n'
    zones, one = Zones((read_zone(zone, str(tmp_path / "z.toml"), site="https://s.test"),)), tmp_path / "one"
    one.write_bytes(b"1.1.1.1\nx\n")
    mistakes, notes = report(zones, now=0)
    assert mistakes == []
    assert [note.partition("one, ")[2] for note in notes] == ["line 2: no IPv4 address or range"]
    one.write_bytes(b"$TIMESTAMP - 2020-01-01\n" + b"x\n" * 1001)
    mistakes, notes = report(zones, now=1 << 31)
    assert mistakes[0].endswith("one: the data have expired.")
    assert notes[-1].endswith("1001 lines refused in all.")
    one.unlink()
    assert "cannot be read" in report(zones, now=0)[0][0]
