"""What holds the list back: networks that are not tested, sources that are not heard, a stop of all testing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dnsbl import opened, places
from dnsbl.casework.operators import Operators
from dnsbl.errors import StoreUnavailable, Trouble
from tests.dnsbl.cli.conftest import Run, spam


def test_an_excluded_network_is_never_nominated(run: Run, tmp_path: Path) -> None:
    run("exclude", "8.8.8.0/24", "--reason", "owner asked")
    assert "8.8.8.0/24 is not tested" in run("nominate", "--evidence", spam(tmp_path), code=1)
    assert run("lookup", "8.8.8.8")["state"] == "excluded"


def test_who_excludes_a_network_is_told_what_stays_listed_in_it_and_what_ends_that(run: Run) -> None:
    assert "still_listed" not in run("exclude", "8.8.4.0/24", "--reason", "owner asked")
    run("listing", "add", "8.8.8.8", "--reason", "spam")
    said = "8.8.8.8/32 as manual: `dnsbl listing drop 8.8.8.8/32 --reason TEXT`"
    assert run("exclude", "8.8.8.0/24", "--reason", "owner asked")["still_listed"] == [said]
    assert f"still listed:\n  {said}\n" in run("exclude", "8.8.8.0/24", "--reason", "owner asked", plain=True)
    assert "clears by: 20" in (dropped := run("listing", "drop", "8.8.8.8", "--reason", "x", plain=True))
    assert " UTC" in dropped


def test_all_testing_is_stopped_and_taken_up_again(run: Run) -> None:
    assert "not stopped" in run("resume", code=1)
    assert run("stop", "--reason", "complaints") == {"testing": "stopped", "reason": "complaints"}
    run("stop", code=2)
    assert run("resume", "--reason", "sorted out") == {"testing": "goes on"}
    told = [(entry["verb"], entry["evidence"]) for entry in run("journal") if entry["subject"] == "tester"]
    assert told == [("stopped", "complaints"), ("resumed", "sorted out")]
    assert "stopped" in run("stop", "--reason", "again", plain=True)


def test_no_mistake_of_the_configuration_keeps_an_operator_from_a_stop(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + "[web]\nlisten = 7\n[nothing]\nhere = 1\n")
    assert "listen" in run("status", code=1, plain=True)
    assert run("stop", "--reason", "complaints")["testing"] == "stopped"
    assert run("resume", "--reason", "sorted out") == {"testing": "goes on"}


FULL = StoreUnavailable("The disk of the database is full.", trouble=Trouble.FULL)


def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the database take no entry of a stop."""

    def full(*_self: object, **_words: object) -> None:
        raise FULL

    monkeypatch.setattr(Operators, "stop", full)


def test_a_database_that_takes_no_word_keeps_nobody_from_a_stop_of_this_machine(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state" / "stop"
    with monkeypatch.context() as patched:
        refusing(patched)
        found = run("stop", "--reason", "complaints")
    assert found == {"testing": "stopped", "reason": "complaints", "by": str(path), "since": str(FULL)}
    assert path.exists() and str(path) in run("status")["testing"]
    assert run("resume", "--reason", "sorted out") == {"testing": "goes on", "taken_away": str(path)}
    assert not path.exists() and run("status")["testing"] == "on"
    assert [entry["verb"] for entry in run("journal") if entry["subject"] == "tester"] == ["resumed"]


def test_where_other_machines_may_dial_who_stops_this_one_alone_is_told_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(monkeypatch)
    monkeypatch.setattr(places, "database_file", lambda settings: None)  # as with PostgreSQL
    said = run("stop", "--reason", "complaints", code=1, plain=True)
    assert "The disk of the database is full. Testing is stopped on this machine alone, by " in said
    assert "type `dnsbl stop` on every machine with a worker" in said and (tmp_path / "state" / "stop").exists()


def test_where_not_even_a_file_can_be_made_it_is_said_what_is_left(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(monkeypatch)
    monkeypatch.setattr(places, "write_whole", none_made)
    said = run("stop", "--reason", "complaints", code=1, plain=True)
    assert "stop be made, which stops testing on this machine: Read-only file system" in said
    assert "What is left is to end `dnsbl serve`" in said


def test_a_state_folder_that_cannot_be_written_is_told_with_the_reason_and_what_is_left(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("status")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "state")
    said = run("exclude", "8.8.8.8", "--reason", "x", code=1, plain=True)
    assert f"is not writable: user {os.geteuid()} may not write there, as `ls -ld` shows." in said
    monkeypatch.setattr(places, "write_whole", none_made)
    assert "What is left is to end `dnsbl serve`" in run("stop", "--reason", "complaints", code=1, plain=True)


def test_a_stop_needs_no_folder_of_ours_where_the_database_is_not_in_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("status")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "state")
    monkeypatch.setattr(opened, "database_file", lambda settings: None)  # as with PostgreSQL
    assert run("stop", "--reason", "complaints")["testing"] == "stopped"


def none_made(path: Path, parts: object) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def test_a_mistake_in_a_zone_file_ends_nothing_that_needs_no_zone(run: Run, tmp_path: Path) -> None:
    [zone] = (tmp_path / "zones").glob("*.toml")
    zone.write_text("origin = 7\n")
    assert "origin" in run("lookup", "8.8.8.8", code=1, plain=True)
    assert run("stop", "--reason", "complaints")["testing"] == "stopped"
    assert run("exclude", "8.8.8.0/24", "--reason", "owner asked")["excluded"] == "8.8.8.0/24"
    status = run("status")
    assert status["testing"] and any("origin" in note for note in status["notes"])
    assert run("listing", "list")["listings"] == []
    assert [entry["verb"] for entry in run("journal")] == ["stopped", "excluded"]
    assert run("backup", str(tmp_path / "copy"))["octets"]


def test_exclusions_are_shown_and_ended_and_none_is_wider_than_a_listing(run: Run) -> None:
    assert run("exclude", "--list") == {"exclusions": []}
    assert "widest that may be excluded" in run("exclude", "0.0.0.0/0", "--reason", "x", code=1)
    run("exclude", "8.8.8.0/24", "--reason", "their lawyer wrote", "--public", "at its owner's wish")
    [row] = run("exclude", "--list")["exclusions"]
    assert (row["network"], row["reason"], row["public"]) == ("8.8.8.0/24", "their lawyer wrote", "at its owner's wish")
    assert "is not tested" in run("nominate", "8.8.8.8", "--reason", "spam", code=1)
    assert "is not excluded" in run("exclude", "8.8.8.0/25", "--end", "--reason", "x", code=1)
    assert run("exclude", "8.8.8.0/24", "--end", "--reason", "they came back") == {"exclusion_ended": "8.8.8.0/24"}
    assert run("exclude", "--list") == {"exclusions": []}
    assert run("nominate", "8.8.8.8", "--reason", "spam")["state"] == "queued"
    for words in (("exclude",), ("exclude", "8.8.8.8", "--list"), ("exclude", "8.8.8.8")):
        run(*words, code=2)


def test_purge_says_what_it_would_take_back_takes_it_and_can_be_ended(run: Run, tmp_path: Path) -> None:
    run("listing", "add", "8.8.8.0/24", "--reason", "spam")
    who = run("journal", "8.8.8.0/24")[0]["actor"]
    tried = run("purge", who, "--dry-run")
    assert (tried["suspended"], tried["retracted"], tried["networks"]) == (False, 1, ["8.8.8.0/24"])
    assert run("lookup", "8.8.8.8")["state"] == "listed"
    assert f"would be suspended: {who}" in run("purge", who, "--dry-run", plain=True)
    assert run("purge", who, "--reason", "gone mad", "--public", "Taken back.")["retracted"] == 1
    assert run("lookup", "8.8.8.8")["state"] == "unknown"
    (suspended,) = run("purge", "--list")["suspensions"]
    assert (suspended["source"], suspended["public"]) == (who, "Taken back.")
    assert "gone mad" in run("purge", "--list", plain=True)
    assert f"`dnsbl purge '{who}' --end --reason TEXT` ends that." in run(
        "nominate", "--evidence", spam(tmp_path), code=1
    )
    run("purge", who, "--end", "--reason", "sane again")
    run("nominate", "--evidence", spam(tmp_path))
    assert "Nobody is suspended" in run("purge", "--list", plain=True)


def test_a_nomination_that_was_a_mistake_is_withdrawn_before_its_test(run: Run) -> None:
    run("nominate", "8.8.8.8", "--reason", "spam")
    run("withdraw", "1", code=2)
    assert run("withdraw", "1", "--reason", "a slip") == {"withdrawn": "nomination 1", "address": "8.8.8.8"}
    assert run("lookup", "8.8.8.8")["state"] == "unknown"
    assert "There is no nomination 7." in run("withdraw", "7", "--reason", "x", code=1)
    run("withdraw", "0", "--reason", "x", code=2)


def test_what_is_old_is_told_before_it_goes(run: Run) -> None:
    told = run("forget", "--dry-run")
    assert set(told) == {"would_go"} and told["would_go"]["tests"] == 0
    assert run("forget") == {"gone": told["would_go"]}
    assert "transcripts: 0" in run("forget", "--dry-run", plain=True)
    assert "dnsbl forget" in run("purge", code=2)


@pytest.mark.parametrize(
    "words", [("purge",), ("purge", "--dry-run"), ("purge", "x", "--list"), ("purge", "x", "--end", "--dry-run")]
)
def test_purge_wants_one_thing_at_a_time(run: Run, words: tuple[str, ...]) -> None:
    assert "give either SOURCE" in run(*words, code=2)


def test_an_operator_at_his_shell_is_told_what_to_type_and_is_not_sent_to_himself(run: Run) -> None:
    run("exclude", "8.8.8.0/24", "--reason", "x")
    for words in (
        ("test", "8.8.8.8"),
        ("nominate", "8.8.8.8", "--reason", "x"),
        ("nominate", "8.8.8.8", "--reason", "x", "--show"),
    ):
        err = run(*words, code=1)
        assert "`dnsbl exclude 8.8.8.0/24 --end --reason TEXT` ends that." in err and "@" not in err
    run("listing", "add", "9.9.9.0/24", "--reason", "x")
    err = run("remove", "9.9.9.9", code=1)
    assert "`dnsbl listing drop 9.9.9.0/24 --reason TEXT` does." in err and "@" not in err
