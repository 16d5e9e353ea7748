"""Ctrl-C, which may come at any moment of a command: also while it reads its modules, and while it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from dnsbl import cli
from dnsbl.cli import waiting
from tests.dnsbl.cli.conftest import ROOT, Run

#: Runs a command and has Ctrl-C come at its call or return number so-and-so: the same moment on every machine.
PROBE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts tests in the background has it ignored
from dnsbl.cli import main
moment = int(sys.argv[1])
sys.argv = ["dnsbl", *sys.argv[2:]]
seen = 0
def count(frame, event, arg):
    global seen
    seen += 1
    if seen == moment:
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)
sys.setprofile(count)
main()
"""


@pytest.mark.parametrize("moment", [100, 10_000, 40_000, 150_000, 300_000, 500_000, 800_000])
@pytest.mark.parametrize("command", ["status", "serve"])
def test_a_command_ends_with_130_and_no_traceback_whenever_ctrl_c_comes(
    command: str, moment: int, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(
        f'[service]\nstate_dir = "state"\n[dns]\nlisten = ["127.0.0.1:0"]\nzones_dir = "{ROOT / "zones"}"\n'
        '[web]\nlisten = "127.0.0.1:0"\n'
    )
    typed = [sys.executable, "-c", PROBE, str(moment), command]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run(typed, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_where_nobody_can_catch_it_ends_the_program_and_other_things_are_shown() -> None:
    program = """
import sys
from dnsbl import cli
class Last:
    def __del__(self): raise {0}
def run():
    Last()
    print("goes on")
cli._run = run
cli.main()
"""
    ends = [
        subprocess.run(
            [sys.executable, "-c", program.format(error)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for error in ("KeyboardInterrupt", "LookupError")
    ]
    assert [(done.returncode, done.stdout) for done in ends] == [(130, ""), (0, "goes on\n")]
    assert not ends[0].stderr and "LookupError" in ends[1].stderr


@pytest.mark.parametrize(("how", "code"), [(KeyboardInterrupt, 130), (EOFError, 1)])
def test_a_question_that_is_broken_off_says_so(
    how: type[BaseException],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def nobody(*_: object, **__: object) -> str:
        raise how

    monkeypatch.setattr("sys.argv", ["dnsbl", "init", str(tmp_path)])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", nobody)
    monkeypatch.setattr(typer._click.termui, "visible_prompt_func", nobody)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code and "broken off" in capsys.readouterr().err


def test_who_does_not_wait_any_longer_gets_the_document_of_a_failure_and_130(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting.time, "sleep", ctrl_c)
    told = run("test", "127.0.0.9", "--wait", code=130, both=True).splitlines()
    sentence = "Broken off; the test of 127.0.0.9 stays queued, and `dnsbl lookup 127.0.0.9` shows its result."
    assert json.loads(told[0]) == {"error": sentence, "reason": None, "retry_after": None}
    assert told[1:] == [f"dnsbl: {sentence}"]
