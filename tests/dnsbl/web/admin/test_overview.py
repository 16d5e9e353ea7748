"""The first page of the operators' side, and the stop of all testing."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from ipaddress import ip_network
from pathlib import Path

import pytest

from dnsbl import places
from dnsbl.casework.operators import Operators
from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.vocabulary import Role
from tests.dnsbl.web.admin.conftest import Side

Build = Callable[..., Side]


def test_nothing_needs_you_where_all_is_fine_and_checks_are_counted(side: Build) -> None:
    built = side()
    built.casework.presence.beat("here:1", ("worker", "collector", "scheduler"))
    built.board.well("worker")
    page = built.signed_in().get("").text
    assert "Nothing needs you" in page and re.search(r"\d+ checks are fine", page)
    assert 'class="bell"' not in page


def test_what_needs_a_person_stands_first_and_leads_to_it(side: Build) -> None:
    servers = [{"server": "192.0.2.54:53", "zone": "relays.example.org", "serial": None, "trouble": ["<b>is away</b>"]}]
    built = side(servers=lambda: servers, policy={"two_persons": True})
    one = [ip_network("8.8.8.0/24")]
    built.casework.operators.list_networks(one, kind="manual", reason="x", actor="operator bob")
    built.board.down("collector", "port 25 is taken by <script>")
    page = built.signed_in().get("").text
    assert "things need you" in page and "A listing waits for a person" in page and 'href="/admin/inbox"' in page
    assert "&lt;b&gt;is away" in page and "port 25 is taken by &lt;script&gt;" in page and "<script>" not in page
    assert page.index("Nobody is at work as worker") < page.index("A listing waits for a person")


def test_the_numbers_are_those_of_dnsbl_status(side: Build) -> None:
    built = side()
    built.office.nominate("198.18.7.1")
    built.house.list("198.18.7.9")
    ada = built.signed_in()
    page = ada.get("").text
    summary = built.casework.oversight.summary()

    def tile(text: str) -> int:
        found = re.search(rf"<dd>([\d,]+)</dd><dt>{text}</dt>", page)
        assert found is not None, text
        return int(found[1].replace(",", ""))

    assert tile("in the queue") == summary.waiting and tile("listed now") == sum(summary.listed.values()) == 1
    assert tile("new listings") == summary.begun == 1 and tile("tests running") == summary.running
    assert "open relay" in page and "<dt>Letters back today</dt><dd>1</dd>" in page


def test_the_picture_is_read_once_for_all_who_look_at_the_same_time(side: Build) -> None:
    built = side()
    ada, eve = built.signed_in(), built.signed_in("eve", Role.VIEWER)
    calls = []
    read = built.casework.oversight.summary
    built.casework.oversight.summary = lambda: calls.append(1) or read()
    built.office.clock.turn(seconds=5)
    for one in (ada, eve, ada, eve):
        one.get("")
    assert len(calls) == 1
    built.office.clock.turn(seconds=5)
    ada.get("")
    assert len(calls) == 2


def test_a_stop_asks_twice_names_its_reason_and_is_taken_back(side: Build) -> None:
    built = side()
    ada = built.signed_in()
    page = ada.get("").text
    assert 'class="button small danger" href="/admin/stop"' in page
    assert "Stop all tests?" in ada.get("/stop").text and built.casework.views.stopped() is None
    for data in ({}, {"reason": "alarm"}, {"sure": "yes"}, {"sure": "yes", "reason": "  "}):
        assert ada.post("/stop", **data).status_code >= 400
        assert built.casework.views.stopped() is None
    answer = ada.post("/stop", sure="yes", reason="an alarm")
    assert answer.headers["location"] == "/admin?done=stopped"
    entry = built.casework.views.stopped()
    assert entry is not None and (entry.actor, entry.evidence) == ("operator ada", "an alarm")
    assert "All testing is stopped" in ada.get("?done=stopped").text
    assert ada.post("/resume", reason="was nothing").status_code == 303
    assert built.casework.views.stopped() is None
    assert "Testing is not stopped" in ada.post("/resume", reason="again").text


def test_a_stop_by_a_file_is_shown_and_taken_back_like_any(side: Build, tmp_path: Path) -> None:
    built = side(service={"state_dir": tmp_path})
    ada, eve, path = built.signed_in(), built.signed_in("eve", Role.VIEWER), tmp_path / "stop"
    path.touch()
    built.office.clock.turn(seconds=5)
    assert "Testing is stopped…" in ada.get("").text and f"{path} is there, until dnsbl resume." in ada.get("").text
    for who in (ada, eve):
        page = who.get("/stop").text
        assert "Testing is stopped on this machine" in page and f"{path} is there" in page
        assert "Stop all tests?" not in page and "testing goes on" not in page
    assert ada.post("/resume", reason="it was mended").status_code == 303
    assert not path.exists() and built.casework.views.stopped() is None


def test_a_stop_that_the_database_does_not_take_stops_the_machine_of_the_pages(
    side: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = side(service={"state_dir": tmp_path})
    ada, path = built.signed_in(), tmp_path / "stop"

    def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("The disk of the database is full.", trouble=Trouble.FULL)

    monkeypatch.setattr(Operators, "stop", full)
    assert ada.post("/stop", sure="yes", reason="an alarm").headers["location"] == "/admin?done=stopped"
    assert path.exists()
    path.unlink()
    monkeypatch.setattr(places, "database_file", lambda settings: None)  # as with PostgreSQL
    said = ada.post("/stop", sure="yes", reason="an alarm")
    assert said.status_code >= 400 and path.exists()
    assert "The disk of the database is full. Testing is stopped on this machine alone" in said.text


def test_a_viewer_is_not_asked_whether_to_stop(side: Build) -> None:
    page = side().signed_in("eve", Role.VIEWER).get("/stop").text
    assert "Stopping is for operators; testing goes on." in page and "Stop all tests?" not in page


def test_an_operator_has_an_address_tested_and_mistakes_keep_what_was_typed(side: Build) -> None:
    built = side()
    ada = built.signed_in()
    assert ada.post("/tests", address="198.18.7.7").headers["location"] == "/admin?done=queued"
    (job,) = [entry for entry in built.casework.operators.journal() if entry.verb == "job"]
    assert job.actor == "operator ada"
    for wrong in ("127.0.0.1", "<script>", "", "10.0.0.0/8", "x" * 5000):
        answer = ada.post("/tests", address=wrong)
        assert answer.status_code >= 400 and 'role="alert"' in answer.text and "<script>" not in answer.text


def test_words_about_what_was_done_are_ours_and_nobody_elses(side: Build) -> None:
    ada = side().signed_in()
    assert "This network may be tested again." in ada.get("?done=ended").text
    assert "Call 555" not in ada.get("?done=Call+555").text


def test_every_table_of_more_than_three_columns_can_be_scrolled_sideways_on_its_own() -> None:
    wide = 0
    for path in (files("dnsbl.web") / "templates" / "admin").iterdir():
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for before, head in re.findall(r"([^\n]*)<table[^>]*>\s*<thead>(.*?)</thead>", text, re.DOTALL):
            assert head.count("<th ") <= 3 or 'class="wide"' in before, (path.name, head)
            wide += head.count("<th ") > 3
    assert wide > 3, "there are some"
