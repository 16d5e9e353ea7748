"""The database and its transactions. Synchronous and short; async shells call in a thread.

Writers take turns on both databases: SQLite by a queue and BEGIN IMMEDIATE, PostgreSQL by one advisory lock that lives
as long as the transaction. So a verb may look before it writes, the journal's chain has one end, and change numbers
have no gaps and grow in commit order. Readers see one moment and wait for nobody.
A database that does not keep this promise is refused before anything is written (see `suited`).

A verb that has ended is on the disk: a letter that was offered but is no longer in the store would be an orphan
(law 2). Nobody waits for the disk in his turn, but before the verb returns (SQLite: see `turns`). So others may see a
commit some milliseconds before it is safe, and lose it with the machine, or with PostgreSQL; what they write upon it
would be lost with it, and who tells of it elsewhere has it settled first (`Store.settle`). So do those who answer for
the list: they would never look at another change of a number that they know.

Whatever a driver raises comes out as StoreUnavailable (see `faults`), and the next transaction begins anew: with other
connections, and with another file where a copy was put in the place of one that was damaged.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dnsbl.clock import Clock, SystemClock
from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.logbook.tally import STORE_BOUNDS, Durations
from dnsbl.model import Entry
from dnsbl.parts import part
from dnsbl.store import faults, suited, versions
from dnsbl.store.clerk import Clerk
from dnsbl.store.connecting import END, END_SAFE, Way, begun, create, flush, place
from dnsbl.store.fence import Fence
from dnsbl.store.timekeeper import Timekeeper

if TYPE_CHECKING:
    from dnsbl.store.bulk import BulkShelf
    from dnsbl.store.candidates import Candidates
    from dnsbl.store.changes import Changes
    from dnsbl.store.contacts import Contacts
    from dnsbl.store.controls import Controls
    from dnsbl.store.epochs import EpochShelf
    from dnsbl.store.evidence import EvidenceShelf
    from dnsbl.store.exclusions import Exclusions
    from dnsbl.store.feeds import FeedShelf
    from dnsbl.store.forthcoming import ForthcomingShelf
    from dnsbl.store.guises import Guises
    from dnsbl.store.hearers import Hearers
    from dnsbl.store.jobs import Jobs
    from dnsbl.store.journal import Journal
    from dnsbl.store.kept import Kept
    from dnsbl.store.letters import Letters
    from dnsbl.store.listings import Listings
    from dnsbl.store.log import LogShelf
    from dnsbl.store.lookups import LookupShelf
    from dnsbl.store.nodes import Nodes
    from dnsbl.store.nominations import Nominations
    from dnsbl.store.notices import Notices
    from dnsbl.store.old import Old
    from dnsbl.store.operators import OperatorShelf
    from dnsbl.store.outputs import OutputShelf
    from dnsbl.store.pairs import PairShelf
    from dnsbl.store.paths import Paths
    from dnsbl.store.proposals import Proposals
    from dnsbl.store.removals import Removals
    from dnsbl.store.reporters import ReporterShelf
    from dnsbl.store.returns import Returns
    from dnsbl.store.runs import Runs
    from dnsbl.store.sent import SentShelf
    from dnsbl.store.sessions import Sessions
    from dnsbl.store.sign_ins import SignIns
    from dnsbl.store.signing_keys import SigningKeys
    from dnsbl.store.statistics import StatisticsShelf
    from dnsbl.store.suspensions import Suspensions
    from dnsbl.store.watches import Watches

_log = logging.getLogger(__name__)

S = TypeVar("S")


def _shelf(tx: Transaction, made: Callable[[Clerk], S]) -> S:
    return made(tx._clerk)


class Transaction:
    """All shelves, seen and changed together; each is put up when it is first used."""

    jobs: part[Jobs] = part(_shelf)
    removals: part[Removals] = part(_shelf)
    runs: part[Runs] = part(_shelf)
    paths: part[Paths] = part(_shelf)
    pairs: part[PairShelf] = part(_shelf)
    guises: part[Guises] = part(_shelf)
    letters: part[Letters] = part(_shelf)
    sessions: part[Sessions] = part(_shelf)
    returns: part[Returns] = part(_shelf)
    kept: part[Kept] = part(_shelf)
    sent: part[SentShelf] = part(_shelf)
    listings: part[Listings] = part(_shelf)
    bulk: part[BulkShelf] = part(_shelf)
    outputs: part[OutputShelf] = part(_shelf)
    forthcoming: part[ForthcomingShelf] = part(_shelf)
    nominations: part[Nominations] = part(_shelf)
    candidates: part[Candidates] = part(_shelf)
    feeds: part[FeedShelf] = part(_shelf)
    lookups: part[LookupShelf] = part(_shelf)
    reporters: part[ReporterShelf] = part(_shelf)
    operators: part[OperatorShelf] = part(_shelf)
    sign_ins: part[SignIns] = part(_shelf)
    evidence: part[EvidenceShelf] = part(_shelf)
    exclusions: part[Exclusions] = part(_shelf)
    suspensions: part[Suspensions] = part(_shelf)
    proposals: part[Proposals] = part(_shelf)
    notices: part[Notices] = part(_shelf)
    contacts: part[Contacts] = part(_shelf)
    hearers: part[Hearers] = part(_shelf)
    controls: part[Controls] = part(_shelf)
    watches: part[Watches] = part(_shelf)
    nodes: part[Nodes] = part(_shelf)
    signing_keys: part[SigningKeys] = part(_shelf)
    changes: part[Changes] = part(_shelf)
    epochs: part[EpochShelf] = part(_shelf)
    old: part[Old] = part(_shelf)
    log: part[LogShelf] = part(_shelf)
    statistics: part[StatisticsShelf] = part(_shelf)

    def __init__(self, connection: Connection, timekeeper: Timekeeper | None = None) -> None:
        self._clerk = Clerk(connection)
        self._timekeeper = timekeeper

    @part
    def journal(self, made: type[Journal]) -> Journal:
        return made(self._clerk, self._timekeeper)

    @property
    def connection(self) -> Connection:
        """For migrations and copies only."""
        return self._clerk.connection

    @property
    def wrote(self) -> bool:
        """Whether anything was, or may have been, written."""
        return self._clerk.wrote

    def foresee(self, *asks: Callable[[], object]) -> None:
        """Ask together what each of these asks first; see `clerk.Clerk.foresee`."""
        self._clerk.foresee(*asks)

    def finish(self, *words: str) -> None:
        """Write what waits to be written together, and say these words behind it."""
        self._clerk.finish(*words)

    def leave(self) -> None:
        """Let go of the connection; see `clerk.Clerk.leave`."""
        self._clerk.leave()


class Store:
    """A database, by SQLAlchemy URL: `sqlite:////var/lib/dnsbl/facts.db` or `postgresql+psycopg://user@host/name`."""

    def __init__(
        self,
        url: str,
        *,
        patient: bool = False,
        make: bool = True,
        timekeeper: Timekeeper | None = None,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
        memory: Path | None = None,
    ) -> None:
        """Make ready to connect; nothing is opened yet. Raises StoreUnavailable for a URL that names no database.

        A `patient` store is one for daemons: it may be away now, and is made fit for use (see `fit`) by the first
        transaction that reaches it. `make` says whether a database that is not there, or is empty, may be made. With a
        `timekeeper` nothing is entered at a time that it does not believe. `memory` is the file by which all processes
        of a node know an old primary (see `fence`).
        """
        try:
            self.engine, self._turns = create(
                url, may_make=lambda: self._make, replaced=self._replaced, fence=Fence(memory), clock=clock
            )
            self._driver: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        except (ArgumentError, ImportError, ValueError) as error:  # of a port that is no number
            raise StoreUnavailable(
                "The database URL is not one that SQLite or PostgreSQL can be reached by."
            ) from error
        self.place = place(self.engine.url)  #: where it is, for people: a file, or a name and hosts; no password
        self._make = make
        self._timekeeper = timekeeper
        self._unfit = patient
        #: Since the start: how long transactions took, to "read" and "write"; those that failed, by what ailed.
        self.times, self.failures = Durations(STORE_BOUNDS), Counter[str]()
        self._clock = clock
        #: Called with the entries of each transaction, when they are committed.
        self.entered: Callable[[Sequence[Entry]], None] | None = None
        #: What stood against the last transactions that read and that wrote, until one succeeds; sentences.
        self.troubles: dict[str, StoreUnavailable] = {}
        self._by = {way: self.engine.execution_options(way=way) for way in Way}
        self._proven, self._proving = self.is_a_file, threading.Lock()

    @classmethod
    def open(
        cls, url: str, *, make: bool = True, timekeeper: Timekeeper | None = None, memory: Path | None = None
    ) -> Store:
        """A store that answers, whatever its schema. Raises StoreUnavailable."""
        store = cls(url, make=make, timekeeper=timekeeper, memory=memory)
        with store.read() as tx:
            tx.connection.execute(text("SELECT 1"))
        return store

    @property
    def is_a_file(self) -> bool:
        """Whether it is SQLite, on this machine."""
        return self.engine.dialect.name == "sqlite"

    def is_empty(self) -> bool:
        """Whether no schema was ever made here. Raises StoreUnavailable."""
        with self._reading() as tx:
            return versions.found(tx.connection) is None

    def upgrade(self) -> None:
        """Bring the schema to the version that this program needs, all or nothing. Raises StoreUnavailable."""
        with self._writing() as tx:
            there = versions.found(tx.connection)
            if there is not None and there > versions.NEWEST:
                raise StoreUnavailable(versions.objection(there), trouble=Trouble.VERSION)
            versions.upgrade(tx.connection)

    @staticmethod
    def schema(tx: Transaction) -> str:
        """The version of the schema that this transaction sees."""
        return versions.found(tx.connection) or ""

    @contextmanager
    def refill(self, schema: str) -> Iterator[Transaction]:
        """One transaction that finds tables of this version of the schema, and no rows, in a database that held none.

        Raises StoreUnavailable for a database that holds rows, and for a version that this program does not know.
        """
        if not (schema.isdigit() and schema <= versions.NEWEST):
            raise StoreUnavailable(f"The copy has schema {schema:.20}, and this program knows {versions.NEWEST}.")
        with self._writing() as tx:
            found = versions.found(tx.connection)
            if found is not None and (tx.journal.read(None, most=1) or tx.changes.last()):  # ever anything entered
                raise StoreUnavailable("The database is not empty; move it away first, nothing was restored.")
            if found is None:
                versions.upgrade(tx.connection, schema)
            elif found != schema:
                raise StoreUnavailable(
                    f"The database has tables of schema {found}, the copy {schema}; give an empty one."
                )
            yield tx

    @staticmethod
    def bring_up(tx: Transaction) -> None:
        """Bring the schema to the version that this program needs, in this transaction."""
        versions.upgrade(tx.connection)

    def check(self) -> None:
        """Raise StoreUnavailable, with one sentence, when the schema is missing or of another version."""
        with self._reading() as tx:
            _held(tx)

    def fit(self) -> None:
        """Make the tables where there are none and may be some, and check their version. Raises StoreUnavailable.

        From then on this store makes no database: one that is gone is a fault and not a beginning.
        """
        if not self._proven:
            self._prove()
        if self._make and self.is_empty():
            self.upgrade()
        self.check()
        self._make = self._unfit = False

    @contextmanager
    def write(self, *, alone: bool = True) -> Iterator[Transaction]:
        """One transaction that may change things, all or nothing. Raises StoreUnavailable.

        `alone=False` does without the turn on PostgreSQL, for a change of one row that no rule depends on.
        """
        if self._unfit:
            self.fit()
        with self._writing(alone=alone) as tx:
            self._hold(tx)
            yield tx
        if self.entered is not None and tx.journal.made:
            self.entered(tx.journal.made)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One transaction that sees one moment and changes nothing. Raises StoreUnavailable."""
        if self._unfit:
            self.fit()
        with self._reading() as tx:
            self._hold(tx)
            yield tx

    def give_way(self) -> None:
        """Between two of many transactions: let whoever waits have its turn. PostgreSQL's turns are in order anyway."""
        if self._turns is not None:
            self._turns.rest()

    def settle(self) -> None:
        """Have whatever can be read now on the disk, whoever wrote it. Raises StoreUnavailable."""
        with self._told("write"):
            if self._turns is not None:
                self._turns.settle()
                return
            with self.engine.connect() as connection:
                flush(connection)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def _writing(self, *, alone: bool = True) -> Iterator[Transaction]:
        if not self._proven:
            self._prove()
        turn = self._turns.turn() if self._turns is not None else nullcontext(lambda: None)
        way = Way.TURN if alone else Way.ROW
        with self._told("write"), turn as wrote, self._begun(way) as tx:
            yield tx
            if alone and self._turns is None:
                tx.finish(*(END_SAFE if tx.wrote else END))
            else:
                tx.finish()
            if tx.wrote:
                wrote()

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        with self._told("read"), self._begun(Way.READ) as tx:
            yield tx
            tx.finish()  # whoever writes here is told by the database

    @contextmanager
    def _begun(self, way: Way) -> Iterator[Transaction]:
        with begun(self._by[way]) as connection:
            tx = Transaction(connection, self._timekeeper)
            try:
                yield tx
            finally:
                tx.leave()

    def _prove(self) -> None:
        """Refuse a database that does not keep what transactions rest on; a hot standby shows nothing, and is asked
        again. Raises StoreUnavailable."""
        with self._proving, self._told("write"):
            try:
                self._proven = self._proven or suited.prove(self._by[Way.ROW])
            except StoreUnavailable:
                self.engine.dispose()  # another database may stand there the next time
                raise

    @contextmanager
    def _told(self, way: str) -> Iterator[None]:
        """Whatever a driver raises, in our own words; remembered until a transaction of this sort succeeds."""
        begun = self._clock.monotonic()
        try:
            yield
        except (DBAPIError, PoolTimeout, self._driver) as error:
            ours = faults.told(error, self.place)
            if ours.trouble is Trouble.REFUSED:
                _log.error("the database refused a statement", exc_info=error)
            elif ours.trouble is not Trouble.BUSY:
                self.engine.dispose()  # what is opened next is what is there then
            self.troubles[way], self.failures[ours.trouble] = ours, self.failures[ours.trouble] + 1
            raise ours from error
        except StoreUnavailable as ours:  # what was read cannot be what was written
            self.troubles[way], self.failures[ours.trouble] = ours, self.failures[ours.trouble] + 1
            raise
        finally:
            self.times.add(way, self._clock.monotonic() - begun)
        self.troubles.pop(way, None)

    def _replaced(self) -> None:
        """The file is another one than before: a copy that was put in its place, of whatever version."""
        self._unfit = True

    def _hold(self, tx: Transaction) -> None:
        """Check what this transaction has come upon when that is another file than the one before."""
        if self._unfit:
            _held(tx)
            self._unfit = False


def _held(tx: Transaction) -> None:
    if why := versions.objection(versions.found(tx.connection)):
        raise StoreUnavailable(why, trouble=Trouble.VERSION)
