"""The events of the logbook: documented as they are, told somewhere, and told rightly."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path
from string import Formatter

import pytest

from dnsbl.logbook import entries
from dnsbl.logbook.events import EVENTS, tell
from tests.statements import parsed

ROOT = Path(__file__).resolve().parents[3]
LOG = logging.getLogger("dnsbl.trial")


def documented() -> dict[str, tuple[str, str, str]]:
    """The table of the book: event, level, sentence, facts."""
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (.+?) \| (.*?) \|$", text, re.MULTILINE)
    return {name: (level, sentence, facts) for name, level, sentence, facts in rows}


def test_the_book_has_the_events_that_there_are() -> None:
    there = {
        name: (
            logging.getLevelName(told.level).lower(),
            re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), told.sentence),
            " ".join(f"`{fact}`" for fact in told.facts),
        )
        for name, told in EVENTS.items()
    }
    assert documented() == there


def test_a_sentence_names_facts_that_the_event_has_and_counts_none_but_those() -> None:
    for name, told in EVENTS.items():
        named = {field for _, field, _, _ in Formatter().parse(told.sentence) if field}
        assert named | set(told.counted) <= set(told.facts), name


def test_every_event_is_told_somewhere_and_no_other_one() -> None:
    said = {"nomination-refused", "removal-refused"}  # by `refused`
    telling = (text for path in (ROOT / "dnsbl").rglob("*.py") if "tell" in (text := path.read_text(encoding="utf-8")))
    for text in telling:
        for node in ast.walk(parsed(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "tell":
                said |= {a.value for a in node.args if isinstance(a, ast.Constant) and a.value in EVENTS}
    of_entries = {*entries._EVENTS.values(), *entries._JOBS.values(), *entries._NOTICES.values()}
    assert said | of_entries | {"test-queued", "test-waits", "entered"} == EVENTS.keys()


def test_an_event_is_a_record_with_a_sentence_and_its_facts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tell(LOG, "transfer", client="192.0.2.1", zone="a{b}c %s", way="axfr", serial=7)
    [record] = caplog.records
    assert record.getMessage() == "192.0.2.1 has fetched a{b}c %s by axfr, up to serial 7"
    assert (record.__dict__["event"], record.__dict__["facts"]["way"]) == ("transfer", "axfr")


def test_a_fact_that_is_not_known_is_a_dash(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tell(LOG, "part-started")
    assert caplog.messages == ["- is at work"]


def test_an_event_or_a_fact_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        tell(LOG, "no-such-event")
    with pytest.raises(ValueError, match="the event zones-read has no colour"):
        tell(LOG, "zones-read", colour="red")
