"""`dnsbl backup`, `journal --ship` and `restore`, from words to files."""

from __future__ import annotations

import gzip
import stat
from pathlib import Path

from tests.dnsbl.cli.conftest import Run


def test_a_list_is_copied_lost_and_brought_back_with_what_was_dropped_since(run: Run, tmp_path: Path) -> None:
    copy, log = tmp_path / "copy", tmp_path / "log"
    run("listing", "add", "8.8.8.0/24", "--reason", "spam")
    run("listing", "add", "8.8.4.0/24", "--reason", "spam")
    assert run("backup", str(copy))["octets"] == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    run("listing", "drop", "8.8.8.0/24", "--reason", "mistake")
    assert run("journal", "--ship", str(log))["shipped"] == 3
    assert "not empty" in run("restore", str(copy), "--log", str(log), "--reason", "lost", code=1)
    for file in (tmp_path / "state").glob("dnsbl.db*"):
        file.unlink()
    done = run("restore", str(copy), "--log", str(log), "--reason", "lost")
    assert (done["removed_since"], done["doubtful"], done["replayed"]) == (1, 0, 1)
    assert run("lookup", "8.8.8.8")["state"] == "unknown"
    assert run("lookup", "8.8.4.4")["state"] == "listed"
    assert run("journal", "--verify")["verified"] == 4


def test_an_earlier_copy_is_written_over_by_a_word_alone(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(b"the first one")
    assert "is there already, and is not overwritten" in run("backup", str(copy), code=1)
    assert copy.read_bytes() == b"the first one"
    assert run("backup", str(copy), "--force")["octets"] == copy.stat().st_size != 13


def test_what_is_no_copy_is_one_sentence(run: Run, tmp_path: Path) -> None:
    for name, octets in (
        ("none", None),
        ("text", b"x\n"),
        ("other", gzip.compress(b"x\n")),
        ("cut", gzip.compress(b"x" * 9999)[:30]),
        ("changed", gzip.compress(b"")[:10] + b"\xff" * 40),
    ):
        path = tmp_path / name
        if octets is not None:
            path.write_bytes(octets)
        said = run("restore", str(path), "--reason", "x", code=1)
        assert "copy" in said or "cannot be read" in said or "`dnsbl backup` has not written this, or it" in said
        assert "b'" not in said and "gzip" not in said
    assert "cannot be written" in run("backup", str(tmp_path / "text" / "copy"), code=1)
