"""The command, from its words to its exit code: one sentence for every mistake, one document with --json."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from dnsbl import DISTRIBUTION
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
        (("journal", "nonsense"), '"nonsense" is not an IPv4 or IPv6 address.'),
        (("remove", "nonsense"), '"nonsense" is not an IPv4 or IPv6 address.'),
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


def test_all_testing_is_stopped_and_taken_up_again(run: Run) -> None:
    assert "not stopped" in run("resume", code=1)
    assert run("stop", "--reason", "complaints") == {"testing": "stopped", "reason": "complaints"}
    run("stop", code=2)
    assert run("resume", "--reason", "sorted out") == {"testing": "goes on"}
    told = [(entry["verb"], entry["evidence"]) for entry in run("journal") if entry["subject"] == "tester"]
    assert told == [("stopped", "complaints"), ("resumed", "sorted out")]
    assert "stopped" in run("stop", "--reason", "again", plain=True)


def test_check_config_says_what_stands_in_front_unnamed(run: Run, tmp_path: Path) -> None:
    assert run("check-config")["notes"] == []
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + '\n[web]\nbase_url = "https://relays.example.org"\n')
    [note] = run("check-config")["notes"]
    assert "web.base_url begins with https" in note and "web.trusted_proxies names none" in note
    assert "web.trusted_proxies names none" in run("check-config", plain=True).replace("\n", " ")
    config.write_text(config.read_text() + 'trusted_proxies = ["127.0.0.1/32"]\n')
    assert run("check-config")["notes"] == []


def test_check_config_says_when_the_system_grants_too_few_descriptors(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnsbl.cli.commands.granted", lambda: 700)
    [note] = run("check-config")["notes"]
    assert "this process may open 700 files" in note
    monkeypatch.setattr("dnsbl.cli.commands.granted", lambda: 50)
    assert "This process may open 50 files and needs" in run("check-config", code=1)


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
        "stop",
        "resume",
        "inbox",
        "journal",
        "check-config",
        "db",
    ):
        assert command in done.stdout
        assert f"`dnsbl {command}" in readme


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("rbldnsd", "8.8.44.0/24"),
        ("bind", "*.44.8.8 2100 IN A 127.0.0.4"),
        ("jsonl", '"network":"8.8.44.0/24","kind":"manual","code":"127.0.0.4"'),
        ("cidr", "8.8.44.0/24 REJECT Listed by the operator: 8.8.44.0/24, see http://127.0.0.1:8053/ip/8.8.44.0"),
    ],
)
def test_a_zone_is_exported_to_a_file_or_to_standard_output(run: Run, tmp_path: Path, form: str, line: str) -> None:
    run("listing", "add", "8.8.44.0/24", "--reason", "spam house")
    out = run("export", "--format", form, plain=True)
    assert line in out
    file = tmp_path / "out" / "list"
    done = run("export", "--format", form, "--zone", "Relays.example.org.", "--to", str(file))
    assert done["format"] == form
    assert str(done["serial"]) in out or done["serial"] >= 1
    assert line in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["list"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("export", "--format", "csv"), 2),
        (("export", "--format", "bind"), 2),  # --json has one document, and a zone is none
        (("export", "--format", "bind", "--zone", "other.example", "--to", "x"), 2),
        (("export", "--format", "bind", "--to", "/dev/null/x"), 1),
        (("monitor", "--every", "0"), 2),
        (("monitor",), 2),
        (("retire", "--zone", "relays.example.org", "--on", "soon"), 2),
        (("retire", "--zone", "relays.example.org"), 2),
        (("retire", "--zone", "relays.example.org", "--on", "2100-01-01", "--cancel", "--reason", "x"), 2),
        (("retire", "--zone", "other.example", "--on", "2100-01-01"), 2),
        (("retire", "--zone", "relays.example.org", "--on", "2001-01-01", "--force"), 1),
        (("retire", "--zone", "relays.example.org", "--on", str(datetime.now(UTC).date() + timedelta(days=9))), 1),
    ],
)
def test_files_monitor_and_the_end_refuse_what_makes_no_sense(run: Run, words: tuple[str, ...], code: int) -> None:
    assert "Traceback" not in run(*words, code=code)


def test_the_end_of_a_zone_is_planned_and_leads_nowhere(run: Run) -> None:
    end = datetime.now(UTC).date() + timedelta(days=40)
    words = ("retire", "--zone", "relays.example.org", "--on", str(end))
    document = run(*words)
    assert f"ends on {end}" in document["announcement"]
    assert [step["on"] for step in document["plan"]] == sorted(step["on"] for step in document["plan"])
    delegation = run(*words, "--print-delegation", plain=True)
    assert delegation == document["delegation"]
    soon = str(datetime.now(UTC).date() + timedelta(days=9))
    assert soon in run("retire", "--zone", "relays.example.org", "--on", soon, "--force", plain=True)


def test_the_end_of_a_zone_is_announced_in_its_file_with_an_entry_and_can_be_taken_back(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "zones" / "z.toml"
    before, end = file.read_text(), str(datetime.now(UTC).date() + timedelta(days=40))
    words = ("retire", "--zone", "relays.example.org")
    run(*words, "--on", end)
    assert file.read_text() == before, "without --announce nothing changes"
    assert "a reason is needed" in run(*words, "--on", end, "--announce", code=2)
    assert f"ends on {end}" in run(*words, "--on", end, "--announce", "--reason", "enough", plain=True)
    assert f"retires = {end}\n" in file.read_text()
    run(*words, "--cancel", "--reason", "not yet")
    assert file.read_text() == before
    entries = [(entry["subject"], entry["verb"]) for entry in run("journal")]
    assert entries == [("zone relays.example.org", "retiring"), ("zone relays.example.org", "retiring-ended")]
    file.write_text(before.replace('origin = "', '"origin" = "', 1))
    assert "by hand" in run(*words, "--on", end, "--announce", "--reason", "x", code=1)


@pytest.mark.parametrize(("changed", "engine"), [({"DNSBL_PURE": "1"}, "plain (DNSBL_PURE=1)"), ({}, compiled.which())])
def test_the_version_names_the_engine_that_answers(changed: dict[str, str], engine: str) -> None:
    command = [sys.executable, "-m", "dnsbl", "--version"]
    done = subprocess.run(command, env=os.environ | changed, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == f"dnsbl {version(DISTRIBUTION)}, engine: {engine}"


def test_keys_are_shown_by_fingerprint_rotated_and_never_told(run: Run, tmp_path: Path) -> None:
    assert run("keys", "list") == {"keys": []}
    assert "reason is needed" in run("keys", "rotate", code=2)
    [new] = run("keys", "rotate", "--reason", "a year is over")["keys"]
    assert (new["key"], new["state"], new["here"]) == ("b", "coming", True)
    assert "being handed round" in run("keys", "rotate", "--reason", "x", code=1)
    assert [key["state"] for key in run("keys", "list")["keys"]] == ["signs", "coming"]
    assert "keys rotate" in run("keys", "replace", "--reason", "x", code=1)
    file = tmp_path / "state" / "keys.json"
    secrets = [key["secret"] for key in json.loads(file.read_text())["keys"]]
    shown = run("keys", "list", plain=True)
    assert new["fingerprint"][:16] in shown
    file.unlink()
    assert [key["here"] for key in run("keys", "list")["keys"]] == [False, False]
    replaced = run("keys", "replace", "--reason", "the disk broke")
    assert (replaced["keys"][0]["key"], replaced["void"]) == ("c", 0)
    told = shown + json.dumps(run("keys", "list")) + json.dumps(run("journal"))
    assert not any(secret in told for secret in secrets)


def test_clients_keys_are_made_shown_and_never_told_again(run: Run, tmp_path: Path) -> None:
    assert "dns.keys_file" in run("key", "list", code=1)
    assert "dns.keys_file" in run("key", "new", code=1)
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + '[dns]\nkeys_file = "clients.txt"\n')
    assert "clients.txt" in run("check-config", code=1)
    (tmp_path / "clients.txt").write_text("")
    made = run("key", "new", "--name", "acme", "--network", "192.0.2.0/24")
    assert "already" in run("key", "new", "--name", "acme", code=1)
    [row] = run("key", "list")["keys"]
    assert (row["name"], row["networks"], row["queries"]) == ("acme", ["192.0.2.0/24"], 0)
    shown = run("key", "list", plain=True)
    assert "acme" in shown and row["fingerprint"] in shown
    assert made["key"] not in shown + (tmp_path / "clients.txt").read_text()
    (tmp_path / "clients.txt").write_text(made["key"])
    assert "line 1" in (said := run("check-config", code=1))
    assert made["key"] not in str(said)


def test_commands_that_only_look_make_no_keys(run: Run, tmp_path: Path) -> None:
    run("lookup", "8.8.8.8")
    run("nominate", "8.8.8.8", "--reason", "spam")
    assert not (tmp_path / "state" / "keys.json").exists()


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


def test_exclusions_are_shown_and_ended_and_none_is_wider_than_a_listing(run: Run) -> None:
    assert run("exclude", "--list") == {"exclusions": []}
    assert "widest that may be excluded" in run("exclude", "0.0.0.0/0", "--reason", "x", code=1)
    run("exclude", "8.8.8.0/24", "--reason", "their lawyer wrote", "--public", "at its owner's wish")
    [row] = run("exclude", "--list")["exclusions"]
    assert (row["network"], row["reason"], row["public"]) == ("8.8.8.0/24", "their lawyer wrote", "at its owner's wish")
    assert "is not tested" in run("nominate", "8.8.8.8", "--reason", "spam", code=1)
    assert "is not excluded" in run("exclude", "8.8.8.0/25", "--end", "--reason", "x", code=1)
    assert run("exclude", "8.8.8.0/24", "--end", "--reason", "they came back") == {"exclusion ended": "8.8.8.0/24"}
    assert run("exclude", "--list") == {"exclusions": []}
    assert run("nominate", "8.8.8.8", "--reason", "spam")["state"] == "queued"
    for words in (("exclude",), ("exclude", "8.8.8.8", "--list"), ("exclude", "8.8.8.8")):
        run(*words, code=2)


def test_exceptions_are_made_shown_and_ended(run: Run) -> None:
    run("listing", "add", "8.8.8.0/24", "--kind", "manual", "--reason", "x")
    assert run("lookup", "8.8.8.8")["state"] == "listed"
    made = run("listing", "except", "8.8.8.8", "--reason", "our customer", "--public", "by mistake")
    assert made == {"excepted": "8.8.8.8/32", "out of": ["8.8.8.0/24 (manual)"]}
    told = run("lookup", "8.8.8.8")
    assert (told["state"], told["listings"], told["exception"]["network"]) == ("unknown", [], "8.8.8.8/32")
    assert run("lookup", "8.8.8.9")["state"] == "listed"
    assert "left out of wider listings: 8.8.8.8/32, our customer" in run("lookup", "8.8.8.8", plain=True)
    [row] = run("listing", "except", "--list")["exceptions"]
    assert (row["network"], row["reason"], row["public"]) == ("8.8.8.8/32", "our customer", "by mistake")
    assert [entry["verb"] for entry in run("journal", "8.8.8.8")] == ["excepted"]
    assert run("listing", "except", "8.8.8.8", "--end", "--reason", "no more") == {"exception ended": "8.8.8.8/32"}
    assert run("lookup", "8.8.8.8")["state"] == "listed"
    for words in (("except",), ("except", "8.8.8.8", "--list"), ("except", "8.8.8.8")):
        run("listing", *words, code=2)


def test_purge_says_what_it_would_take_back_takes_it_and_can_be_ended(run: Run, tmp_path: Path) -> None:
    run("listing", "add", "8.8.8.0/24", "--reason", "spam")
    who = run("journal", "8.8.8.0/24")[0]["actor"]
    tried = run("purge", who, "--dry-run")
    assert (tried["suspended"], tried["retracted"], tried["networks"]) == (False, 1, ["8.8.8.0/24"])
    assert run("lookup", "8.8.8.8")["state"] == "listed"
    assert "would be suspended" in run("purge", who, "--dry-run", plain=True)
    assert run("purge", who, "--reason", "gone mad", "--public", "Taken back.")["retracted"] == 1
    assert run("lookup", "8.8.8.8")["state"] == "unknown"
    (suspended,) = run("purge", "--list")["suspensions"]
    assert (suspended["source"], suspended["public"]) == (who, "Taken back.")
    assert "gone mad" in run("purge", "--list", plain=True)
    assert "write to" in run("nominate", "--evidence", spam(tmp_path), code=1)
    run("purge", who, "--end", "--reason", "sane again")
    run("nominate", "--evidence", spam(tmp_path))
    assert "Nobody is suspended" in run("purge", "--list", plain=True)


@pytest.mark.parametrize("words", [("purge",), ("purge", "x", "--list"), ("purge", "x", "--end", "--dry-run")])
def test_purge_wants_one_thing_at_a_time(run: Run, words: tuple[str, ...]) -> None:
    run(*words, code=2)


def test_check_config_says_when_a_zone_is_a_registered_domain_itself(run: Run, tmp_path: Path) -> None:
    assert not [note for note in run("check-config")["notes"] if "registered domain" in note]
    file = tmp_path / "zones" / "z.toml"
    file.write_text(file.read_text().replace("relays.example.org", "example.org"))
    assert [note for note in run("check-config")["notes"] if "example.org is a registered domain itself" in note]


def test_what_waits_for_a_second_operator_is_shown_and_only_another_one_confirms(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + "[policy]\ntwo_persons = true\n")
    assert run("listing", "add", "8.8.8.0/24", "--reason", "spam")["added"] == 0
    assert run("lookup", "8.8.8.8")["state"] == "unknown"
    assert "waits for another operator" in run("listing", "review", plain=True, code=1, both=True)
    words = ("listing", "review", "8.8.8.0/24", "--confirm", "--reason", "seen")
    assert "another operator has to confirm" in run(*words, code=1)
    monkeypatch.setattr("getpass.getuser", lambda: "somebody-else")
    run(*words)
    assert run("lookup", "8.8.8.8")["state"] == "listed"
    assert run("listing", "review") == {"to_review": [], "proposed": []}
    assert run("listing", "review", "8.8.8.0/24", "--keep", "--reason", "still")["until"]
    assert "lapses" in run("listing", "review", "--within", "400", plain=True, code=1, both=True)
    run("listing", "add", "8.8.4.0/24", "--reason", "spam")
    run("listing", "review", "8.8.4.0/24", "--withdraw", "--reason", "no")
    run("listing", "review", "8.8.4.0/24", code=2)
