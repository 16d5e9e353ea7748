"""`dnsbl status`: one screen, in a pipe once, and the same numbers for programs."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from dnsbl.cli import status, terminal
from dnsbl.opened import open_list
from tests.dnsbl.cli.conftest import Run


def test_a_new_list_needs_its_roles_and_says_so_first(run: Run) -> None:
    found = run("status")
    assert [need["what"] for need in found["needs"]] == ["testing", "worker", "collector", "scheduler"] or [
        need["what"] for need in found["needs"]
    ] == ["worker", "collector", "scheduler"]
    screen = run("status", plain=True).splitlines()
    assert screen[1].startswith(f"needs you: {len(found['needs'])}; ")
    assert screen[2].strip().startswith(("Nobody is", "All testing"))


def test_the_numbers_are_those_of_the_store_for_people_and_programs(run: Run) -> None:
    run("test", "127.0.0.9")
    run("test", "127.0.0.10")
    run("listing", "add", "8.8.8.0/24", "--reason", "x")
    run("listing", "add", "8.8.4.4", "--reason", "x")
    run("listing", "drop", "8.8.4.4", "--reason", "x")
    found = run("status")
    assert found["queue"]["waiting"] == 2 and found["queue"]["reasons"]["operator"]["waiting"] == 2
    assert found["listed"] == {"manual": 1} and found["today"]["listed"] == 2
    assert found["today"]["delisted"] == {"operator": 1} and found["running"]["tests"] == 0
    screen = run("status", plain=True)
    for line in ("queue: 2 waiting, the oldest since", "listed: 1 (manual 1)", "new listings today: 2 (yesterday 0)"):
        assert line in screen
    assert "delistings today: 1 (operator 1)" in screen


def test_in_a_pipe_it_is_drawn_once_and_does_not_wait(run: Run) -> None:
    assert run("status", "--watch", plain=True).count("as of ") == 1
    assert run("status", "--watch")["testing"]


def test_on_a_terminal_it_is_drawn_until_it_is_broken_off(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run("stop", "--reason", "an alarm, " * 20 + "to its very-last-word")
    drawn, screen = [], io.StringIO()

    def sleep(seconds: float) -> None:
        drawn.append(seconds)
        if len(drawn) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(
        terminal, "out", lambda: Console(file=screen, force_terminal=True, width=80, height=60, soft_wrap=True)
    )
    monkeypatch.setattr(status.time, "sleep", sleep)
    status.show_status(open_list(tmp_path / "config.toml"), watch=True, as_json=False)
    assert len(drawn) == 3 and "needs you" in screen.getvalue()
    assert "very-last-word" in screen.getvalue(), "a long line is folded, not cut"


def test_a_full_disk_needs_somebody(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "disk" not in [need["what"] for need in run("status")["needs"]]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    assert "disk" in [need["what"] for need in run("status")["needs"]]
    assert "4096 octets are free" in run("status", plain=True)


def test_a_stop_is_what_needs_you_first(run: Run) -> None:
    run("stop", "--reason", "[red]a :fire: alarm")
    need = run("status")["needs"][0]
    assert need["what"] == "testing" and "a :fire: alarm" in need["detail"] and need["detail"].endswith(".")
    assert "[red]a :fire: alarm" in run("status", plain=True)


def test_a_stop_is_told_where_the_store_does_not_answer_too(run: Run, tmp_path: Path) -> None:
    run("db", "upgrade", plain=True)
    (tmp_path / "state" / "table").write_bytes(b"it has served")
    (tmp_path / "state" / "dnsbl.db").unlink()
    assert "Nobody is dialled" not in run("status", code=1, plain=True)
    (tmp_path / "state" / "stop").touch()
    said = run("status", code=1, plain=True)
    assert "is not there" in said and "Nobody is dialled: an operator has stopped testing on this machine" in said
