"""Results for people and for programs."""

from __future__ import annotations

import getpass
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dnsbl.addresses import network_of, parse_address
from dnsbl.cli import show
from dnsbl.model import Listing
from dnsbl.opened import open_list
from dnsbl.vocabulary import Reason
from tester.returned import Collected
from tests.dnsbl.cli.conftest import ROOT, Run, spam


def test_a_test_that_has_to_wait_says_why(run: Run, tmp_path: Path) -> None:
    waits = "It waits, since nobody is dialled now"
    assert waits not in run("test", "8.8.8.1", plain=True)
    run("stop", "--reason", "complaints")
    assert f"{waits}: stopped by operator {getpass.getuser()}: complaints, until `dnsbl resume`." in run(
        "test", "8.8.8.2", plain=True
    )
    run("resume")
    (tmp_path / "config.toml").write_text("")
    assert f"{waits}: put names of your own into tester.helo" in run("test", "8.8.8.3", plain=True)


def test_operators_read_what_people_write_and_nothing_in_it_reaches_the_terminal_raw(run: Run, tmp_path: Path) -> None:
    assert run("inbox") == []
    hostile = b"From: Pat <pat@example.net>\r\nSubject: stop \x1b[2J[red]this\r\n\r\nWhy \x1b]0;x\x07me?\r\n"
    opened = open_list(tmp_path / "config.toml")
    opened.casework.arrivals.file_return(
        Collected(
            peer=parse_address("192.0.2.55"),
            peer_port=25,
            local="192.0.2.9:25",
            tls=False,
            helo="x",
            mail_raw=b"FROM:<pat@example.net>",
            rcpt_raw=b"TO:<postmaster@c.example.org>",
            mail_from="pat@example.net",
            recipient="postmaster",
            domain="c.example.org",
            message=hostile,
            received_at=datetime.now(UTC).timestamp(),
        )
    )
    [letter] = run("inbox")
    assert letter["from"] == "Pat <pat@example.net>"
    assert letter["subject"] == "stop \\x1b[2J[red]this"
    assert letter["answered"] == "" and "(not answered)" in run("inbox", plain=True)
    number = str(letter["number"])
    for way in ("lines", "text"):
        assert run("inbox", number)[way][-1] == "Why \\x1b]0;x\\x07me?"
    for words in (("inbox",), ("inbox", number), ("inbox", number, "--raw")):
        shown = run(*words, plain=True)
        assert "[red]this" in shown
        assert "\x1b" not in shown
    assert "no message 99" in run("inbox", "99", code=1)


@pytest.mark.parametrize(("log", "by_test", "told"), [(True, True, True), (True, False, False), (False, True, False)])
def test_a_listing_that_a_log_can_prove_is_shown_with_the_command_that_gives_its_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, log: bool, by_test: bool, told: bool
) -> None:
    zone = (ROOT / "zones" / "relays.example.org.toml").read_text(encoding="utf-8")
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "z.toml").write_text(zone, encoding="utf-8")
    path = tmp_path / "config.toml"
    path.write_text('[tlog]\norigin = "list.example/log"\n' if log else "", encoding="utf-8")
    opened, address = open_list(path), parse_address("8.8.8.8")
    now = opened.clock.now()
    listing = Listing(
        id=1,
        network=network_of(address),
        kind="relay",
        since=now,
        expires=None,
        reason=Reason.LETTER_RETURNED,
        note="",
        public="",
        run="a" * 16 if by_test else None,
        confirmed=now,
        ended=None,
        end_reason=None,
    )
    show.standing(opened, replace(opened.casework.views.look_up(address), listings=(listing,)), as_json=False)
    assert ("proof of this listing: dnsbl proof 8.8.8.8" in capsys.readouterr().out) == told


def test_every_command_speaks_to_people_too(run: Run, tmp_path: Path) -> None:
    assert "nominated" in run("nominate", "--evidence", spam(tmp_path), plain=True)
    assert "queued" in run("lookup", "8.8.8.8", plain=True)
    assert "nominated" in run("journal", plain=True)
    assert "relays.example.org" in run("check-config", plain=True)
    assert "this version" in run("db", "upgrade", plain=True)
    assert "queued" in run("test", "9.9.9.9", plain=True)
    run("listing", "add", "8.8.8.8", "--reason", "x")
    assert "listed as manual" in run("lookup", "8.8.8.8", plain=True)


def test_a_look_up_says_why_a_test_waits_and_what_a_test_point_is(run: Run) -> None:
    run("nominate", "8.8.8.8", "--reason", "spam")
    assert "nobody is dialled" not in run("lookup", "8.8.8.8", plain=True)
    run("stop", "--reason", "complaints")
    held = run("lookup", "8.8.8.8", plain=True)
    assert "until `dnsbl resume`." in held and "  waits: " not in held, "said once"
    assert "a test point" in run("lookup", "127.0.0.2", plain=True)
    assert "a test point" not in run("lookup", "8.8.4.4", plain=True)


def test_what_was_done_is_told_to_people_in_words_and_to_programs_by_names_without_blanks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = {"opted out of mail, unknown who": 1, "known until": datetime(2026, 11, 27, 8, tzinfo=UTC)}
    show.done(facts, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "opted_out_of_mail_unknown_who": 1,
        "known_until": "2026-11-27T08:00:00Z",
    }
    show.done(facts, as_json=False)
    assert "known until: 2026-11-27 08:00:00 UTC" in capsys.readouterr().out


def test_the_example_is_a_document_for_programs_too(run: Run) -> None:
    assert run("check-config", "--example")["example"].startswith("# Every setting")


def test_people_read_the_times_of_an_account_as_all_others(run: Run) -> None:
    assert re.search(r"since: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n", run("reporter", "add", "ann", plain=True))
    assert re.fullmatch(r"[0-9-]+T[0-9:]+Z", run("reporter", "list")["reporters"][0]["since"])
