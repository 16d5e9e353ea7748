"""What is old: found, measured and deleted, a bounded number of rows at a time, across the tables that hold it.

A run keeps its row, its ways in, the letters of which something came, and the first message of each sort that came for
them from each address. What else belonged to it goes, and the run says when, with the SHA-256 of its transcripts.
Decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import bindparam, delete, exists, func, or_, select, tuple_, update

from dnsbl.store.schema.listed import ACTIVE, COMES_OUT, changes, listings, outputs
from dnsbl.store.schema.nominated import evidence
from dnsbl.store.schema.tested import FORGETTABLE, LIVE, guises, jobs, letters, returns, runs, sessions
from dnsbl.store.shelf import Shelf
from dnsbl.vocabulary import JobState
from tester.records import dataclass
from tester.verdict import Finding

#: Where a walk over runs stands: verdict's time and name of the last one.
Place = tuple[datetime, str]


@dataclass(slots=True)
class Gone:
    """What was, or would be, deleted."""

    tests: int = 0
    transcripts: int = 0
    letters: int = 0
    messages: int = 0  #: that repeated others
    jobs: int = 0
    evidence: int = 0
    changes: int = 0
    octets: int = 0  #: of transcripts, messages and evidence

    def told(self) -> dict[str, int]:
        """All numbers by their names."""
        return {name: getattr(self, name) for name in self.__slots__}

    def add(self, other: Gone) -> None:
        """Count these too."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_AGAIN = returns.alias()
#: A message that tells of its letter nothing that an earlier one has not told, or one from the same address.
_REPEATED = or_(
    returns.c.finding == Finding.REPEATED,
    exists().where(
        _AGAIN.c.run == returns.c.run,
        _AGAIN.c.token == returns.c.token,
        _AGAIN.c.finding == returns.c.finding,
        _AGAIN.c.peer == returns.c.peer,
        _AGAIN.c.id < returns.c.id,
    ),
)


class Old(Shelf):
    """Rows of several tables."""

    def runs(self, before: datetime, behind: Place | None, *, most: int) -> list[Place]:
        """Settled runs that still have all of theirs, the oldest first, behind this place."""
        wanted = select(runs.c.settled, runs.c.id).where(FORGETTABLE, runs.c.settled < before)
        if behind is not None:
            wanted = wanted.where(tuple_(runs.c.settled, runs.c.id) > behind)
        found = self._sql.execute(wanted.order_by(runs.c.settled, runs.c.id).limit(most))
        return [(row.settled, row.id) for row in found]

    def whole(self, names: Sequence[str]) -> list[str]:
        """Those of these runs that still have all of theirs."""
        return list(self._sql.execute(select(runs.c.id).where(runs.c.id.in_(names), FORGETTABLE)).scalars())

    def needed(self, names: Sequence[str], ended: datetime | None) -> set[str]:
        """Those of at most some hundred runs whose all is needed: they prove a listing, or an output, that stands or
        has ended since then (None: whenever), or have work left."""
        proven = select(listings.c.run).where(listings.c.run.in_(names))
        came = select(outputs.c.run).where(outputs.c.run.in_(names))
        if ended is not None:
            proven = proven.where(or_(ACTIVE, listings.c.ended >= ended))
            came = came.where(or_(COMES_OUT, outputs.c.ended >= ended))
        every = (
            proven,
            came,
            select(jobs.c.run).where(jobs.c.run.in_(names), LIVE),
        )
        return {name for wanted in every for name in self._sql.execute(wanted).scalars()}

    def measure(self, names: Sequence[str]) -> Gone:
        """What `forget_runs` would delete of these."""
        gone = Gone(tests=len(names))
        talks = select(func.count(), func.coalesce(func.sum(func.length(sessions.c.document)), 0))
        gone.transcripts, octets = map(int, self._sql.execute(talks.where(sessions.c.run.in_(names))).one())
        mute = select(func.count()).where(letters.c.run.in_(names), letters.c.finding.is_(None))
        gone.letters = int(self._sql.execute(mute).scalar_one())
        again = select(func.count(), func.coalesce(func.sum(func.length(returns.c.message)), 0))
        found = self._sql.execute(again.where(returns.c.run.in_(names), _REPEATED)).one()
        gone.messages, gone.octets = int(found[0]), octets + int(found[1])
        done = select(func.count()).where(jobs.c.run.in_(names), jobs.c.state == JobState.DONE)
        gone.jobs = int(self._sql.execute(done).scalar_one())
        return gone

    def forget_runs(self, names: Sequence[str], at: datetime) -> tuple[Gone, dict[str, str]]:
        """Delete what of these runs is not needed; returns what that was, and by run the SHA-256 of its transcripts, in
        the order of filing, a line feed behind each."""
        gone, digests = self.measure(names), {name: sha256() for name in names}
        talks = select(sessions.c.run, sessions.c.document).where(sessions.c.run.in_(names)).order_by(sessions.c.id)
        for name, document in self._sql.execute(talks):
            digests[name].update(document.encode() + b"\n")
        repeated = select(returns.c.id).where(returns.c.run.in_(names), _REPEATED)
        for going in (
            delete(sessions).where(sessions.c.run.in_(names)),
            delete(letters).where(letters.c.run.in_(names), letters.c.finding.is_(None)),
            delete(returns).where(returns.c.id.in_(list(self._sql.execute(repeated).scalars()))),
            delete(jobs).where(jobs.c.run.in_(names), jobs.c.state == JobState.DONE),
            delete(guises).where(guises.c.run.in_(names)),
        ):
            self._sql.execute(going)
        told = {name: digest.hexdigest() for name, digest in digests.items()}
        marked = update(runs).where(runs.c.id == bindparam("name")).values(forgotten=at, digest=bindparam("shown"))
        self._sql.execute(marked, [{"name": name, "shown": shown} for name, shown in told.items()])
        return gone, told

    def last_job(self) -> int:
        """The number of the newest job, 0 where there is none."""
        return int(self._sql.execute(select(func.coalesce(func.max(jobs.c.id), 0))).scalar_one())

    def jobs(self, before: datetime, first: int, last: int) -> list[int]:
        """Done jobs between these numbers that were due before then, and that no run has begun of or kept."""
        wanted = select(jobs.c.id).where(
            jobs.c.id.between(first, last), ~LIVE, jobs.c.due < before, ~exists().where(runs.c.id == jobs.c.run)
        )
        return list(self._sql.execute(wanted).scalars())

    def forget_jobs(self, numbers: Sequence[int]) -> int:
        """Delete those of these jobs that are done; returns how many."""
        return self._sql.execute(delete(jobs).where(jobs.c.id.in_(numbers), ~LIVE)).rowcount

    def evidence(self, before: datetime, behind: Place | None, *, most: int) -> list[Place]:
        """Messages that were received before then, the oldest first, behind this place."""
        wanted = select(evidence.c.received, evidence.c.sha256).where(evidence.c.received < before)
        if behind is not None:
            wanted = wanted.where(tuple_(evidence.c.received, evidence.c.sha256) > behind)
        found = self._sql.execute(wanted.order_by(evidence.c.received, evidence.c.sha256).limit(most))
        return [(row.received, row.sha256) for row in found]

    def changes(self) -> tuple[int, int]:
        """The oldest and the newest number of the log of changes; 0 and 0 where there is none."""
        ends = (select(end(changes.c.seq)).scalar_subquery() for end in (func.min, func.max))  # each by the key
        first, last = self._sql.execute(select(*ends)).one()
        return int(first or 0), int(last or 0)

    def changes_before(self, moment: datetime) -> int:
        """The number of the last change before then; by halves, as their times grow. One without a time is as old as
        the log."""
        first, last = self.changes()
        low, high = first, last + 1 if last else first
        while low < high:
            middle = (low + high) // 2
            at = self._sql.execute(select(changes.c.at).where(changes.c.seq == middle)).scalar()
            if at is None or at < moment:
                low = middle + 1
            else:
                high = middle
        return low - 1 if last else 0

    def forget_changes(self, upto: int) -> int:
        """Delete the steps up to this number, which is never the newest; returns how many."""
        newest = select(func.max(changes.c.seq)).scalar_subquery()
        return self._sql.execute(delete(changes).where(changes.c.seq <= upto, changes.c.seq < newest)).rowcount
