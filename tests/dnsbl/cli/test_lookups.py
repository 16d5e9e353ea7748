"""`dnsbl lookup --from`: many addresses, a line each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.dnsbl.cli.conftest import Run


def test_each_line_is_answered_by_a_line_and_what_is_none_fails_at_the_end(run: Run, tmp_path: Path) -> None:
    run("listing", "add", "8.8.8.0/30", "--reason", "x")
    file = tmp_path / "addresses"
    file.write_bytes(
        b"8.8.8.1\n\n# remark\n2a01:4f8:c0c:1234::25 # theirs\n\x1b[2J\xff:1234:\n" + b"9" * 100_000 + b"\n8.8.8.8"
    )
    assert "2 of 5 lines could not be read" in run("lookup", "--from", str(file), plain=True, code=1)


def test_lines_of_text_and_of_json_say_the_same(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("listing", "add", "8.8.8.0/30", "--reason", "x")
    file = tmp_path / "addresses"
    file.write_text("\ufeff8.8.8.1\n2a01:4f8:c0c:1234::25\n", encoding="utf-8")  # with a mark, as Windows saves
    monkeypatch.setenv("COLUMNS", "40")
    assert run("lookup", "--from", str(file), plain=True).splitlines() == [
        "8.8.8.1\tlisted\tmanual (8.8.8.0/30)\trelays.example.org 127.0.0.4",
        "2a01:4f8:c0c:1234::25\tunknown\t-\t-",
    ]
    with file.open() as given:
        monkeypatch.setattr("sys.stdin", given)
        rows = [json.loads(line) for line in run("lookup", "--from", "-", "--json", plain=True).splitlines()]
    assert [(row["address"], row["state"]) for row in rows] == [
        ("8.8.8.1", "listed"),
        ("2a01:4f8:c0c:1234::25", "unknown"),
    ]


def test_more_than_one_slice_is_read(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "addresses"
    file.write_text("".join(f"198.51.{n // 250}.{n % 250}\n" for n in range(2001)))
    assert len(run("lookup", "--from", str(file), plain=True).splitlines()) == 2001


@pytest.mark.parametrize("words", [[], ["192.0.2.1", "--from", "x"], ["--from", "x", "--others"]])
def test_either_an_address_or_a_file_is_needed(run: Run, words: list[str]) -> None:
    run("lookup", *words, code=2)


def test_a_file_that_is_not_there_is_one_sentence(run: Run) -> None:
    assert "cannot be read" in run("lookup", "--from", "/nonexistent", plain=True, code=1)


@pytest.mark.parametrize("text", ["", "\n# a remark\n\n"])
def test_a_file_without_an_address_is_said_to_have_none(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "addresses"
    file.write_text(text)
    assert run("lookup", "--from", str(file), plain=True) == f"No address is in {file}.\n"
    assert run("lookup", "--from", str(file)) == []
    with file.open() as given, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", given)
        assert run("lookup", "--from", "-", plain=True) == "No address is in standard input.\n"
