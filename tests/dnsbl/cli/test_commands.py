"""The command, from its words to its exit code: one sentence for every mistake, one document with --json."""

import os
import subprocess
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from dnslib import RCODE, RR, DNSRecord
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from dnsbl import DISTRIBUTION
from dnsbl.cli import unconfigured
from dnsbl.clock import SystemClock
from dnsbl.dns.engine import compiled
from tests.dnsbl.cli.conftest import ROOT, Run, spam


def test_a_nomination_is_queued_and_seen_in_lookup_and_journal(run: Run, tmp_path: Path) -> None:
    nominated = run("nominate", "--evidence", spam(tmp_path))
    assert (nominated["address"], nominated["state"]) == ("8.8.8.8", "queued")
    found = run("lookup", "8.8.8.8")
    assert found["state"] == "queued"
    assert found["listings"] == []
    assert found["zones"] == {"relays.example.org": []}
    assert run("journal", "8.8.8.8")[0]["verb"] == "nominated"
    assert run("journal", "--verify")["verified"] >= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nominate", "8.8.8.8"), "Give a spam message"),
        (("nominate", "8.8.8"), "not an IPv4 or IPv6 address"),
        (("nominate", "10.0.0.1", "--reason", "x"), "cannot be tested"),
        (("nominate", "8.8.8.8", "--evidence", "/nonexistent"), "cannot be read"),
        (("lookup", "mail.example.org"), "mail.example.org is a host name"),
        (
            ("journal", "nonsense"),
            '"nonsense" is not an IPv4 or IPv6 address; one is written 192.0.2.1 or 2001:db8::1.',
        ),
        (("remove", "nonsense"), '"nonsense" is not an IPv4 or IPv6 address; one is written 192.0.2.1 or 2001:db8::1.'),
        (("test", "224.0.0.1"), "cannot be tested"),
        (("remove", "10.0.0.1"), "nothing to remove, and nothing that you need to do."),
        (("remove", "8.8.8.8"), "nothing to remove, and nothing that you need to do."),
        (("exclude", "8.8.8.1/24", "--reason", "x"), "8.8.8.0/24 is the network"),
        (("listing", "add", "8.8.8.0/24", "--kind", "relay", "--reason", "x"), "not a kind that an operator"),
        (("listing", "add", "8.8.8.0/24", "--kind", "sinister", "--reason", "x"), "No zone file knows the kind"),
        (("listing", "add", "0.0.0.0/0", "--reason", "x"), "wider than"),
        (("listing", "add", "10.0.0.0/24", "--reason", "x"), "special-purpose"),
        (("listing", "drop", "8.8.8.0/24", "--reason", "x"), "not listed as manual"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_1(run: Run, words: tuple[str, ...], said: str) -> None:
    err = run(*words, code=1)
    assert said in err
    assert "Traceback" not in err
    assert err.strip().count("\n") == 0


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--only", "kitchen"),
        ("test", "8.8.8.8", "--profile", "mad"),
        ("listing", "add", "--reason", "x"),
        ("listing", "add", "8.8.8.0/24"),
        ("lookup",),
        ("sing",),
    ],
)
def test_wrong_words_are_usage_and_exit_2(run: Run, words: tuple[str, ...]) -> None:
    assert "Traceback" not in run(*words, code=2)


def test_the_module_runs_as_a_program_and_knows_its_commands() -> None:
    done = subprocess.run([sys.executable, "-m", "dnsbl", "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    readme = (ROOT / "README.md").read_text()
    for command in (
        "serve",
        "demo",
        "nominate",
        "test",
        "lookup",
        "remove",
        "exclude",
        "listing",
        "stop",
        "resume",
        "inbox",
        "journal",
        "check-config",
        "db",
    ):
        assert command in done.stdout
        assert f"`dnsbl {command}" in readme


@pytest.mark.parametrize(("changed", "engine"), [({"DNSBL_PURE": "1"}, "plain (DNSBL_PURE=1)"), ({}, compiled.which())])
def test_the_version_names_the_engine_that_answers(changed: dict[str, str], engine: str) -> None:
    command = [sys.executable, "-m", "dnsbl", "--version"]
    done = subprocess.run(command, env=os.environ | changed, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == f"dnsbl {version(DISTRIBUTION)}, engine: {engine}"


def test_a_clock_that_is_not_believed_is_one_sentence_until_an_operator_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("nominate", "8.8.8.8", "--reason", "spam")
    assert run("clock")["believed"] is True
    now = SystemClock().now()
    monkeypatch.setattr(SystemClock, "now", lambda self: now + timedelta(days=91))
    for words in (("clock",), ("nominate", "9.9.9.9", "--reason", "x"), ("listing", "add", "9.9.9.9", "--reason", "x")):
        assert "91 days before" in run(*words, code=1)
    assert run("stop", "--reason", "complaints")["testing"] == "stopped"
    assert "reason is needed" in run("clock", "--trust", code=2)
    assert run("clock", "--trust", "--reason", "it was off")["believed"] is True
    assert run("listing", "add", "9.9.9.9", "--reason", "x")["added"] == 1
    assert run("listing", "expire", "--reason", "x") == {"ended": 0}


def test_a_database_that_is_gone_is_not_made_anew_by_a_command(run: Run, tmp_path: Path) -> None:
    run("listing", "add", "9.9.9.9", "--reason", "x")
    (tmp_path / "state" / "table").write_bytes(b"it has served")
    (tmp_path / "state" / "dnsbl.db").unlink()
    assert "dnsbl.db is not there; restore it from a copy." in run("lookup", "9.9.9.9", code=1)
    run("db", "upgrade")
    assert run("lookup", "9.9.9.9")["state"] == "unknown"


class _Lists(BaseResolver):  # type: ignore[misc]
    """Two other lists: one that works, and one that lists the world."""

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:
        reply, name = request.reply(), str(request.q.qname)
        if name in ("2.0.0.127.good.test.", "8.8.8.8.good.test.") or name.endswith(".world.test."):
            reply.add_answer(*RR.fromZone(f"{name} 60 A 127.0.0.2"))
        elif name not in ("good.test.", "world.test."):
            reply.header.rcode = RCODE.NXDOMAIN
        return reply


def test_other_lists_are_information_beside_where_an_address_stands(run: Run, tmp_path: Path) -> None:
    assert "others.lists" in run("lookup", "8.8.8.8", "--others", code=1)
    server = DNSServer(_Lists(), port=0, address="127.0.0.1", logger=DNSLogger("-request,-reply", prefix=False))
    server.start_thread()
    port = server.server.server_address[1]
    with (tmp_path / "config.toml").open("a") as config:
        config.write(f'[others]\nlists = ["good.test", "world.test"]\nservers = ["127.0.0.1:{port}"]\n')
    try:
        found = run("lookup", "8.8.8.8", "--others")
        told = run("lookup", "8.8.8.8", "--others", plain=True)
    finally:
        server.stop()
        server.server.server_close()
    good, world = found["others"]
    assert (good["zone"], good["listed"], good["codes"]) == ("good.test", True, ["127.0.0.2"])
    assert (world["zone"], world["listed"], world["trouble"]) == ("world.test", None, "lists-the-world")
    assert (found["state"], found["listings"]) == ("unknown", [])
    assert "elsewhere: world.test lists 127.0.0.1, and so the whole world: do not ask it." in told
    assert run("lookup", "8.8.8.8")["others"] is None


def test_a_command_that_goes_by_defaults_alone_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DNSBL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("dnsbl.whereabouts.USUAL", (Path("config.toml"),))
    assert unconfigured(["lookup", "192.0.2.1"]) == (
        "there is no config.toml: defaults are used; --config names a file"
    )
    for words in ([], ["--version"], ["demo"], ["lookup", "-h"], ["status", "-c", "x"], ["status", "--config=x"]):
        assert unconfigured(words) == ""
    (tmp_path / "config.toml").touch()
    assert unconfigured(["lookup", "192.0.2.1"]) == ""


def test_the_journal_of_a_network_has_the_entries_of_all_in_it(run: Run) -> None:
    run("listing", "add", "8.8.8.0/24", "--reason", "x")
    run("listing", "add", "8.8.8.0/25", "--reason", "x")
    run("nominate", "8.8.8.8", "--reason", "x")
    run("nominate", "9.9.9.9", "--reason", "x")
    found = [entry["subject"] for entry in run("journal", "8.8.8.0/24")]
    assert set(found) == {"8.8.8.0/24", "8.8.8.0/25", "8.8.8.8"}
    assert [entry["subject"] for entry in run("journal", "8.8.8.0/24", "--most", "1")] == found[-1:]
    assert run("journal", "8.8.8.128/25") == []
    assert "too wide to look at all in it: take a network of 256 addresses" in run("journal", "8.8.0.0/16", code=1)
    run("listing", "add", "8.8.0.0/16", "--reason", "x")
    assert [entry["subject"] for entry in run("journal", "8.8.0.0/16")] == ["8.8.0.0/16"]


def test_what_is_off_is_said_with_the_setting_that_turns_it_on(run: Run) -> None:
    assert "notices.smarthost is not set" in run("watch", "8.8.8.0/24", "--mail", "a@x.example", code=1)
    run("listing", "add", "8.8.8.8", "--reason", "x")
    assert "tlog.origin is not set" in run("proof", "8.8.8.8", code=1)


def test_where_nothing_is_listed_at_all_that_is_what_is_said(run: Run) -> None:
    assert run("listing", "list", plain=True) == "Nothing is listed.\n"
    assert "that all of this is true of" in run("listing", "list", "--kind", "manual", plain=True)
