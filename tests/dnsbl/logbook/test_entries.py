"""An entry of the journal is told once, as the event that it is of, and only when it counts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from dnsbl.errors import Refused
from dnsbl.logbook import entries
from dnsbl.model import Entry
from dnsbl.vocabulary import Door
from tester.smtp import Outcome

HOST = "192.0.2.1"


class Kept(logging.Handler):
    """Keeps what is told."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def told(office, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[logging.LogRecord]]:
    """What is told of what this office does."""
    logger, kept = logging.getLogger("dnsbl.journal"), Kept()
    logger.addHandler(kept)
    monkeypatch.setattr(office.store, "entered", entries.told)
    monkeypatch.setattr(logger, "disabled", False)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    yield kept.records
    logger.setLevel(level)
    logger.removeHandler(kept)


def entry(**fields: object) -> Entry:
    given = {
        "actor": "policy",
        "subject": HOST,
        "verb": "run",
        "reason": "x",
        "before": "",
        "after": "",
        "evidence": "",
    }
    facts = given | {"seq": 7, "at": datetime(2026, 1, 1, tzinfo=UTC), "previous": "", "hash": ""} | fields
    return Entry(**facts)  # type: ignore[arg-type]


def events(records: list[logging.LogRecord]) -> list[str]:
    return [record.__dict__["event"] for record in records]


def test_a_host_that_is_found_open_is_told_from_nomination_to_listing(office, told) -> None:
    run = office.list_open(HOST)
    seen = events(told)
    assert seen[:5] == ["nomination-taken", "test-queued", "test-begun", "letters-filed", "connection-made"]
    assert {"letter-returned", "test-judged", "listed"} <= set(seen)
    facts = {record.__dict__["event"]: record.__dict__["facts"] for record in told}
    assert facts["nomination-taken"].items() >= {"door": "web", "nomination": "1", "address": HOST, "entry": 1}.items()
    assert facts["listed"].items() >= {"run": run.id, "kind": "relay", "address": HOST}.items()
    assert facts["letters-filed"]["count"] == len(office.letters(run.id))
    assert all(f["run"] == run.id for name, f in facts.items() if name.startswith(("test-b", "test-j", "letter")))


def test_every_entry_is_told_with_its_number_in_order(office, told) -> None:
    office.list_open(HOST)
    journal = office.casework.operators.journal(None)
    assert [record.__dict__["facts"]["entry"] for record in told] == [one.seq for one in journal]


def test_what_is_rolled_back_is_not_told(office, told) -> None:
    def broken() -> None:
        with office.store.write() as tx:
            tx.journal.append(at=office.clock.now(), actor="a", subject=HOST, verb="listed", reason="r")
            assert told == []
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert told == []


def test_a_request_that_is_refused_is_told_once_with_its_reason(office, told) -> None:
    with pytest.raises(Refused):
        office.casework.doors.ask_removal(office.at(HOST), door=Door.WEB, actor="192.0.2.0/24")
    assert events(told) == ["removal-refused"]
    office.list_open(HOST)
    told.clear()
    with pytest.raises(Refused):
        office.nominate(HOST)
    [record] = told
    assert record.__dict__["event"] == "nomination-refused"
    assert record.__dict__["facts"] == {
        "address": office.at(HOST),
        "actor": "web somebody",
        "door": "web",
        "reason": "already-listed",
    }


def test_a_removal_is_told_from_its_request_to_the_end_of_the_listing(office, told) -> None:
    office.list_open(HOST)
    told.clear()
    office.casework.doors.ask_removal(office.at(HOST), door=Door.WEB, actor="somebody")
    office.later(days=1)
    office.test(Outcome.RCPT_5XX)
    office.later(days=1)
    office.casework.upkeep.settle()
    facts = {record.__dict__["event"]: record.__dict__["facts"] for record in told}
    assert facts["removal-asked"]["door"] == "web"
    assert facts["delisted"]["kind"] == "relay"
    assert "test-judged" in facts


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        ({"verb": "job", "after": "running"}, "test-begun"),
        ({"verb": "job", "after": "queued for 2026-01-01"}, "test-queued"),
        ({"verb": "job", "after": "given up"}, "test-given-up"),
        ({"verb": "notice", "after": "sent"}, "notice-sent"),
        ({"verb": "notice", "after": "failed"}, "notice-failed"),
        ({"verb": "notice", "after": "queued"}, "notice-queued"),
        ({"verb": "notice", "after": "whatever"}, "entered"),
        ({"verb": "run", "after": "waiting"}, "test-waits"),
        ({"verb": "run", "after": "OPEN"}, "test-judged"),
        ({"verb": "signed-in"}, "login"),
        ({"verb": "expired"}, "delisted"),
        ({"verb": "something new"}, "entered"),
    ],
)
def test_an_entry_is_of_the_event_that_its_verb_says(fields: dict[str, str], event: str) -> None:
    assert entries.event_of(entry(**fields)) == event


def test_facts_that_an_entry_is_silent_about_are_left_out() -> None:
    found = entries.facts_of(entry(verb="listed", evidence="run abc, run def", after="listed relay"), "listed")
    assert found == {
        "entry": 7,
        "actor": "policy",
        "address": HOST,
        "reason": "x",
        "after": "listed relay",
        "evidence": "run abc, run def",
        "kind": "relay",
        "run": "abc",
    }
