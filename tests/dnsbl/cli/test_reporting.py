"""`dnsbl reporter`: accounts, keys, suspension, and nominations for a reporter."""

from __future__ import annotations

from pathlib import Path

from tests.dnsbl.cli.conftest import Run, spam


def test_an_account_is_made_listed_keyed_suspended_and_taken_back(run: Run) -> None:
    made = run("reporter", "add", "Ann", "--contact", "ann@example.org")
    assert (made["reporter"], made["tier"], made["score"], made["keyed"]) == ("ann", "new", 0.5, False)
    key = run("reporter", "key", "ann")["key"]
    assert key.startswith("dnsbl-key-")
    (row,) = run("reporter", "list")["reporters"]
    assert row["keyed"] and key not in str(row)
    assert run("reporter", "key", "ann", "--revoke")["keyed"] is False
    assert run("reporter", "tier", "ann", "known", "--reason", "good")["tier"] == "known"
    assert run("reporter", "suspend", "ann", "--reason", "lies")["why"] == "lies"
    assert "lies" in run("reporter", "list", plain=True)
    assert run("reporter", "suspend", "ann", "--end", "--reason", "was wrong")["suspended"] is None
    assert "ann" in run("reporter", "list", plain=True)
    assert "Bearer" in run("reporter", "key", "ann", plain=True)


def test_what_tiers_were_called_once_is_understood_and_shown_nowhere(run: Run) -> None:
    assert run("reporter", "add", "ann", "--trust", "known")["tier"] == "known"
    assert run("reporter", "add", "bob", "--tier", "trusted")["tier"] == "trusted"
    assert run("reporter", "trust", "ann", "new", "--reason", "x")["tier"] == "new"
    for words in (("reporter", "add"), ("reporter", "tier")):
        assert "trust" not in run(*words, "--help", plain=True).replace("trusted", "")


def test_mistakes_are_told_in_one_sentence(run: Run) -> None:
    run("reporter", "add", "ann")
    assert "already" in run("reporter", "add", "ann", code=1)
    assert "names no reporter" in run("reporter", "add", "192.0.2.1", code=1)
    assert "There is no reporter 'bob'" in run("reporter", "key", "bob", code=1)
    assert "--contact" in run("reporter", "add", "bob", "--contact", "nobody", code=2)
    assert "--reason" in run("reporter", "suspend", "ann", code=2)


def test_a_nomination_by_the_command_bears_the_reporter(run: Run, tmp_path: Path) -> None:
    run("reporter", "add", "ann")
    assert run("nominate", "--evidence", spam(tmp_path), "--reporter", "ann")["done"] == "nominated"
    nominated = next(entry for entry in run("journal", "8.8.8.8") if entry["verb"] == "nominated")
    assert nominated["actor"].endswith("for reporter ann")
    run("reporter", "suspend", "ann", "--reason", "x")
    assert "taken from the reporter ann" in run(
        "nominate", "--evidence", spam(tmp_path, "8.8.4.4"), "--reporter", "ann", code=1
    )
    assert "no account is called so" in run("nominate", "--evidence", spam(tmp_path), "--reporter", "bob", code=1)
