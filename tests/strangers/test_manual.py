"""The manual pages as mandoc judges them, and the completion scripts in the shells that they are for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("dnsbl")


def test_mandoc_finds_nothing_wrong_with_the_pages(tmp_path: Path) -> None:
    words = [sys.executable, str(ROOT / "packaging/manual.py"), str(tmp_path)]
    subprocess.run(words, check=True, timeout=120, cwd=ROOT)
    pages = [str(page) for page in tmp_path.iterdir()]
    done = subprocess.run(["mandoc", "-T", "lint", *pages], capture_output=True, text=True, timeout=60)
    # which other pages this machine has is nothing about ours
    assert [line for line in done.stdout.splitlines() if "referenced manual not found" not in line] == []


#: How each is told to complete a line, and to print what it offers.
SHELLS = {
    "bash": """source {script}; COMP_WORDS=(dnsbl serve --only w); COMP_CWORD=3; COMP_LINE="dnsbl serve --only w"
        $(complete -p dnsbl | sed -E 's/.*-F ([^ ]+) .*/\\1/') dnsbl; printf '%s\\n' "${{COMPREPLY[@]}}" """,
    "fish": "source {script}; complete -C 'dnsbl serve --only w'",
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_offers_the_roles(shell: str, tmp_path: Path) -> None:
    env = os.environ | {"PATH": f"{COMMAND.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    told = {"_DNSBL_COMPLETE": f"source_{shell}"}
    script = subprocess.run([str(COMMAND)], env=env | told, capture_output=True, text=True, timeout=60).stdout
    (tmp_path / "script").write_text(script)
    line = SHELLS[shell].format(script=tmp_path / "script")
    done = subprocess.run([shell, "-c", line], env=env, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert set(done.stdout.split()) >= {"worker", "web"}, done.stdout + done.stderr
    assert "scheduler" not in done.stdout


def test_zsh_takes_its_script(tmp_path: Path) -> None:
    env = os.environ | {"_DNSBL_COMPLETE": "source_zsh"}
    script = subprocess.run([str(COMMAND)], env=env, capture_output=True, timeout=60)
    (tmp_path / "_dnsbl").write_bytes(script.stdout.strip() + b"\n")
    done = subprocess.run(["zsh", "-n", str(tmp_path / "_dnsbl")], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and script.stdout.strip().startswith(b"#compdef dnsbl\n")
