"""The keyring's file: made once, for its owner's eyes only, and never replaced."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from dnsbl.casework.keyring import keyring_at
from dnsbl.clock import HandClock
from dnsbl.errors import Damaged


def test_a_first_start_makes_a_ring_that_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys.json"
    made = keyring_at(path, clock=HandClock())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert made.current.created == 1767225600
    assert os.listdir(path.parent) == ["keys.json"]


def test_a_later_start_reads_the_same_ring(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    made = keyring_at(path, clock=HandClock())
    assert keyring_at(path, clock=HandClock()).to_json() == made.to_json()


def test_programs_that_start_together_end_up_with_one_ring(tmp_path: Path) -> None:
    path, rings = tmp_path / "keys.json", []
    barrier = threading.Barrier(2)

    def random(size: int) -> bytes:
        barrier.wait(timeout=10)  # both have seen that there is no file
        return os.urandom(size)

    def start(name: str) -> None:
        ring = keyring_at(path.with_name(name), clock=HandClock(), random=random)
        rings.append(ring.to_json())

    threads = [threading.Thread(target=start, args=("keys.json",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rings) == 2
    assert rings[0] == rings[1] == path.read_text()
    assert os.listdir(tmp_path) == ["keys.json"]


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"keys": [{"kid": "!"}]}', "\u00e9"])
def test_a_file_that_holds_no_ring_is_damaged_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Damaged, match="does not hold a keyring"):
        keyring_at(path, clock=HandClock())
    assert path.read_text(encoding="utf-8") == text
