"""Evidence on the command line: what is shown of it, and where it asks."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from dnsbl.cli import nominating
from tests.dnsbl.cli.conftest import Run, spam


def doubtful(tmp_path: Path) -> str:
    """Spam that came in through a server of the reporter's, who has not registered it."""
    path = tmp_path / "doubtful.eml"
    stamp = format_datetime(datetime.now(UTC))
    path.write_text(
        f"Received: from mx.mysite.example (mx.mysite.example [9.9.9.9]) by store.mysite.example; {stamp}\n"
        f"Received: from relay.example.net (relay.example.net [8.8.8.8]) by mx.mysite.example; {stamp}\n"
        "Received: from pc (pc [10.0.0.1]) by relay.example.net; x\n"
        "Subject: buy\n\nBuy.\n"
    )
    return str(path)


def test_a_nomination_shows_which_line_was_used_and_which_could_be_meant(run: Run, tmp_path: Path) -> None:
    (row,) = run("nominate", "--evidence", spam(tmp_path))["nominations"]
    assert (row["result"], row["trace"]["line"], row["trace"]["lines"][0]["address"]) == ("queued", 1, "8.8.8.8")
    said = run("nominate", "--evidence", doubtful(tmp_path), "--pick", "2", plain=True)
    assert [line for line in said.splitlines() if line[:1] in "> "] == [
        "    1  mx.mysite.example [9.9.9.9] to store.mysite.example: not sure: it may only have passed it on; if "
        "this one is meant: --pick 1",
        ">   2  relay.example.net [8.8.8.8] to mx.mysite.example: not sure: said by 9.9.9.9",
        "    3  pc [10.0.0.1] to relay.example.net: cannot be tested (written by strangers; names no public address)",
    ]


def test_what_would_come_of_it_is_shown_by_either_name_and_nothing_is_filed(run: Run, tmp_path: Path) -> None:
    for name in ("--show", "--dry-run"):
        said = run("nominate", "--evidence", spam(tmp_path), name, plain=True)
        assert "8.8.8.8: would be nominated." in said and "sure: your server saw it" in said
    assert run("lookup", "8.8.8.8")["state"] == "unknown"


def test_where_the_nomination_is_refused_nobody_is_asked_to_pick_the_line_that_was_used(
    run: Run, tmp_path: Path
) -> None:
    run("exclude", "8.8.8.0/24", "--reason", "x")
    for more in ((), ("--show",)):
        said = run("nominate", "--evidence", spam(tmp_path), *more, code=1, plain=True, both=True)
        assert "line 1 was used" in said and "--pick" not in said


def test_where_more_than_one_line_could_be_meant_it_asks(run: Run, tmp_path: Path) -> None:
    said = run("nominate", "--evidence", doubtful(tmp_path), code=1, both=True)
    document, _, err = said.partition("dnsbl: ")
    assert "say which is meant. (--pick N)" in err and err.strip().count("\n") == 0
    shown = json.loads(document)
    assert (shown["reason"], shown["messages"], shown["nominations"][0]["trace"]["sure"]) == ("which-line", 1, False)
    assert run("lookup", "8.8.8.8")["state"] == run("lookup", "9.9.9.9")["state"] == "unknown"
    assert run("nominate", "--evidence", doubtful(tmp_path), "--pick", "2")["address"] == "8.8.8.8"


def test_registered_servers_are_passed(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "config.toml").open("a") as config:
        config.write('[policy]\nreporters = ["ann 9.9.9.9"]\n')
    assert run("nominate", "--evidence", doubtful(tmp_path), "--reporter", "ann")["address"] == "8.8.8.8"
    assert "names no 'bob'" in run("nominate", "--evidence", doubtful(tmp_path), "--reporter", "bob", code=1)


def test_each_message_of_a_mailbox_is_taken(run: Run, tmp_path: Path) -> None:
    box = tmp_path / "box.mbox"
    separator = "From a@example.net Wed Nov 25 15:14:13 2026\n"
    first, second = Path(spam(tmp_path, "9.9.9.10")).read_text(), Path(doubtful(tmp_path)).read_text()
    box.write_text("".join(f"{separator}{each}\n" for each in (first, second, first.replace(".10]", ".11]"))))
    found = run("nominate", "--evidence", str(box))
    assert found["messages"] == 3
    assert [row["result"] for row in found["nominations"]] == ["queued", "which-line", "queued"]
    said = run("nominate", "--evidence", str(box), plain=True)
    assert "message 1 of 3: 9.9.9.10: nominated" in said
    assert "message 2 of 3: Line 1 (9.9.9.9) and line 2 (8.8.8.8) could be" in said
    with (tmp_path / "config.toml").open("a") as config:
        config.write("[policy]\nevidence_messages = 1\n")
    assert "2 of 3 messages were not read" in run("nominate", "--evidence", str(box), plain=True)


def test_a_report_says_what_it_names(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.eml"
    path.write_text(
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n"
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nSource-IP: 9.9.9.9\n--b\n"
        f"Content-Type: message/rfc822\n\n{Path(doubtful(tmp_path)).read_text()}\n--b--\n"
    )
    said = run("nominate", "--evidence", str(path), plain=True)
    assert "The ARF report names 9.9.9.9 as its source." in said
    assert ">   1  mx.mysite.example [9.9.9.9]" in said


def test_a_refused_message_shows_its_lines_to_people_and_one_sentence_on_stderr(run: Run, tmp_path: Path) -> None:
    said = run("nominate", "10.9.9.9", "--evidence", spam(tmp_path), plain=True, code=1)
    assert said.strip().count("\n") == 0
    said = run("nominate", "9.9.9.9", "--evidence", spam(tmp_path), plain=True, code=1, both=True)
    assert "  1  x [8.8.8.8] to mx.example.org" in said and "No Received line" in said


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_may_be_saved_by_any_editor(run: Run, tmp_path: Path, mark: str, end: str) -> None:
    def saved(path: Path, text: str) -> None:
        path.write_bytes((mark + text).replace("\n", end).encode())

    for path in (tmp_path / "config.toml", tmp_path / "zones" / "z.toml"):
        saved(path, path.read_text())
    nets = tmp_path / "nets"
    saved(nets, "# list\n8.8.8.0/28\n9.9.9.64/26 # office\n")
    assert run("listing", "add", "--from", str(nets), "--reason", "x")["added"] == 2
    saved(nets, "8.8.8.0/28\n")
    assert run("listing", "drop", "--from", str(nets), "--reason", "x")["dropped"] == 1
    assert run("check-config")["zones"] == ["relays.example.org"]


# -- many files, folders, Maildirs, standard input ---------------------------------------------------------------------
def saved(folder: Path, name: str, address: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(Path(spam(folder.parent, address)).read_text())
    return path


def results(document: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    return [(Path(row["message"]).name, row["address"], row["result"]) for row in document["nominations"]]


def test_each_file_is_judged_by_itself(run: Run, tmp_path: Path) -> None:
    first, second = saved(tmp_path / "a", "one.eml", "9.9.9.10"), saved(tmp_path / "b", "two.eml", "9.9.9.11")
    junk = tmp_path / "junk.pdf"
    junk.write_bytes(b"%PDF-1.4")
    gone = tmp_path / "gone.eml"
    words = [word for path in (first, junk, gone, second) for word in ("--evidence", str(path))]
    found = run("nominate", *words)
    assert results(found) == [
        ("one.eml", "9.9.9.10", "queued"),
        ("junk.pdf", None, "not-mail"),
        ("gone.eml", None, "not-mail"),
        ("two.eml", "9.9.9.11", "queued"),
    ]
    assert "gone.eml: cannot be read" in found["nominations"][2]["detail"]
    assert "This is a PDF" in run("nominate", "--evidence", str(junk), "--evidence", str(gone), code=1)


def test_a_folder_stands_for_its_files_and_a_maildir_for_its_messages(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    saved(folder, "b.eml", "9.9.9.11")
    saved(folder, "a.eml", "9.9.9.10")
    saved(folder, ".hidden", "9.9.9.12")
    (folder / "deeper").mkdir()
    assert results(run("nominate", "--evidence", str(folder))) == [
        ("a.eml", "9.9.9.10", "queued"),
        ("b.eml", "9.9.9.11", "queued"),
    ]
    maildir = tmp_path / "Maildir"
    saved(maildir / "cur", "1:2,S", "9.9.9.13")
    saved(maildir / "new", "2", "9.9.9.14")
    saved(maildir / "tmp", "3", "9.9.9.15")
    assert {row[1] for row in results(run("nominate", "--evidence", str(maildir)))} == {"9.9.9.13", "9.9.9.14"}
    (tmp_path / "empty").mkdir()
    assert "no file in this folder" in run("nominate", "--evidence", str(tmp_path / "empty"), code=1)


def test_too_many_files_are_refused_before_any_is_read(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nominating, "FILES_MOST", 1)
    words = [word for _ in range(2) for word in ("--evidence", str(tmp_path / "gone.eml"))]
    assert "more than 1 files" in run("nominate", *words, code=1)


def test_standard_input_is_a_file(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    octets = Path(spam(tmp_path, "9.9.9.10")).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets)))
    assert run("nominate", "--evidence", "-")["address"] == "9.9.9.10"


def test_a_line_is_picked_in_one_file_only(run: Run, tmp_path: Path) -> None:
    words = [word for _ in range(2) for word in ("--evidence", spam(tmp_path))]
    assert "--pick" in run("nominate", *words, "--pick", "1", code=2)


def test_a_dry_run_shows_what_was_read_files_nothing_and_tests_nobody(run: Run, tmp_path: Path) -> None:
    words = ["--evidence", spam(tmp_path, "9.9.9.10"), "--dry-run"]
    found = run("nominate", *words)
    assert (found["done"], found["nominations"][0]["result"]) == ("read", "read")
    assert found["nominations"][0]["trace"]["line"] == 1
    said = run("nominate", *words, plain=True)
    assert said.startswith("9.9.9.10: would be nominated.\nIts Received lines, newest first; line 1 was used:\n>   1  ")
    assert run("lookup", "9.9.9.10")["state"] == "unknown"
    assert run("journal", "9.9.9.10") == []
    run("exclude", "9.9.9.0/24", "--reason", "asked")
    assert "is not tested, at its owner's" in run("nominate", *words, code=1)
    junk = tmp_path / "junk"
    junk.write_text("hello")
    assert "This is no mail" in run("nominate", "--evidence", str(junk), "--dry-run", code=1)


@pytest.mark.parametrize(
    ("out", "name", "below", "cause", "count"),
    [
        (
            "8.8.8.8",
            "mail.example.net",
            ["from PC-20121219NMRW ([10.0.0.26] RDNS failed) by mail.example.net with Microsoft SMTPSVC(6.0.3790)"],
            "client-address-lost",
            2,
        ),
        (
            "8.8.4.4",
            "mail.example.com",
            [
                "from unknown (HELO EROS.example.com) ([192.168.0.50]) by mail.example.com with SMTP",
                "from PC-20121219KUBO ([9.9.9.9]) by EROS.example.com with Microsoft SMTPSVC(6.0.3790.4675)",
            ],
            "appliance-trusted",
            3,
        ),
    ],
)
def test_a_dry_run_says_what_a_trace_looks_like_and_trusts_one_line_of_it(
    run: Run, tmp_path: Path, out: str, name: str, below: list[str], cause: str, count: int
) -> None:
    stamp = format_datetime(datetime.now(UTC))
    lines = [f"from {name} ({name} [{out}]) by mx.trap.example (Postfix) with ESMTP id 1; {stamp}"]
    lines += [f"{line}; {stamp}" for line in below]
    file = tmp_path / "sample.eml"
    file.write_text("".join(f"Received: {line}\n" for line in lines) + "X-Mailer: Outlook Express 6\n\nBuy.\n")
    (row,) = run("nominate", "--evidence", str(file), "--dry-run")["nominations"]
    assert (row["address"], row["result"], row["hint"]["name"], row["hint"]["sure"]) == (out, "read", cause, "guess")
    assert row["hint"]["advice"]
    assert [line["trusted"] for line in row["trace"]["lines"]] == [True, *[False] * (count - 1)]
    said = run("nominate", "--evidence", str(file), "--dry-run", plain=True)
    assert f"It looks like {cause} (guess). " in said and "this is a hint, and only a test shows." in said
    assert run("lookup", out)["state"] == "unknown"
