"""Stamps as files, which are written once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dnsbl.errors import DnsblError
from dnsbl.files import write_whole
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.note import Signer
from dnsbl.serving.stamped import StampFolder
from dnsbl.settings import Settings

DAY = date(2026, 3, 1)
ORIGIN = "list.example/log"


def settings(tmp_path: Path, origin: str = ORIGIN, folder: str = "web") -> Settings:
    return Settings.model_validate(
        {"service": {"state_dir": tmp_path / "state"}, "tlog": {"origin": origin, "folder": tmp_path / folder}}
    )


def head(origin: str = ORIGIN) -> bytes:
    text, key = Checkpoint(origin, 3, bytes(32)).text, Signer(origin, bytes(32))
    return f"{text}\n{key.line(text)}".encode()


def test_a_stamp_stands_beside_its_head_and_neither_is_ever_another(tmp_path: Path) -> None:
    stamps = StampFolder(settings(tmp_path))
    assert (stamps.days(5), stamps.numbers(DAY), stamps.read("2026-03-01", "checkpoint")) == ([], [], None)
    stamps.put(DAY, b"head", 2, b"two")
    stamps.put(DAY, b"other", 2, b"three")
    stamps.put(date(2026, 3, 2), b"next", 1, b"one")
    assert (stamps.days(5), stamps.days(1)) == ([date(2026, 3, 2), DAY], [date(2026, 3, 2)])
    assert stamps.numbers(DAY) == [2]
    assert (stamps.read("2026-03-01", "checkpoint"), stamps.read("2026-03-01", "2.tsr")) == (b"head", b"two")


@pytest.mark.parametrize(
    ("day", "name"),
    [("..", "1.tsr"), ("..", "log.key"), ("2026-03-01", "../../x"), ("2026-03-01", "0.tsr"), ("2026-03-02", "1.tsr")],
)
def test_nothing_else_is_read(tmp_path: Path, day: str, name: str) -> None:
    stamps = StampFolder(settings(tmp_path))
    stamps.put(DAY, b"head", 1, b"one")
    for path in (tmp_path / "state" / "log.stamps").iterdir():
        for other in ("log.key", "1.tsr"):
            write_whole(path.parent / other, [b"x"])
        write_whole(path / "2026-03-01" / "0.tsr", [b"x"])
    assert stamps.read(day, name) is None


def test_a_log_under_a_new_name_has_no_stamps_of_the_old_one(tmp_path: Path) -> None:
    StampFolder(settings(tmp_path)).put(DAY, b"head", 1, b"one")
    assert StampFolder(settings(tmp_path, f"{ORIGIN}/2")).days(5) == []


def test_stamps_are_copied_beside_the_files_of_this_log_and_of_no_other(tmp_path: Path) -> None:
    stamps, web = StampFolder(settings(tmp_path)), tmp_path / "web"
    stamps.put(DAY, b"head", 1, b"one")
    stamps.put(date(2026, 3, 2), b"next", 1, b"one")
    assert stamps.copy() == 0  # the log's files are not there yet
    write_whole(web / "checkpoint", [head("other.example/log")])
    assert stamps.copy() == 0
    write_whole(web / "checkpoint", [head()])
    write_whole(web / "stamps" / "2026-03-02" / "checkpoint", [b"what another node has stamped"])
    assert stamps.copy() == 1 and stamps.copy() == 0
    there = {str(path.relative_to(web)) for path in web.rglob("*") if path.is_file()}
    assert there == {
        "checkpoint",
        "stamps/2026-03-01/checkpoint",
        "stamps/2026-03-01/1.tsr",
        "stamps/2026-03-02/checkpoint",
    }
    assert (web / "stamps/2026-03-01/1.tsr").read_bytes() == b"one"


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    write_whole(tmp_path / "state" / "log.stamps", [b"a file"])
    with pytest.raises(DnsblError, match=r"no stamp can be kept: .+\.$"):
        StampFolder(settings(tmp_path)).put(DAY, b"head", 1, b"one")
