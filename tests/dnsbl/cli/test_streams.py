"""Results that cannot be written are a failure in one sentence, and what was closed at the start disturbs nothing."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dnsbl.cli import serving, streams
from dnsbl.daemons.answering import Bound
from tests.dnsbl.cli.conftest import ROOT
from tests.dnsbl.offices import Files

FULL = "dnsbl: Not everything could be written: No space left on device.\n"


@pytest.fixture(autouse=True)
def _list(server: Any, tmp_path: Path) -> None:
    """A list whose database is there, if that is a file."""
    (tmp_path / "state").mkdir(0o700)
    if isinstance(server, Files):
        shutil.copy(server.file("migrated"), tmp_path / "state" / "dnsbl.db")


def typed(tmp_path: Path, line: str) -> tuple[int, str, str]:
    """What a line of shell comes to, `dnsbl` being the command: exit status, standard output and error."""
    config = tmp_path / "config.toml"
    config.write_text(
        f'[service]\nstate_dir = "state"\n[dns]\nzones_dir = "{ROOT / "zones"}"\nlisten = ["127.0.0.1:0"]\n'
    )
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    words = ["bash", "-c", f'set -o pipefail; dnsbl() {{ "{sys.executable}" -m dnsbl "$@"; }}; {line}']
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "status",  # less than a buffer holds
        "check-config --example",  # more than one
        "check-config --json",
        "export --format bind",
        "-h",
        "--version",
    ],
)
def test_a_result_that_finds_no_room_is_a_failure_in_one_sentence(tmp_path: Path, command: str) -> None:
    status, _, said = typed(tmp_path, f"dnsbl {command} > /dev/full")
    assert (status, said) == (1, FULL)


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_letters_that_a_place_cannot_write_are_question_marks_and_end_nothing(tmp_path: Path, encoding: str) -> None:
    lines = (
        f"export PYTHONIOENCODING={encoding}; dnsbl exclude 9.9.9.9 --reason 'x 日本'; dnsbl exclude --list; dnsbl -h"
    )
    status, shown, said = typed(tmp_path, lines)
    assert (status, said) == (0, "") and "reason: x ??" in shown and "UTC: x ??" in shown and "Usage" in shown


@pytest.mark.parametrize("command", ["status", "check-config --example", "export --format bind"])
def test_where_the_reader_is_gone_nothing_is_said(tmp_path: Path, command: str) -> None:
    status, _, said = typed(tmp_path, f"mkfifo p; exec 3<>p 4>p 3<&-; dnsbl {command} >&4")
    assert (status, said) == (1, "")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("dnsbl lokup >/dev/full", 2),
        ("dnsbl lokup 2>/dev/full", 2),
        ("dnsbl lokup --json >/dev/full 2>&1", 2),
        ("dnsbl check-config -c none.toml 2>/dev/full", 1),
        ("dnsbl check-config -c none.toml --json >/dev/full", 1),
    ],
)
def test_a_failure_of_the_commands_own_stays_what_it_is(tmp_path: Path, line: str, status: int) -> None:
    found, _, said = typed(tmp_path, line)
    assert found == status and "Traceback" not in said and "Exception" not in said


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_were_closed_before_disturb_nothing(tmp_path: Path, closed: str) -> None:
    assert typed(tmp_path, f"dnsbl status {closed}")[0] == 0
    status, _, said = typed(tmp_path, f"dnsbl lookup --from - {closed} </dev/null")
    assert status == 0 and "Traceback" not in said


def test_a_reader_that_is_gone_is_no_trouble_of_the_file_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "many").write_text("192.0.2.1\n" * 2000)
    status, _, said = typed(tmp_path, "dnsbl lookup --from many > /dev/full")
    assert (status, said) == (1, FULL)


def test_other_troubles_of_the_system_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise OSError(28, os.strerror(28), "some.file")

    with pytest.raises(OSError, match=r"some\.file"):
        streams.flushed(fails)


def test_a_list_serves_though_nobody_hears_where(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with open("/dev/full", "w") as full, caplog.at_level(logging.WARNING):
        monkeypatch.setattr(sys, "stdout", full)
        serving._announce(Bound(), as_json=False)
        print("more", flush=True)
    assert "cannot be said on standard output: No space left on device" in caplog.text
