"""What is counted by day: which lines of the journal, and which changes of the list, are counts of what.

Pure: lines in, counts out. Days are whole days since the epoch, of UTC. Holds what the counts mean, and no store: a
line is counted once, on the day that it bears, and never again. A test that a late letter has judged anew counts again,
under its new verdict; what an owner tests for himself, and letters in others' hands, are no tests of the list.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from dnsbl.addresses import Network
from dnsbl.clock import day_of
from dnsbl.model import Entry, RunReport
from dnsbl.rules.causes import cause_of
from dnsbl.vocabulary import DECLARED, EXCEPTION, LENT, TESTED_KINDS, Door, JobReason, Measure, Reason
from tester import canary
from tester.cause import Cause, Software
from tester.records import dataclass
from tester.smtp import DELIVERED
from tester.verdict import Verdict

#: How long a listing stood, in named steps, each up to its time; what stood longer is in the last.
STEPS: tuple[tuple[str, timedelta], ...] = (
    ("1 h", timedelta(hours=1)),
    ("6 h", timedelta(hours=6)),
    ("1 d", timedelta(days=1)),
    ("3 d", timedelta(days=3)),
    ("7 d", timedelta(days=7)),
    ("30 d", timedelta(days=30)),
    ("later", timedelta.max),
)
#: What came with a nomination.
EVIDENCE, WORDS = "evidence", "words"
#: The entries of the journal that are counted.
VERBS = ("run", "listed", "nominated")
_VERDICTS, _DOORS = frozenset(map(str, Verdict)), frozenset(map(str, Door))
_OF_THE_LIST = frozenset(JobReason) - LENT - {JobReason.SELF_TEST}
_BY_LETTER = frozenset({Reason.LETTER_RETURNED, Reason.LETTER_RETURNED_ELSEWHERE})
#: How an entry names the run that it rests on; what was listed beside the address that was tested names that too.
_RUN = re.compile(r"run ([0-9A-Za-z]+)(?! of )\b")
_EPOCH = date(1970, 1, 1)

#: What is told day by day.
_BY_DAY = (Measure.LISTED, Measure.ANSWERS)

#: Counts by what, day and name.
Tally = Counter[tuple[Measure, int, str]]


def date_of(day: int) -> date:
    """A day as people write it."""
    return _EPOCH + timedelta(days=day)


def step_of(stood: timedelta) -> str:
    """The step of a listing that stood so long."""
    return next(name for name, within in STEPS if stood <= within)


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A change of the list, with when it was made and, where a listing has ended by it, why and since when."""

    network: Network
    kind: str
    present: bool
    at: datetime
    end_reason: Reason | None = None
    since: datetime | None = None


def of_steps(steps: Iterable[Move]) -> Tally:
    """What changes of the list count for. What is left out of listings, and what is not to be tested, is not listed."""
    tally = Tally()
    for step in steps:
        if step.kind == EXCEPTION or step.kind in DECLARED:
            continue
        day = day_of(step.at)
        tally[Measure.LISTED, day, step.kind] += 1 if step.present else -1
        if step.end_reason is not None and step.since is not None:
            tally[Measure.ENDED, day, step.end_reason] += 1
            if step.kind in TESTED_KINDS:
                tally[Measure.REMOVED, day, step_of(step.at - step.since)] += 1
    return tally


def of_entries(entries: Iterable[Entry]) -> Tally:
    """What entries of the journal count for by themselves."""
    tally = Tally()
    for entry in entries:
        day = day_of(entry.at)
        for what, name in _told(entry):
            tally[what, day, name] += 1
    return tally


def _told(entry: Entry) -> Iterator[tuple[Measure, str]]:
    first = entry.after.partition(" ")[0]
    if entry.verb == "run" and first in _VERDICTS and entry.reason in _OF_THE_LIST:
        yield Measure.VERDICTS, first
        yield Measure.TESTS, entry.reason
    door = entry.actor.partition(" ")[0]
    if entry.verb == "nominated" and door in _DOORS:
        yield Measure.DOORS, door
        yield Measure.SHOWN, EVIDENCE if ", evidence " in entry.evidence else WORDS


def relay_of(entry: Entry) -> str | None:
    """The run by whose letters an entry has listed the very address that was tested; None for every other entry."""
    if entry.verb != "listed" or entry.reason not in _BY_LETTER:
        return None
    found = _RUN.match(entry.evidence)
    return found[1] if found else None


def of_relay(report: RunReport, day: int) -> Tally:
    """What a relay counts for that its run has listed on that day."""
    told = cause_of(report)
    tally = Tally()
    tally[Measure.CAUSES, day, told.cause if told is not None else Cause.UNKNOWN] = 1
    tally[Measure.SOFTWARE, day, told.software if told is not None else Software.UNKNOWN] = 1
    back = (one.letter.vector for one in report.letters if one.folded in DELIVERED and one.letter.vector != canary.FORM)
    if form := next(back, ""):
        tally[Measure.FORMS, day, form] = 1
    return tally


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """The counts of some days, all of one moment."""

    at: datetime  #: the moment that they are of
    late: bool  #: whether that is long ago: the past is still being counted, or nobody counts
    first: date  #: the first day, and the last, which is not over yet
    last: date
    since: date | None  #: the first day of which anything is known
    listed: Mapping[str, tuple[int, ...]]  #: by kind: what stood on the list at the end of each day
    answers: Mapping[str, tuple[int, ...]]  #: by kind: answers of each day; "" where nothing was listed
    sums: Mapping[Measure, Mapping[str, int]]  #: of all days together, by name, the most first

    @property
    def days(self) -> list[date]:
        """Each day, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def empty(self) -> bool:
        """Whether nothing was counted at all."""
        return self.since is None

    @property
    def begun_today(self) -> bool:
        """Whether the counts began on their last day, which is not over: nothing stood at the end of any."""
        return self.since == self.last

    def total(self, what: Measure) -> int:
        """All of these together."""
        return sum(self.sums.get(what, {}).values())

    def on_list(self, day: int = -1) -> int:
        """What stood on the list at the end of a day, of all kinds together; by its place among the days."""
        return sum(counts[day] for counts in self.listed.values())


def document(seen: Statistics, zones: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The same as one document of plain values; `zones` has, by origin, the kinds that each zone answers for."""
    return {
        "at": f"{seen.at:%Y-%m-%dT%H:%M:%SZ}",
        "late": seen.late,
        "since": seen.since.isoformat() if seen.since is not None else None,
        "days": [day.isoformat() for day in seen.days],
        "listed": {kind: list(counts) for kind, counts in seen.listed.items()},
        "zones": in_zones(seen, zones),
        "answers": {kind: list(counts) for kind, counts in seen.answers.items()},
        **{what.value: dict(seen.sums.get(what, {})) for what in Measure if what not in _BY_DAY},
    }


def in_zones(seen: Statistics, zones: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """How many entries each zone answers for now, by its origin."""
    return {
        origin: sum(seen.listed[kind][-1] for kind in kinds if kind in seen.listed) for origin, kinds in zones.items()
    }
