"""A record of `logging` as one line, bounded and escaped; the one place where that is done.

As text, `2026-11-26T10:40:00.123Z INFO worker: SENTENCE [EVENT key=value ...]`, or a JSON object a line. For systemd's
journal, which has a time and a level of its own, a line begins with `<6>` or the like (sd-daemon(3)) in their place. No
octet but printable ASCII goes out, so nothing that a stranger has sent can end a line or speak to a terminal.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

#: Characters of a sentence, of a fact, and of a traceback (its end) that are written.
SENTENCE_MOST, FACT_MOST, TRACE_MOST = 1000, 800, 4000

#: Whose a line is, in words of operators, by the longest beginning of the module's name that fits.
PARTS: Mapping[str, str] = {
    "dnsbl.journal": "journal",
    "dnsbl.store": "store",
    "dnsbl.casework": "store",
    "dnsbl.casework.countries": "scheduler",
    "dnsbl.web": "web",
    "uvicorn": "web",
    "dnsbl.serving": "dns",
    "dnsbl.daemons.answering": "dns",
    "dnsbl.daemons.worker": "worker",
    "dnsbl.daemons.rounds": "worker",
    "dnsbl.daemons.visit": "worker",
    "dnsbl.daemons.mailroom": "collector",
    "tester.collector": "collector",
    "dnsbl.daemons.scheduler": "scheduler",
    "dnsbl.daemons.feeder": "scheduler",
    "apscheduler": "scheduler",
    "dnsbl.daemons.postman": "notices",
    "sqlalchemy": "store",
    "alembic": "store",
    "": "node",
}
#: The levels by their names in the settings, and the numbers that syslog has for them (RFC 5424 6.2.1).
LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_STRANGE = re.compile(r"[^ -~]")
_PLAIN = re.compile(r"[!#-<>-~]+")


def bare(text: str, most: int) -> str:
    """At most so many characters of a text, printable ASCII alone: every other one as an escape of Python."""
    cut = text if len(text) <= most else text[: max(0, most - 3)] + "..."
    return _STRANGE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), cut)


def part_of(name: str) -> str:
    """Whose a logger's lines are."""
    return PARTS[max((each for each in PARTS if f"{name}.".startswith(f"{each}.") or not each), key=len)]


def priority(level: int) -> int:
    """Of syslog: 2 critical, 3 error, 4 warning, 6 informational, 7 debug."""
    return next((number for least, number in _PRIORITIES if level >= least), 7)


def in_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Whether this descriptor leads to systemd's journal (systemd.exec(5), JOURNAL_STREAM: device and inode)."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM", "") == f"{found.st_dev}:{found.st_ino}"


class Lines(logging.Formatter):
    """Makes the lines; `when` turns Unix seconds into a time, and `journal` says that they go to systemd's."""

    def __init__(self, form: str, when: Callable[[float], datetime], *, journal: bool = False) -> None:
        super().__init__()
        self._line = self._json if form == "json" else self._text
        self._when = when
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end. Never raises for what a record holds."""
        try:
            sentence = record.getMessage()
        except Exception:  # a mistake in the code must not cost the line
            sentence = str(record.msg)
        head = f"<{priority(record.levelno)}>" if self._journal else ""
        return head + self._line(record, bare(sentence, SENTENCE_MOST))

    def _facts(self, record: logging.LogRecord) -> dict[str, Any]:
        facts: Mapping[str, Any] = getattr(record, "facts", {})
        found = {name: value if type(value) is int else bare(f"{value}", FACT_MOST) for name, value in facts.items()}
        if not record.name.startswith(("dnsbl", "tester")):
            found["library"] = bare(record.name, FACT_MOST)
        if record.exc_info:
            text = self.formatException(record.exc_info)
            found["traceback"] = bare(text[-TRACE_MOST:], 2 * TRACE_MOST)
        return found

    def _time(self, record: logging.LogRecord) -> str:
        return f"{self._when(record.created):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z"

    def _text(self, record: logging.LogRecord, sentence: str) -> str:
        head = "" if self._journal else f"{self._time(record)} {record.levelname} "
        facts = [getattr(record, "event", "")]
        for name, value in self._facts(record).items():
            text = f"{value}"
            facts.append(f"{name}={text if _PLAIN.fullmatch(text) else json.dumps(text)}")
        tail = " ".join(filter(None, facts))
        return f"{head}{part_of(record.name)}: {sentence}" + (f" [{tail}]" if tail else "")

    def _json(self, record: logging.LogRecord, sentence: str) -> str:
        line = {
            "time": self._time(record),
            "level": record.levelname.lower(),
            "part": part_of(record.name),
            "message": sentence,
        }
        if event := getattr(record, "event", ""):
            line["event"] = event
        return json.dumps(self._facts(record) | line)


class Chosen(logging.Filter):
    """Lets through what an operator wants to read: from a level on, which may be another one for some parts."""

    def __init__(self, level: str, levels: Mapping[str, str]) -> None:
        super().__init__()
        self._level = LEVELS[level]
        self._levels = {part: LEVELS[name] for part, name in levels.items()}

    @property
    def least(self) -> int:
        """The lowest level of any part."""
        return min((self._level, *self._levels.values()))

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this one is written."""
        return record.levelno >= self._levels.get(part_of(record.name), self._level)
