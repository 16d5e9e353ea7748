"""What the start of a command may read. A command's words (`-h`, completion, a mistake in them) need no store, no
settings and no daemon; each of these costs more than all words together. Held by names: time depends on the machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
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
#: Runs commands, one after the other, and tells how each ended and which modules were executed until then: one that
#: waits is known, and has not been.
PROBE = """
import json, sys, types
from dnsbl import cli
waits = lambda module: object.__getattribute__(module, "__class__").__name__ == "_Asleep"
told = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["dnsbl", *words]
    try:
        code = cli.main()
    except SystemExit as end:
        code = end.code
    told.append((code or 0, [name for name, module in sys.modules.items() if not waits(module)]))
print("\\n" + json.dumps(told))
"""


def run(*lines: Sequence[str], folder: Path, **environ: str) -> list[tuple[int | str, set[str]]]:
    """Of each command, all in one process, its exit status or why it was refused, and what was executed until then."""
    command = [sys.executable, "-c", PROBE, json.dumps(lines)]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder), **environ}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=True)
    return [(code, set(read)) for code, read in json.loads(done.stdout.splitlines()[-1])]


def executed(*words: str, folder: Path, **environ: str) -> set[str]:
    """The modules that a command has executed when it ends."""
    [(_, read)] = run(words, folder=folder, **environ)
    return read


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
    assert not executed(folder=tmp_path, **asked) & {*HEAVY, "pydantic", "rich"}


#: What runs as a daemon, and nothing that an operator's command is made of.
DAEMONS = {
    *("fastapi", "starlette", "uvicorn", "jinja2", "apscheduler", "httpx2", "aiosmtplib", "aiosmtpd", "dkim", "dns"),
    *("alembic", "dnsbl.daemons.node", "dnsbl.web.app", "dnsbl.serving.responder", "dnsbl.demo.tour"),
    # of the database that this list does not have, and what only makes and compares tables
    *("sqlalchemy.dialects.postgresql", "psycopg", "dnsbl.store.indexes", "dnsbl.store.schema.whole"),
}
#: The store, and what stands on it.
STORE = {"sqlalchemy", "sqlite3", "dnsbl.store", "dnsbl.casework", "dnsbl.opened", "dnsbl.web.shapes"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A list, whose database is there."""
    folder = tmp_path_factory.mktemp("list")
    path = folder / "config.toml"
    keys = folder / "keys"
    keys.touch(0o600)
    dns = f'zones_dir = "{ROOT / "zones"}"\nkeys_file = "{keys}"\n'
    path.write_text(f'[service]\nstate_dir = "{folder}"\n[dns]\n{dns}')
    assert "sqlalchemy" in executed("db", "upgrade", "-c", str(path), folder=folder)
    return str(path)


#: What one look at the list needs none of: other verbs, their shelves, and the words of bounces.
VERBS = {
    *("dnsbl.casework.doors", "dnsbl.casework.operators", "dnsbl.casework.arrivals", "dnsbl.casework.entrance"),
    *("dnsbl.casework.restoring", "dnsbl.casework.proving", "dnsbl.casework.judging", "dnsbl.casework.ownership"),
    *("dnsbl.store.schema.nominated", "dnsbl.store.schema.told", "dnsbl.store.schema.entered"),
    *("dnsbl.store.bulk", "dnsbl.store.journal", "dnsbl.store.operators", "dnsbl.store.statistics", "dnsbl.store.log"),
    *("argon2", "tester.bounces.reading", "tester.bounces.words", "tester.dialogue"),
    # and none of causes, JSON's forms and keys that are handed round
    *("tester.cause", "dnsbl.web.shapes", "cryptography", "dnsbl.casework.sealing"),
}
#: What reads the mails that nominate.
EVIDENCE = {"dnsbl.rules.evidence", "dnsbl.rules.intake", "tester.received.chain"}
#: What answers and serves, beneath the files that it reads; and the records of a store.
SHELLS = {
    *("asyncio", "ssl", "logging", "dnsbl.dns.respond", "dnsbl.serving.sources", "dnsbl.serving.keybook"),
    "dnsbl.model",
}
#: Commands and what none of them reads, in the order in which they are run: what one has read the next ones have too.
WORK = {
    "check-config": DAEMONS | EVIDENCE | STORE | VERBS | SHELLS,
    "key list": DAEMONS | EVIDENCE | STORE | VERBS | SHELLS,
    "lookup 192.0.2.1": DAEMONS | EVIDENCE | VERBS,
    "status": DAEMONS | EVIDENCE,
    "keys list": DAEMONS | EVIDENCE,
    "journal": DAEMONS | EVIDENCE,
    "exclude --list": DAEMONS | EVIDENCE,
    "listing add 9.9.9.9 --reason x": DAEMONS | EVIDENCE,
}


@pytest.mark.parametrize("words", ["check-config", "lookup 192.0.2.1", "status"])
def test_what_says_sentences_alone_reads_nothing_that_draws(words: str, config: str, tmp_path: Path) -> None:
    read = executed(*words.split(), "-c", config, folder=tmp_path)
    assert "dnsbl.cli.terminal" in read and not read & {"rich", "dnsbl.cli.drawing"}


def test_every_record_waits_with_its_methods() -> None:
    modules = [path for package in ("dnsbl", "tester") for path in sorted((ROOT / package).rglob("*.py"))]
    at_once = re.compile(r"^ *(from dataclasses import .*\bdataclass\b|@dataclasses\.dataclass)", re.MULTILINE)
    found = [path.relative_to(ROOT) for path in modules if at_once.search(path.read_text())]
    assert found == [Path("tester/records.py")]


def test_who_looks_up_an_address_reads_no_data_files_of_others(config: str, tmp_path: Path) -> None:
    read = executed("lookup", "192.0.2.1", "-c", config, folder=tmp_path)
    assert "dnsbl.dns.zonefile" in read and "dnsbl.dns.sources.reading" not in read


@pytest.mark.parametrize("words", ["exclude --list", "listing list", "journal", "inbox", "keys list"])
def test_who_looks_at_what_there_is_reads_nothing_that_judges_or_posts(words: str, config: str, tmp_path: Path) -> None:
    read = executed(*words.split(), "-c", config, folder=tmp_path)
    assert "dnsbl.casework" in read
    judges = {"dnsbl.casework.judging", "dnsbl.casework.deciding", "dnsbl.casework.lending", "dnsbl.rules.policy"}
    assert sorted(read & {*judges, "dnsbl.casework.posting"}) == []


SWEPT = """
import gc, sys
from dnsbl import cli
swept = []
gc.callbacks.append(lambda phase, info: swept.append(phase))
try:
    cli.main()
except SystemExit:
    pass
short = len(swept)
many = [[] for _ in range(cli.SWEPT_FIRST)]
print(short, bool(swept), gc.get_threshold()[0] == cli.SWEPT_AFTER)
"""


@pytest.mark.parametrize("words", ["lookup 192.0.2.1", "status", "listing list", "journal"])
def test_no_short_command_is_swept_and_a_long_one_in_time(words: str, config: str) -> None:
    command = [sys.executable, "-c", SWEPT, *words.split(), "-c", config]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "0 True True"


def test_a_command_has_closed_its_store_when_it_ends_though_nothing_is_swept_up_then(
    config: str, tmp_path: Path
) -> None:
    for words in ("status", "exclude 192.0.2.7 --reason x"):
        run([*words.split(), "-c", config], folder=tmp_path)
        assert [path.name for path in Path(config).parent.glob("dnsbl.db*")] == ["dnsbl.db"], words


def test_a_command_that_does_its_work_reads_no_daemon_and_a_store_only_where_it_has_one(
    config: str, tmp_path: Path
) -> None:
    found = run(*([*words.split(), "-c", config] for words in WORK), folder=tmp_path)
    for (words, never), (code, read) in zip(WORK.items(), found, strict=True):
        assert code == 0 and "dnsbl.config" in read, f"{words} has done its work"
        assert sorted(read & never) == [], words
