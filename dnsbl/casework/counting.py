"""What has happened, counted by day, so that a page of statistics reads some rows and no log.

Goes on where it stopped: a slice of a log is read without holding anybody up, then its counts and the mark that says
how far they go are written in one short transaction, unless somebody else has written them meanwhile. So a crash at any
point, and two schedulers at once, count nothing twice and leave nothing out; a long past is a number of slices.
Nothing is counted while the clock is not believed, and no mark of the future stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from dnsbl.clock import Clock, day_of
from dnsbl.model import RunReport
from dnsbl.rules import statistics
from dnsbl.rules.countries import Places
from dnsbl.rules.statistics import Move, Statistics, Tally, date_of
from dnsbl.store import Store, Transaction
from dnsbl.store.statistics import CHANGES, JOURNAL, Made, Reach
from dnsbl.vocabulary import TESTED_KINDS, Measure
from tester.records import dataclass

#: Lines of a log in one slice, and slices in one call.
LINES, SLICES = 2000, 50
#: Days after which nothing is heard any more from who counts answers: today and yesterday are told.
TOLD = 2
#: Days for which the counts of each process stay apart: more than a clock that is believed may be ahead, so that no day
#: is added up which its process still tells.
APART = 60
#: Names that a process may count answers under; and days that may be asked for at once.
NAMES, DAYS = 200, 366
#: After which time counts are said to be old.
LATE = timedelta(hours=1)

#: Gives the table of countries as it is now; an empty one where nobody has named any.
Countries = Callable[[], Places]


@dataclass(frozen=True, slots=True)
class _Slice:
    """What some lines of a log count for, how far they go, and whether more may follow."""

    tally: Tally
    upto: int
    at: datetime | None
    more: bool


class Counting:
    """Counts, and tells the counts."""

    def __init__(self, store: Store, clock: Clock, countries: Countries = Places) -> None:
        self._store = store
        self._clock = clock
        self._countries = countries

    def count(self, *, most: int = SLICES) -> int:
        """Count what has happened since the last time, in at most so many slices; returns how many lines were read.

        Raises StoreUnavailable, also when the clock is not believed.
        """
        lines, changes = 0, partial(self._changes, self._countries())
        readers: dict[str, Callable[[Transaction, Reach], _Slice]] = {CHANGES: changes, JOURNAL: self._journal}
        for _ in range(most):
            now, more = self._clock.now(), False
            for log, read in readers.items():
                with self._store.read() as tx:
                    tx.journal.hold(now)
                    before = tx.statistics.mark(log)
                    mark = Reach(before.upto, min(before.at, now))
                    found = read(tx, mark)
                upto = now if not found.more or found.at is None else found.at
                at = max(mark.at, min(upto, now))
                more |= found.more
                lines += self._write(log, before, Reach(found.upto, at), found.tally)
            if not more:
                break
        return lines

    def _write(self, log: str, before: Reach, after: Reach, tally: Tally) -> int:
        """Enter a slice; returns how many lines it had, 0 where another one has been quicker."""
        with self._store.write() as tx:
            if tx.statistics.mark(log) != before:
                return 0
            tx.statistics.add(tally)
            tx.statistics.put(log, after)
        return after.upto - before.upto

    def _changes(self, places: Places, tx: Transaction, mark: Reach) -> _Slice:
        made = tx.statistics.made(mark.upto, most=LINES)
        if not made:
            return _Slice(Tally(), mark.upto, None, False)
        steps = list(_steps(tx, made, mark.at))
        tally = statistics.of_steps(steps)
        for step in steps:
            if step.present and step.kind in TESTED_KINDS and (country := places.country_of(step.network)):
                tally[Measure.COUNTRIES, day_of(step.at), country] += 1
        return _Slice(tally, made[-1].seq, steps[-1].at, len(made) == LINES)

    def _journal(self, tx: Transaction, mark: Reach) -> _Slice:
        entries, upto, at = tx.statistics.entries(mark.upto, most=LINES, verbs=statistics.VERBS)
        tally = statistics.of_entries(entries)
        for entry in entries:
            if (name := statistics.relay_of(entry)) and (report := _report(tx, name)):
                tally += statistics.of_relay(report, day_of(entry.at))
        return _Slice(tally, upto, at, upto - mark.upto == LINES)

    def file_answers(self, process: str, days: Mapping[int, Mapping[str, int]]) -> int:
        """A process of a name server has counted so many answers, by day and kind, since it began; returns how many
        days are counted. What is older than yesterday, or of days to come, is not believed.

        Raises StoreUnavailable, also when the clock is not believed.
        """
        now = self._clock.now()
        today, told = day_of(now), 0
        with self._store.write() as tx:
            tx.journal.hold(now)
            tx.statistics.fold(Measure.ANSWERS, today - APART)
            for day, counts in days.items():
                if today - TOLD < day <= today:
                    bounded = dict(list(counts.items())[:NAMES])
                    tx.statistics.set(Measure.ANSWERS, day, process, bounded)
                    told += 1
        return told

    def see(self, days: int) -> Statistics:
        """The counts of so many days up to now, at most a leap year's, none before the first that was counted; all from
        one moment. Where the clock is not believed, now is the newest time that the store knows."""
        with self._store.read() as tx:
            now = tx.journal.believed(self._clock.now())
            marks = [tx.statistics.mark(log) for log in (CHANGES, JOURNAL)]
            at = min(now, *(mark.at for mark in marks))
            if at == Reach().at:  # nobody has counted yet
                at = now
            last, begun = day_of(at), tx.statistics.begun()
            first = last - min(max(days, 1), DAYS) + 1
            if begun is not None:
                first = min(max(first, begun), last)
            sums = tx.statistics.sums(set(Measure) - {Measure.LISTED}, first, last)
            before = tx.statistics.sums([Measure.LISTED], 0, first - 1)[Measure.LISTED]
            listed = tx.statistics.daily(Measure.LISTED, first, last)
            answers = tx.statistics.daily(Measure.ANSWERS, first, last)
        return Statistics(
            at=at,
            late=now - at > LATE,
            first=date_of(first),
            last=date_of(last),
            since=None if begun is None else date_of(begun),
            listed=_levels(before, listed, first, last),
            answers={
                name: tuple(counts.get(day, 0) for day in range(first, last + 1))
                for name, counts in sorted(answers.items())
            },
            sums=sums,
        )


def _levels(
    before: Mapping[str, int], steps: Mapping[str, Mapping[int, int]], first: int, last: int
) -> dict[str, tuple[int, ...]]:
    """From what stood before the first day and each day's difference what stood at the end of each; the most first."""
    found = {}
    for name in {*before, *steps}:
        level, levels = before.get(name, 0), []
        for day in range(first, last + 1):
            level += steps.get(name, {}).get(day, 0)
            levels.append(level)
        if any(levels):
            found[name] = tuple(levels)
    return dict(sorted(found.items(), key=lambda each: (-max(each[1]), each[0])))


def _steps(tx: Transaction, made: Iterable[Made], last: datetime) -> Iterable[Move]:
    """These changes, with what each has ended; one whose time nobody knows has that of the one before."""
    made = list(made)
    ends = tx.statistics.ends({each.network for each in made if not each.present})
    for each in made:
        last = at = each.at or last
        since, reason = ends.get((each.network, each.kind, at), (None, None)) if not each.present else (None, None)
        yield Move(network=each.network, kind=each.kind, present=each.present, at=at, since=since, end_reason=reason)


def _report(tx: Transaction, name: str) -> RunReport | None:
    """What of a run tells why its host relays."""
    run = tx.runs.read(name)
    if run is None:
        return None
    return RunReport(
        run=run,
        letters=tuple(tx.letters.of(name)),
        transcripts=tuple(tx.sessions.documents(name)),
        returns=tuple(tx.returns.of(name)),
        provocation="",
    )
