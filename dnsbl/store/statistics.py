"""What was counted by day, and how far each log was counted: both change in one transaction, or neither does.

Counts can be made again as far back as the logs are kept; nothing rests on them but when old changes may go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from dnsbl.addresses import Network
from dnsbl.model import Entry
from dnsbl.store.schema.entered import ENTRY, counted, journal, statistics
from dnsbl.store.schema.listed import changes, listings
from dnsbl.store.shelf import Shelf, columns, many
from dnsbl.vocabulary import DECLARED, EXCEPTION, Measure, Reason
from tester.records import dataclass

#: The logs that are counted.
CHANGES, JOURNAL = "changes", "journal"

_START = datetime(1970, 1, 1, tzinfo=UTC)
#: Changes that were not counted by day yet and are counted when somebody asks; and a day that never comes.
UNCOUNTED, _LAST_DAY = 100_000, 1 << 30


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a log was counted: its last line that is in, and the moment that the counts are of."""

    upto: int = 0
    at: datetime = _START


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A change of the list; `at` is None where nobody knows when."""

    seq: int
    network: Network
    kind: str
    present: bool
    at: datetime | None


class StatisticsShelf(Shelf):
    """One row what, day, name and source."""

    def mark(self, log: str) -> Reach:
        """How far this log was counted."""
        row = self._sql.execute(select(counted.c.upto, counted.c.at).where(counted.c.log == log)).one_or_none()
        return Reach() if row is None else Reach(row.upto, row.at)

    def put(self, log: str, mark: Reach) -> None:
        """It was counted so far."""
        facts = {"upto": mark.upto, "at": mark.at}
        if not self._sql.execute(update(counted).where(counted.c.log == log).values(facts)).rowcount:
            self._sql.execute(insert(counted).values(log=log, **facts))

    def add(self, counts: Mapping[tuple[Measure, int, str], int]) -> None:
        """Count so many more of each, by what, day and name."""
        for (what, day, name), more in counts.items():
            if (
                more
                and not self._sql.execute(
                    update(statistics).where(*_here(what, day, name)).values(number=statistics.c.number + more)
                ).rowcount
            ):
                self._sql.execute(insert(statistics).values(what=what, day=day, name=name, source="", number=more))

    def set(self, what: Measure, day: int, source: str, counts: Mapping[str, int]) -> None:
        """A process has counted so much in all on this day, by name; what it said before of that day is replaced."""
        here = (statistics.c.what == what, statistics.c.day == day, statistics.c.source == source)
        before = {row.name: row.number for row in self._sql.execute(select(statistics).where(*here))}
        for name, count in counts.items():
            if name not in before:
                row = {"what": what, "day": day, "name": name, "source": source, "number": count}
                self._sql.execute(insert(statistics).values(row))
            elif count > before[name]:
                self._sql.execute(update(statistics).where(*_here(what, day, name, source)).values(number=count))

    def fold(self, what: Measure, before: int) -> int:
        """Add up, over all processes, the counts of days before that one; returns how many rows became fewer."""
        theirs = (statistics.c.what == what, statistics.c.day < before, statistics.c.source != "")
        total = func.sum(statistics.c.number)
        wanted = select(statistics.c.day, statistics.c.name, total).where(*theirs)
        rows = self._sql.execute(wanted.group_by(statistics.c.day, statistics.c.name)).all()
        if rows:
            self._sql.execute(delete(statistics).where(*theirs))
            self.add({(what, day, name): int(count) for day, name, count in rows})
        return len(rows)

    def sums(self, whats: Iterable[Measure], first: int, last: int) -> dict[Measure, dict[str, int]]:
        """What was counted of these from one day to another, by what and name, the most first."""
        total = func.sum(statistics.c.number).label("total")
        found: dict[Measure, dict[str, int]] = {}
        for what in whats:
            wanted = select(statistics.c.name, total).where(
                statistics.c.what == what, statistics.c.day.between(first, last)
            )
            rows = self._sql.execute(wanted.group_by(statistics.c.name).order_by(total.desc(), statistics.c.name))
            found[what] = {row.name: int(row.total) for row in rows}
        return found

    def listed(self) -> dict[str, int] | None:
        """How many listings are active, by kind, exceptions apart: what was counted, and what has changed since. None
        where too little was counted for that."""
        upto = self.mark(CHANGES).upto
        first, last = (self._sql.execute(select(end(changes.c.seq))).scalar() or 0 for end in (func.min, func.max))
        if last - upto > UNCOUNTED or first > upto + 1:
            return None
        found = Counter(self.sums([Measure.LISTED], 0, _LAST_DAY)[Measure.LISTED])
        since = select(changes.c.kind, changes.c.present, func.count()).where(changes.c.seq > upto)
        for kind, present, count in self._sql.execute(since.group_by(changes.c.kind, changes.c.present)):
            if kind != EXCEPTION and kind not in DECLARED:
                found[kind] += int(count) if present else -int(count)
        return dict(sorted((+found).items()))

    def daily(self, what: Measure, first: int, last: int) -> dict[str, dict[int, int]]:
        """The counts of each of these days, by name; a day without any is left out."""
        wanted = select(statistics.c.name, statistics.c.day, func.sum(statistics.c.number).label("total")).where(
            statistics.c.what == what, statistics.c.day.between(first, last)
        )
        found: dict[str, dict[int, int]] = {}
        for row in self._sql.execute(wanted.group_by(statistics.c.name, statistics.c.day)):
            found.setdefault(row.name, {})[row.day] = int(row.total)
        return found

    def begun(self) -> int | None:
        """The first day of which anything was counted."""
        firsts = [
            self._sql.execute(select(func.min(statistics.c.day)).where(statistics.c.what == what)).scalar()
            for what in Measure
        ]
        return min((day for day in firsts if day is not None), default=None)

    def made(self, after: int, *, most: int) -> list[Made]:
        """The changes of the list behind this number, with when they were made, in order."""
        wanted = select(*columns(changes, Made)).where(changes.c.seq > after).order_by(changes.c.seq).limit(most)
        return many(Made, self._sql.execute(wanted))

    def ends(self, networks: Iterable[Network]) -> dict[tuple[Network, str, datetime], tuple[datetime, Reason]]:
        """The listings of at most 5000 networks that have ended: by network, kind and when, since when, and why."""
        wanted = select(
            listings.c.network, listings.c.kind, listings.c.ended, listings.c.since, listings.c.end_reason
        ).where(listings.c.network.in_(list(networks)), listings.c.ended.is_not(None))
        return {
            (row.network, row.kind, row.ended): (row.since, row.end_reason)
            for row in self._sql.execute(wanted)
            if row.end_reason is not None
        }

    def entries(self, after: int, *, most: int, verbs: Sequence[str]) -> tuple[list[Entry], int, datetime | None]:
        """The entries of these verbs among the `most` behind this number; and the number and time of the last of all
        that were looked at, None where there was none."""
        upto = select(journal.c.seq, journal.c.at).where(journal.c.seq > after, journal.c.seq <= after + most)
        last: Any = self._sql.execute(upto.order_by(journal.c.seq.desc()).limit(1)).one_or_none()
        if last is None:
            return [], after, None
        wanted = select(*ENTRY).where(journal.c.seq > after, journal.c.seq <= last.seq, journal.c.verb.in_(verbs))
        return many(Entry, self._sql.execute(wanted.order_by(journal.c.seq))), last.seq, last.at


def _here(what: Measure, day: int, name: str, source: str = "") -> tuple[Any, ...]:
    return (
        statistics.c.what == what,
        statistics.c.day == day,
        statistics.c.name == name,
        statistics.c.source == source,
    )
