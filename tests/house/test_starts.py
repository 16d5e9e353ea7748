"""What the start of a command may read. A command's words (`-h`, completion, a mistake in them) need no store, no
settings and no daemon; each of these costs more than all words together. Held by names: time depends on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dnsbl.cli.program import COMMANDS

ROOT = Path(__file__).resolve().parents[2]

#: What no command's words are made of.
HEAVY = {
    *("sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn", "jinja2", "apscheduler", "httpx2"),
    *("aiosmtplib", "aiosmtpd", "asyncio", "ssl", "cryptography", "dkim", "dns", "dnslib", "psycopg", "sqlite3"),
    *("dnsbl.store", "dnsbl.casework", "dnsbl.settings", "dnsbl.config", "dnsbl.opened", "dnsbl.web.shapes"),
    *("dnsbl.daemons.node", "dnsbl.demo.tour", "dnsbl.rules.intake", "tester.letter", "tester.vectors", "tester.smtp"),
}
#: Runs the command, and tells which modules it has executed: one that waits is known, and has not.
PROBE = """
import json, sys, types
from dnsbl import cli
sys.argv = ["dnsbl", *json.loads(sys.argv[1])]
try:
    cli.main()
except SystemExit:
    pass
waits = lambda module: object.__getattribute__(module, "__class__").__name__ == "_LazyModule"
read = [name for name, module in sys.modules.items() if not waits(module)]
print("\\n" + json.dumps(read))
"""


def executed(*words: str, folder: Path, **environ: str) -> set[str]:
    """The modules that a command has executed when it ends."""
    command = [sys.executable, "-c", PROBE, json.dumps(words)]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder), **environ}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_version_reads_no_command_at_all(tmp_path: Path) -> None:
    read = executed("--version", folder=tmp_path)
    assert "dnsbl.cli.program" in read
    assert not read & {*HEAVY, "rich", *(f"dnsbl.cli.{place.partition(':')[0]}" for place in COMMANDS.values())}


def test_the_list_of_all_commands_needs_their_words_alone(tmp_path: Path) -> None:
    read = executed("-h", folder=tmp_path)
    assert {f"dnsbl.cli.{place.partition(':')[0]}" for place in COMMANDS.values()} <= read
    assert not read & HEAVY


@pytest.mark.parametrize(
    "words",
    [
        ("lookup",),
        ("lookup", "-h"),
        ("lookup", "192.0.2.1", "--no-such"),
        ("lokup", "192.0.2.1"),
        ("exclude", "192.0.2.1", "--list"),
        ("serve", "--only", "nothing"),
        ("listing", "-h"),
        ("keys", "rotate", "-h"),
    ],
    ids=" ".join,
)
def test_a_mistake_and_the_help_of_one_command_read_that_command_alone(words: tuple[str, ...], tmp_path: Path) -> None:
    read = executed(*words, folder=tmp_path)
    ours = {f"dnsbl.cli.{place.partition(':')[0]}" for name, place in COMMANDS.items() if name == words[0]}
    assert not read & HEAVY
    assert {f"dnsbl.cli.{place.partition(':')[0]}" for place in COMMANDS.values()} & read == ours


@pytest.mark.parametrize("typed", ["dnsbl ", "dnsbl lis", "dnsbl lookup --", "dnsbl keys "])
def test_completion_needs_words_alone(typed: str, tmp_path: Path) -> None:
    count = str(typed.count(" "))
    asked = {"_DNSBL_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": count}
    assert not executed(folder=tmp_path, **asked) & HEAVY


#: What runs as a daemon, and nothing that an operator's command is made of.
DAEMONS = {
    *("fastapi", "starlette", "uvicorn", "jinja2", "apscheduler", "httpx2", "aiosmtplib", "aiosmtpd", "dkim", "dns"),
    *("alembic", "dnsbl.daemons.node", "dnsbl.web.app", "dnsbl.serving.responder", "dnsbl.demo.tour"),
}
#: The store, and what stands on it.
STORE = {"sqlalchemy", "sqlite3", "dnsbl.store", "dnsbl.casework", "dnsbl.opened", "dnsbl.web.shapes"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A list, whose database is there."""
    folder = tmp_path_factory.mktemp("list")
    path = folder / "config.toml"
    path.write_text(f'[service]\nstate_dir = "{folder}"\n[dns]\nzones_dir = "{ROOT / "zones"}"\n')
    assert "sqlalchemy" in executed("db", "upgrade", "-c", str(path), folder=folder)
    return str(path)


@pytest.mark.parametrize(
    ("words", "never"),
    [
        ("check-config", DAEMONS | STORE),
        ("key list", DAEMONS | STORE),
        ("lookup 192.0.2.1", DAEMONS),
        ("status", DAEMONS),
        ("keys list", DAEMONS),
        ("journal", DAEMONS),
        ("exclude --list", DAEMONS),
        ("listing add 192.0.2.1 --reason x", DAEMONS),
    ],
)
def test_a_command_that_does_its_work_reads_no_daemon_and_a_store_only_where_it_has_one(
    words: str, never: set[str], config: str, tmp_path: Path
) -> None:
    read = executed(*words.split(), "-c", config, folder=tmp_path)
    assert "dnsbl.config" in read, "it has done its work"
    assert not read & never
