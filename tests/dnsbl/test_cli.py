"""The command, from its words to its exit code: one sentence for every mistake, one document with --json."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from dnsbl import cli
from dnsbl.cli import serving
from dnsbl.daemons.node import Bound
from dnsbl.dns import fast

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process; returns its document, or its words on stderr when it should fail."""
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "z.toml").write_text((ROOT / "zones" / "relays.example.org.toml").read_text())
    config = tmp_path / "config.toml"
    config.write_text('[tester]\nlab_networks = ["127.0.0.0/8"]\nsource_addresses = ["127.0.0.1"]\n')

    def go(*words: str, code: int = 0, plain: bool = False) -> Any:
        more = () if plain else ("--json",)
        monkeypatch.setattr(sys, "argv", ["dnsbl", *words, "--config", str(config), *more])
        left: object = 0
        try:
            cli.main()
        except SystemExit as exit:
            left = exit.code
        out, err = capsys.readouterr()
        if isinstance(left, str):
            err, found = err + left, 1
        else:
            found = left or 0
        assert found == code, (out, err)
        if code:
            return err
        return out if plain else json.loads(out)

    return go


def spam(tmp_path: Path, address: str = "8.8.8.8") -> str:
    path = tmp_path / "spam.eml"
    path.write_text(
        f"Received: from x ([{address}]) by mx.example.org; {format_datetime(datetime.now(UTC))}\n"
        "From: a@example.com\nSubject: buy\n\nBuy.\n"
    )
    return str(path)


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
        (("lookup", "mail.example.org"), "is not an IPv4 or IPv6 address"),
        (("test", "224.0.0.1"), "cannot be tested"),
        (("remove", "8.8.8.8"), "not listed"),
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


def test_operators_list_and_drop_networks_all_or_nothing(run: Run, tmp_path: Path) -> None:
    assert run("listing", "add", "8.8.8.0/24", "--reason", "spam house")["added"] == 1
    found = run("lookup", "8.8.8.77")
    assert (found["state"], found["listings"][0]["kind"]) == ("listed", "manual")
    nets = tmp_path / "nets"
    nets.write_text("# ours\n9.9.9.0/24\n2606:4700::/32  # theirs\n\n8.8.8.0/24\n")
    assert run("listing", "add", "--from", str(nets), "--reason", "more")["added"] == 2
    nets.write_text("9.9.9.0/24\nnot a network\n1.2.3.4/8\n")
    err = run("listing", "drop", "--from", str(nets), "--reason", "x", code=1)
    assert f"{nets}:2: " in err
    assert f"{nets}:3: " in err
    assert "Nothing was changed" in err
    assert run("lookup", "9.9.9.9")["state"] == "listed"
    assert run("listing", "drop", "8.8.8.0/24", "--reason", "gone")["dropped"] == 1
    assert run("lookup", "8.8.8.77")["state"] != "listed"


def test_an_excluded_network_is_never_nominated(run: Run, tmp_path: Path) -> None:
    run("exclude", "8.8.8.0/24", "--reason", "owner asked")
    assert "8.8.8.0/24 is not tested" in run("nominate", "--evidence", spam(tmp_path), code=1)
    assert run("lookup", "8.8.8.8")["state"] == "excluded"


def test_every_command_speaks_to_people_too(run: Run, tmp_path: Path) -> None:
    assert "nominated" in run("nominate", "--evidence", spam(tmp_path), plain=True)
    assert "queued" in run("lookup", "8.8.8.8", plain=True)
    assert "nominated" in run("journal", plain=True)
    assert "relays.example.org" in run("check-config", plain=True)
    assert "this version" in run("db", "upgrade", plain=True)
    assert "queued" in run("test", "9.9.9.9", plain=True)
    run("listing", "add", "8.8.8.8", "--reason", "x")
    assert "listed as manual" in run("lookup", "8.8.8.8", plain=True)


def test_a_bad_config_lists_all_its_mistakes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[dns]\npoll = -1\n[tester]\nport = 0\nhue = 1\n")
    err = run("check-config", code=1)
    assert all(key in err for key in ("dns.poll", "tester.port", "tester.hue"))


def test_a_bad_zone_file_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "zones" / "z.toml").write_text(
        'origin = "x.example.org"\nns = ["a.b"]\n[kinds.relay]\ncode = "1.2.3.4"\n'
    )
    err = run("check-config", code=1)
    assert "z.toml: kinds.relay.code" in err
    assert "127.0.0.0/8" in err


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
        "journal",
        "check-config",
        "db",
    ):
        assert command in done.stdout
        assert f"`dnsbl {command}" in readme


@pytest.mark.parametrize(
    ("changed", "engine"), [({"DNSBL_PURE": "1"}, "pure Python (DNSBL_PURE=1)"), ({}, fast.words())]
)
def test_the_version_names_the_engine_that_answers(changed: dict[str, str], engine: str) -> None:
    command = [sys.executable, "-m", "dnsbl", "--version"]
    done = subprocess.run(command, env=os.environ | changed, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == f"dnsbl {version('dnsbl')}, engine: {engine}"


@pytest.mark.parametrize("as_json", [True, False])
def test_the_start_of_serving_names_the_engine(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    serving._announce(Bound(dns=[("127.0.0.1", 53)], engine="compiled"), as_json)
    said = capsys.readouterr().out
    assert json.loads(said)["engine"] == "compiled" if as_json else "engine    compiled\n" in said
    serving._announce(Bound(web=[("127.0.0.1", 80)]), as_json)
    said = capsys.readouterr().out
    assert json.loads(said)["engine"] == "" if as_json else "engine" not in said
