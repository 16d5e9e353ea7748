"""What is told is counted, by facts of few values, and whatever its level."""

from __future__ import annotations

import logging

import pytest

from dnsbl.logbook import tally
from dnsbl.logbook.events import tell
from dnsbl.logbook.tally import EventTally


@pytest.fixture
def log() -> tuple[logging.Logger, EventTally]:
    counted = EventTally()
    logger = logging.Logger("dnsbl.journal", logging.INFO)
    logger.addHandler(counted)
    return logger, counted


def test_events_are_counted_by_the_facts_that_they_name(log) -> None:
    logger, counted = log
    for door in ("web", "web", "api"):
        tell(logger, "nomination-refused", door=door, reason="resting", actor="x", address="192.0.2.1")
    assert counted.of("nomination-refused") == {("web", "resting"): 2, ("api", "resting"): 1}
    assert counted.of("listed") == {}


def test_lines_are_counted_by_part_and_level_and_those_for_debugging_are_not(log) -> None:
    logger, counted = log
    logger.warning("no event")
    tell(logger, "zones-kept", mistake="x")
    tell(logger, "connection-made", after="x")
    assert counted.lines == {("journal", "warning"): 1, ("journal", "error"): 1}


def test_values_without_end_are_counted_as_one(log, monkeypatch: pytest.MonkeyPatch) -> None:
    logger, counted = log
    monkeypatch.setattr(tally, "MOST", 1)
    for number in range(1000):
        tell(logger, "listed", kind=f"kind{number}", reason="r")
    found = counted.of("listed")
    assert sum(found.values()) == 1000
    assert len(found) <= len(tally.EVENTS) + 1
    assert found["other", "other"] > 900
