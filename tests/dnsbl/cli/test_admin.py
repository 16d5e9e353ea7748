"""`dnsbl admin`: accounts, and passwords that no other user of the machine sees."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dnsbl.opened import open_list
from tests.dnsbl.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("light")
WORDS = "correct horse battery"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> object:
    def lines(*words: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in words)))

    return lines


def test_an_account_is_made_listed_changed_and_removed(run: Run, typed: Run, tmp_path: Path) -> None:
    typed(WORDS)
    made = run("admin", "add", "Ada", "--password-stdin")
    assert (made["account"], made["role"], made["codes"], made["disabled"]) == ("ada", "owner", False, False)
    typed(WORDS)
    run("admin", "add", "eve", "--role", "viewer", "--password-stdin")
    assert run("admin", "role", "eve", "operator", "--reason", "good")["role"] == "operator"
    assert run("admin", "disable", "eve", "--reason", "left")["disabled"] is True
    assert run("admin", "enable", "eve", "--reason", "back")["disabled"] is False
    typed("another good one")
    assert run("admin", "password", "eve", "--password-stdin")["account"] == "eve"
    assert run("admin", "codes", "eve", "--reason", "lost")["codes"] is False
    assert [row["account"] for row in run("admin", "list")["accounts"]] == ["ada", "eve"]
    assert "eve" in run("admin", "list", plain=True)
    assert run("admin", "remove", "EVE", "--reason", "left") == {"removed": "eve"}
    entrance = open_list(tmp_path / "config.toml").casework.entrance
    assert entrance.who(entrance.sign_in("ada", WORDS, "", peer=None))
    assert run("admin", "remove", "ada", "--reason", "the last one, by who has the machine")
    assert "Nobody has an account" in run("admin", "list", plain=True)
    verbs = [(entry["verb"], entry["actor"].split()[0]) for entry in run("journal") if "account" in entry["subject"]]
    assert ("account-added", "operator") in verbs and ("account-removed", "operator") in verbs
    assert WORDS not in str(run("journal"))


def test_mistakes_are_told_in_one_sentence_and_passwords_are_no_words_of_a_command(run: Run, typed: Run) -> None:
    typed("short")
    assert "12 to 200 characters" in run("admin", "add", "ada", "--password-stdin", code=1)
    typed()
    assert "no terminal" in run("admin", "add", "ada", code=1)
    typed()
    assert "'9' is no name for an account" in run("admin", "add", "9", code=1), "no password is asked for first"
    typed(WORDS)
    assert "'9' is no name for an account" in run("admin", "add", "9", "--password-stdin", code=1)
    assert "There is no account" in run("admin", "disable", "bob", "--reason", "x", code=1)
    run("admin", "add", "ada", "--password", WORDS, code=2)
    run("admin", "disable", "ada", code=2)
    typed(WORDS)
    assert "/admin" in run("admin", "add", "ada", "--password-stdin", plain=True)
    typed(WORDS)
    assert "already" in run("admin", "add", "ada", "--password-stdin", code=1)


def test_a_password_that_is_typed_twice_differently_is_asked_for_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(["first correct horse", "other correct horse", WORDS, WORDS])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda *words, **more: next(said))
    assert run("admin", "add", "ada")["account"] == "ada"
