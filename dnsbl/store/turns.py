"""Whose turn it is to write into a file of SQLite, and when what was written is on the disk.

Within a process writers queue, whoever came first goes first. Between processes SQLite has no queue: it tries again
after waits that grow to 100 ms, so a process that writes without a pause keeps the others out for seconds. Here the
processes of this program pass a `Baton`, for which they wait at no cost, and a process that has had the turn for a
while leaves the others a moment. Against whoever knows of no baton a writer tries again every half a millisecond.

A commit does not wait for the disk in its turn (synchronous=NORMAL: the log of SQLite, its WAL, is written and not
synced). Once the turn is over the log is synced before the verb returns, and one sync serves all commits before it. So
whatever a verb has done is on the disk when it says so (law 2). What another one has read, and writes upon, is synced
with it, since the log is one file; a power cut takes back nothing in the middle.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread

from dnsbl.clock import Clock
from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.store.faults import SENTENCES

#: Seconds between two tries, at first and when somebody has the turn for long.
SOON, LATER = 0.0005, 0.002
#: Seconds of turns on end after which a process leaves the others a moment, and how long that is.
SPELL, MOMENT = 0.05, 0.0015
#: Seconds that are waited for the baton: no turn of ours is as long, and whoever may read the log can hold it.
BATON = 2.0


class Queue:
    """A lock that is had in the order in which it was asked for."""

    def __init__(self) -> None:
        self._mine = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()

    def take(self, seconds: float) -> bool:
        """Wait for so long at most; whether it is ours."""
        with self._mine:
            if not self._taken:
                self._taken = True
                return True
            called = Lock()
            called.acquire()
            self._waiting.append(called)
        if called.acquire(timeout=seconds):
            return True
        with self._mine:
            if called in self._waiting:
                self._waiting.remove(called)
                return False
        return True  # called in this very moment

    def leave(self) -> None:
        """It is the next one's."""
        with self._mine:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class Baton:
    """A lock among processes, which lives as long as a file is open: flock(2). One thread at a time may ask for it.

    It is no more than what one waits for: where it cannot be had, SQLite's own lock still stands.
    """

    def __init__(self) -> None:
        self._mine = Lock()
        self._held: int | None = None  # the open file
        self._asking: Event | None = None  # set once a thread of ours, which waits in the kernel, has it
        self._wanted = False  # whether somebody waits for that thread

    def take(self, path: str, seconds: float) -> None:
        """Wait for it, for so long at most."""
        if self._asking is None:
            try:
                opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return  # nobody has written yet
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._ask(opened)
            except OSError:
                os.close(opened)  # a file system that has none
                return
            else:
                self._held = opened
                return
        self._wait(seconds)

    def leave(self) -> None:
        """Let whoever waits have it."""
        if self._held is not None:
            _let_go(self._held)
            self._held = None

    def _ask(self, opened: int) -> None:
        asking = Event()
        self._wanted = True
        try:
            Thread(target=self._wait_in_the_kernel, args=(opened, asking), daemon=True).start()
        except RuntimeError:
            os.close(opened)  # the system grants no thread, so nobody waits
        else:
            self._asking = asking

    def _wait_in_the_kernel(self, opened: int, asking: Event) -> None:
        with suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        with self._mine:
            if self._wanted:
                self._held = opened
                asking.set()
            else:
                _let_go(opened)
                self._asking = None

    def _wait(self, seconds: float) -> None:
        with self._mine:
            asking, self._wanted = self._asking, self._asking is not None
        if asking is None:
            return  # nobody waited any more, so it was given back in this moment
        asking.wait(seconds)
        with self._mine:
            self._wanted = False
            if asking.is_set():
                self._asking = None


def _let_go(opened: int) -> None:
    """Unlock and close: a process that was forked meanwhile has the file open as well."""
    with suppress(OSError):
        fcntl.flock(opened, fcntl.LOCK_UN)
    os.close(opened)


class Turns:
    """Those of one process at one file."""

    def __init__(self, path: Path, clock: Clock, patience: float) -> None:
        self._path = path
        self._clock = clock
        self._patience = patience
        self._queue, self._baton = Queue(), Baton()
        self._pause = Event()  # never set: to wait by
        self._since = self._ended = float("-inf")  # when this row of turns began, and when the last one was over
        self._written, self._synced, self._syncing = 0, 0, Lock()
        self._log = ""
        self.look()

    @contextmanager
    def turn(self) -> Iterator[Callable[[], None]]:
        """Hold the process's place; what is yielded is called when something was written, and then that is synced when
        the turn is over. Raises StoreUnavailable: it took too long, or the disk fails."""
        if not self._queue.take(self._patience):
            raise StoreUnavailable(SENTENCES[Trouble.BUSY], trouble=Trouble.BUSY)
        number = 0

        def wrote() -> None:
            nonlocal number
            number = self._written + 1

        try:
            yield wrote
            self._written = max(self._written, number)
        finally:
            self._baton.leave()
            self._ended = self._clock.monotonic()
            self._queue.leave()
        if number:
            self._sync(number)

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin to write, in this process's turn. Raises OperationalError of the driver when it took too long."""
        began = self._clock.monotonic()
        if began - self._ended > MOMENT:
            self._since = began
        elif began - self._since > SPELL:
            self._pause.wait(MOMENT)
            self._since = self._clock.monotonic()
        self._baton.take(self._log, min(BATON, self._patience))
        connection.execute("PRAGMA busy_timeout = 0").close()
        try:
            while not self._begun(connection, late=self._clock.monotonic() - began > self._patience):
                waited = self._clock.monotonic() - began
                self._pause.wait(SOON if waited < 1 else LATER)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {round(1000 * self._patience)}").close()

    @staticmethod
    def _begun(connection: sqlite3.Connection, *, late: bool) -> bool:
        try:
            connection.execute("BEGIN IMMEDIATE").close()
        except sqlite3.OperationalError as error:
            if late or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    def rest(self) -> None:
        """Leave the others a moment, between two of many turns."""
        self._pause.wait(MOMENT)

    def look(self) -> bool:
        """Find the log of SQLite, which is beside the file itself, wherever links lead; whether it is another one than
        before. Whoever connects to the file looks, since from then on it may be another file."""
        before, self._log = self._log, f"{os.path.realpath(self._path)}-wal"
        return self._log != before

    def settle(self) -> None:
        """Sync whatever can be read now, whoever wrote it. Raises StoreUnavailable when the disk fails."""
        self._put()

    def _sync(self, number: int) -> None:
        with self._syncing:
            if self._synced >= number:
                return
            upto = self._written
            self._put()
            self._synced = upto

    def _put(self) -> None:
        try:
            opened = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if self.look():  # a folder has another name now
                self._put()
            return  # whoever was last has put it into the file, which is synced then
        except OSError as error:
            raise StoreUnavailable(SENTENCES[Trouble.FAILING], trouble=Trouble.FAILING) from error
        try:
            os.fdatasync(opened)
        except OSError as error:
            raise StoreUnavailable(SENTENCES[Trouble.FAILING], trouble=Trouble.FAILING) from error
        finally:
            os.close(opened)
