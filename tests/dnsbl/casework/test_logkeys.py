"""The file of the log's keys."""

from __future__ import annotations

import stat
from itertools import count
from pathlib import Path

import pytest

from dnsbl.casework import logkeys
from dnsbl.errors import Damaged, Withheld

NUMBERS = count(1)


def random(octets: int) -> bytes:
    return next(NUMBERS).to_bytes(octets)


def test_a_file_is_made_once_and_a_new_key_stands_before_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "state" / "log.key"
    assert logkeys.read(path, "log.example") is None
    logkeys.make(path, random)
    (first,) = logkeys.read(path, "log.example") or []
    logkeys.make(path, random)
    assert [key.verifier for key in logkeys.read(path, "log.example") or []] == [first.verifier]
    logkeys.rotate(path, random)
    second, kept = logkeys.read(path, "log.example") or []
    assert kept.verifier == first.verifier != second.verifier
    logkeys.rotate(path, random)
    third, kept = logkeys.read(path, "log.example") or []
    assert kept.verifier == second.verifier != third.verifier
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and [each.name for each in path.parent.iterdir()] == ["log.key"]


@pytest.mark.parametrize("content", [b"", b"!!", b"AAAA\n", b"\xff"])
def test_a_file_that_holds_no_keys_is_told_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.key"
    path.write_bytes(content)
    for verb in (lambda: logkeys.read(path, "log.example"), lambda: logkeys.rotate(path, random)):
        with pytest.raises(Damaged, match="does not hold keys of the log"):
            verb()
    assert path.read_bytes() == content


def test_a_place_where_none_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Withheld, match="cannot be"):
        logkeys.make(tmp_path / "file" / "log.key", random)
    with pytest.raises(Withheld, match="cannot be read"):
        logkeys.read(tmp_path, "log.example")
