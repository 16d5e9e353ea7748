"""A line of the log: whole, bounded, and of printable ASCII alone, whatever strangers have sent."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.logbook.lines import FACT_MOST, PARTS, SENTENCE_MOST, Chosen, Lines, bare, in_journal, part_of, priority
from dnsbl.settings.log import PARTS as SETTABLE

WHEN = partial(datetime.fromtimestamp, tz=UTC)


def record(
    sentence: str = "a sentence", *, name: str = "dnsbl.daemons.worker", level: int = logging.INFO, **extra: Any
):
    made = logging.LogRecord(name, level, "here", 1, sentence, (), None)
    made.created, made.msecs = 1_764_153_600.25, 250.0
    made.__dict__.update(extra)
    return made


def test_a_line_of_text_has_time_level_part_sentence_event_and_facts() -> None:
    facts = {"address": "192.0.2.1", "run": "abc", "why": "two words", "entry": 7}
    line = Lines("text", WHEN).format(record(event="test-begun", facts=facts))
    assert line == (
        "2025-11-26T10:40:00.250Z INFO worker: a sentence "
        '[test-begun address=192.0.2.1 run=abc why="two words" entry=7]'
    )


def test_a_line_of_json_is_one_object_with_the_same() -> None:
    facts = {"address": "192.0.2.1", "entry": 7}
    line = Lines("json", WHEN).format(record(event="test-begun", facts=facts, level=logging.WARNING))
    assert json.loads(line) == {
        "time": "2025-11-26T10:40:00.250Z",
        "level": "warning",
        "part": "worker",
        "message": "a sentence",
        "event": "test-begun",
        "address": "192.0.2.1",
        "entry": 7,
    }


def test_no_fact_takes_the_place_of_what_every_line_has() -> None:
    line = Lines("json", WHEN).format(record(event="x", facts={"level": "none", "message": "other", "time": "never"}))
    found = json.loads(line)
    assert (found["level"], found["message"], found["time"][:4]) == ("info", "a sentence", "2025")


@pytest.mark.parametrize("form", ["text", "json"])
def test_for_systemds_journal_a_line_begins_with_its_priority(form: str) -> None:
    line = Lines(form, WHEN, journal=True).format(record(level=logging.ERROR))
    assert line.startswith("<3>worker: a sentence" if form == "text" else '<3>{"')


@given(st.text(), st.dictionaries(st.sampled_from("abc"), st.text()), st.sampled_from(["text", "json"]))
def test_a_line_is_one_and_speaks_to_no_terminal(sentence: str, facts: dict[str, str], form: str) -> None:
    line = Lines(form, WHEN).format(record(sentence.replace("%", ""), event="x", facts=facts))
    assert re.fullmatch(r"[ -~]*", line)
    if form == "json":
        assert re.fullmatch(r"[ -~]*", json.loads(line)["message"])


@pytest.mark.parametrize(
    "hostile", ["\r\n<0>forged", "\x1b[2J", "\x7f", "\u2028", "\u202e", "\x85", "\udc80", "é", "😀"]
)
def test_what_is_not_printable_ascii_is_escaped(hostile: str) -> None:
    assert re.fullmatch(r"[ -~]+", bare(hostile, 100))
    for form in ("text", "json"):
        line = Lines(form, WHEN, journal=True).format(record(f"a{hostile}b", event="x", facts={"who": hostile}))
        assert re.fullmatch(r"[ -~]+", line)
        assert line.startswith("<6>") and "\n" not in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_is_bounded(form: str) -> None:
    facts = {"a": "x" * 10_000, "b": "\x00" * 10_000}
    line = Lines(form, WHEN).format(record("y" * 1_000_000, event="x", facts=facts))
    assert len(line) < SENTENCE_MOST + 6 * FACT_MOST * 2


def test_a_traceback_stays_in_its_line_and_only_its_end_is_kept() -> None:
    try:
        raise RuntimeError("inner\nsecret" + "z" * 20_000 + "the end")
    except RuntimeError:
        made = record(level=logging.ERROR)
        made.exc_info = sys.exc_info()
    for form in ("text", "json"):
        line = Lines(form, WHEN).format(made)
        assert "\n" not in line and "the end" in line and len(line) < 10_000


def test_a_sentence_that_does_not_fit_its_arguments_is_written_all_the_same() -> None:
    made = record("%d of %d")
    made.args = ("x",)
    assert "%d of %d" in Lines("text", WHEN).format(made)


def test_a_librarys_line_names_the_part_that_it_belongs_to_and_the_library_as_a_fact() -> None:
    assert Lines("text", WHEN, journal=True).format(record(name="uvicorn.error")) == (
        "<6>web: a sentence [library=uvicorn.error]"
    )


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("dnsbl.journal", "journal"),
        ("dnsbl.daemons.worker", "worker"),
        ("dnsbl.daemons.keeper", "node"),
        ("dnsbl.web.app", "web"),
        ("dnsbl.serving.feed", "dns"),
        ("dnsbl.webbing", "node"),
        ("asyncio", "node"),
        ("", "node"),
        ("tester.collector", "collector"),
    ],
)
def test_every_line_is_of_a_part(name: str, part: str) -> None:
    assert part_of(name) == part


def test_the_parts_are_those_that_settings_may_name() -> None:
    assert set(PARTS.values()) == set(SETTABLE)


def test_modules_that_parts_are_told_by_are_there() -> None:
    root = Path(__file__).resolve().parents[3]
    for name in PARTS:
        if name.startswith(("dnsbl.", "tester.")) and name != "dnsbl.journal":
            path = root / name.replace(".", "/")
            assert path.is_dir() or path.with_suffix(".py").is_file(), name


@pytest.mark.parametrize(("level", "number"), [(50, 2), (40, 3), (30, 4), (20, 6), (10, 7), (5, 7)])
def test_levels_are_those_of_syslog(level: int, number: int) -> None:
    assert priority(level) == number


def test_a_stream_is_the_journals_when_device_and_inode_agree(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file, (tmp_path / "other").open("w") as other:
        found = os.fstat(file.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert in_journal(environ, file.fileno())
        assert not in_journal(environ, other.fileno())
        assert not in_journal({}, file.fileno())
        assert not in_journal({"JOURNAL_STREAM": "nonsense"}, file.fileno())
    assert not in_journal(environ, 10_000)


def test_what_is_chosen_is_a_level_for_all_and_others_for_some() -> None:
    chosen = Chosen("warning", {"worker": "debug", "dns": "error"})
    assert chosen.least == logging.DEBUG
    assert chosen.filter(record(level=logging.DEBUG))
    assert not chosen.filter(record(name="dnsbl.serving.feed", level=logging.WARNING))
    assert chosen.filter(record(name="dnsbl.web", level=logging.WARNING))
    assert not chosen.filter(record(name="dnsbl.web", level=logging.INFO))
