"""Shell: the answering side in a process of its own, all other roles in another, and over both a parent that does
nothing but begin them again.

So neither memory nor descriptors, neither a crash nor the interpreter's lock of one reaches the other. A child is
forked from the parent, which has read all code before and holds nothing else: no thread, no event loop, no connection.
Between them are two pipes. On one the child writes lines, JSON documents: first what it says when it is ready, then the
`health` of its parts whenever that changes. On the other the parent tells it how the other child does; the end of that
pipe is the end of the parent, whatever that was, and the child ends too. Signals are handed on; a child is born deaf to
SIGHUP, which waits until it can read its files again (`hear_hangups`). One that the system has no room for is begun
again later: that is no reason to end the other one.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import selectors
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import field, replace
from typing import Any, NoReturn

from dnsbl.clock import Clock
from dnsbl.daemons.manager import Manager
from dnsbl.errors import DnsblError, capital
from dnsbl.health import Backoff, Board, Health
from dnsbl.serving.metrics import page_at
from tester.records import dataclass

#: Seconds that a child gets to end when it is told to.
GRACE = 15.0
#: Seconds that it gets when the parent is gone: a new parent should find the ports free.
LAST = 2.0
#: Octets of a line between parent and child.
LINE_MOST = 1 << 20

_ENDS = (signal.SIGTERM, signal.SIGINT)

Document = dict[str, Any]
#: What a child does until it is told to end. Returns its exit code.
Work = Callable[["Leash"], int]

_log = logging.getLogger(__name__)


class Ended(DnsblError):
    """A process has ended before it was ready."""

    def __init__(self, message: str, *, said: bool, failure: Document | None = None) -> None:
        super().__init__(message)
        self.said = said  #: whether it has told why by itself
        self.failure = failure  #: the same as a document, where it has handed that over


@dataclass(slots=True)
class Child:
    """One process, whichever it is at the time."""

    name: str  #: short, as `ps` shows it
    roles: Sequence[str]
    work: Work
    pid: int = 0  #: 0 while there is none
    hears: int = -1  #: descriptor of what it writes
    tells: int = -1  #: descriptor of what it reads
    heard: bytes = b""  #: of a line that is not whole yet
    document: Document = field(default_factory=dict)  #: what it said when it was ready; empty while it is not
    failure: Document | None = None  #: why it cannot be, as it says before it ends
    health: list[Health] = field(default_factory=list)
    backoff: Backoff = field(default_factory=Backoff)
    begun: int = 0
    at: float = 0.0  #: when it was begun, or is to be begun; monotonic seconds


class Parent:
    """Over these children."""

    def __init__(self, children: Iterable[Child], clock: Clock, manager: Manager | None = None) -> None:
        self._children = list(children)
        self._clock = clock
        self._manager = manager or Manager({}, 0, clock)
        self._beat = clock.monotonic()  # when a sign of life is due, where one is wanted
        self._ready = False
        self._over = 0.0  # until when the children may take their time to end; 0 while they need not
        self._failed: Ended | None = None
        self._selector = selectors.DefaultSelector()
        self._wakes = self._wake = -1

    def run(self, *, ready: Callable[[list[Document]], None]) -> None:
        """Begin all, call `ready` with what they say then, and keep them up until SIGTERM or SIGINT; hand SIGHUP on.

        Raises Ended when one of them ends before all were ready. At the end none is left.
        """
        self._wakes, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        kept = {number: signal.signal(number, _noted) for number in (*_ENDS, signal.SIGHUP, signal.SIGCHLD)}
        before = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        hear_hangups()
        self._selector.register(self._wakes, selectors.EVENT_READ)
        gc.freeze()  # what all share is left alone, so that it stays shared
        try:
            for child in self._children:
                self._begin(child)
            while not (self._over and not any(child.pid for child in self._children)):
                for key, _ in self._selector.select(self._patience()):
                    if key.fd == self._wakes:
                        self._signalled(os.read(self._wakes, 4096))
                    else:
                        self._hear(key.data)
                self._reap()
                self._go_on(ready)
        finally:
            for child in self._children:
                self._close(child, signal.SIGKILL)
            signal.set_wakeup_fd(before)
            for number, handler in kept.items():
                signal.signal(number, handler)
            self._selector.close()
            _shut(self._wakes, self._wake)
        if self._failed:
            raise self._failed

    def _go_on(self, ready: Callable[[list[Document]], None]) -> None:
        """What is to be done now, after whatever has happened."""
        if self._over:
            if self._clock.monotonic() >= self._over:
                for child in filter(lambda child: child.pid, self._children):
                    _log.error("the process %s does not end when it is told to, and is killed", child.name)
                    self._signal(child, signal.SIGKILL)
                self._over = self._clock.monotonic() + GRACE
        elif not self._ready and all(child.document for child in self._children):
            self._ready = True
            ready([child.document for child in self._children])
            self._manager.ready()
        else:
            for child in self._children:
                if not child.pid and child.at <= self._clock.monotonic():
                    self._begin(child)
        if self._ready and not self._over and all(child.health for child in self._children):
            self._manager.status(health for child in self._children for health in child.health)
        if self._manager.every is not None and self._beat <= self._clock.monotonic():
            self._beat = self._clock.monotonic() + self._manager.every
            self._manager.alive()

    def _patience(self) -> float | None:
        """Seconds until something is to be done though nothing happens."""
        now = self._clock.monotonic()
        waits = [self._over] if self._over else [child.at for child in self._children if not child.pid]
        waits += [self._beat] if self._manager.every is not None else []
        return max(0.0, min(waits) - now) if waits else None

    def _signalled(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGHUP:
                self._manager.reloading()
                for child in self._children:
                    self._signal(child, number)
                self._manager.ready()
            elif number in _ENDS:
                self._end()

    def _end(self) -> None:
        """Have all end."""
        if not self._over:
            self._over = self._clock.monotonic() + GRACE
            self._manager.stopping()
            for child in self._children:
                self._signal(child, signal.SIGTERM)

    def _signal(self, child: Child, number: int) -> None:
        if child.pid:
            with suppress(ProcessLookupError):
                os.kill(child.pid, number)

    # -- a child's life ------------------------------------------------------------------------------------
    def _begin(self, child: Child) -> None:
        """Fork it. In the child this does not return."""
        child.begun += 1
        child.failure = None
        child.at = self._clock.monotonic()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        made: list[int] = []
        hold_hangups()
        try:
            made += os.pipe2(os.O_CLOEXEC)
            made += os.pipe2(os.O_CLOEXEC)
            child.pid = os.fork()
        except OSError as error:
            hear_hangups()
            _shut(*made)
            self._gone(child, f"the process {child.name} cannot be begun ({error.strerror})", said=False)
            return
        hears, says, listens, tells = made
        if not child.pid:
            for other in self._children:
                _shut(other.hears, other.tells)
            _shut(hears, tells, self._wakes, self._wake)
            self._selector.close()
            _as_child(child, Leash(listens, says, again=child.begun > 1))
        hear_hangups()
        _shut(says, listens)
        os.set_blocking(hears, False)
        os.set_blocking(tells, False)
        child.hears, child.tells, child.heard = hears, tells, b""
        self._selector.register(hears, selectors.EVENT_READ, child)

    def _hear(self, child: Child) -> None:
        """Take what it writes."""
        try:
            data = os.read(child.hears, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(child.hears)
            _shut(child.hears)
            child.hears = -1
            self._signal(child, signal.SIGKILL)  # it has closed its end, so it is about to end, or has lost its wits
            return
        *lines, child.heard = (child.heard + data).split(b"\n")
        child.heard = child.heard[:LINE_MOST]
        for line in lines:
            with suppress(KeyError, TypeError, ValueError):
                document = json.loads(line)
                if "failure" in document:
                    child.failure = document["failure"]
                elif child.document:
                    rows = [Health.of(row) for row in document["health"]]
                    child.health = [replace(health, begun=health.begun + child.begun - 1) for health in rows]
                else:
                    child.document = document
        self._tell()

    def _reap(self) -> None:
        """See who has ended."""
        for child in self._children:
            if child.pid and (found := os.waitpid(child.pid, os.WNOHANG))[0]:
                code = os.waitstatus_to_exitcode(found[1])
                how = f"was ended by signal {-code}" if code < 0 else f"has ended with code {code}"
                self._gone(child, f"the process {child.name} {how}", said=code > 0)

    def _gone(self, child: Child, how: str, *, said: bool) -> None:
        child.pid = 0
        if child.hears >= 0:
            self._hear(child)  # its last words
        self._close(child, 0)
        if self._over:
            return
        if not self._ready:
            self._failed = Ended(f"{capital(how)} before it was ready.", said=said, failure=child.failure)
            self._end()
            return
        pause = child.backoff.after(self._clock.monotonic() - child.at)
        child.at = self._clock.monotonic() + pause
        _log.error("%s; it is begun again in %g s", how, pause)
        now = self._clock.now()
        child.health = [Health(part=role, up=False, since=now, why=how, begun=child.begun) for role in child.roles]
        child.document = {}
        self._tell()

    def _close(self, child: Child, number: int) -> None:
        """Give back what belongs to it; one that still lives gets this signal."""
        if child.pid:
            self._signal(child, number)
            os.waitpid(child.pid, 0)
            child.pid = 0
        if child.hears >= 0:
            self._selector.unregister(child.hears)
        _shut(child.hears, child.tells)
        child.hears = child.tells = -1

    def _tell(self) -> None:
        """Tell everybody of the others."""
        for child in self._children:
            others = [other for other in self._children if other is not child]
            rows = [health.row() for other in others for health in other.health]
            page = next((other.document["page"] for other in others if other.document.get("page")), None)
            if child.pid:
                with suppress(OSError):  # one that does not listen hears it the next time
                    os.write(child.tells, json.dumps({"health": rows, "page": page}).encode() + b"\n")


class Leash:
    """The child's ends of the pipes, each with a thread of its own, so that nothing else in it waits for a pipe."""

    def __init__(self, listens: int, says: int, *, again: bool = False) -> None:
        self.again = again  #: whether this process is in the place of one that has ended
        self._listens = listens
        self._says = says
        self._page: tuple[str, int] | None = None
        self._news = threading.Event()

    def hold(self, board: Board) -> None:
        """From now on the end of the parent is the end of this process; the board is told how the other one does."""
        threading.Thread(target=self._listen, args=(board,), daemon=True).start()

    def ready(self, document: Document, board: Board) -> None:
        """Tell the parent that all is begun, and from then on when the board changes."""
        os.write(self._says, json.dumps(document).encode() + b"\n")
        board.changed = self._news.set
        self._news.set()
        threading.Thread(target=self._write, args=(board,), daemon=True).start()

    def failed(self, failure: Document) -> None:
        """Tell the parent why this process ends before it is ready."""
        with suppress(OSError):
            os.write(self._says, json.dumps({"failure": failure}).encode() + b"\n")

    def metrics(self) -> bytes:
        """What the process beside this one has counted, as a page; empty when that has none, or does not answer."""
        return page_at(self._page) if self._page else b""

    def _listen(self, board: Board) -> None:
        rest = b""
        while data := os.read(self._listens, 1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                with suppress(KeyError, TypeError, ValueError):
                    document = json.loads(line)
                    board.beside([Health.of(row) for row in document["health"]])
                    self._page = (str(document["page"][0]), int(document["page"][1])) if document["page"] else None
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(LAST)
        os._exit(1)

    def _write(self, board: Board) -> None:
        while self._news.wait():
            self._news.clear()
            line = json.dumps({"health": [health.row() for health in board.ours()]}).encode() + b"\n"
            with suppress(OSError):
                while line:
                    line = line[os.write(self._says, line) :]


def _as_child(child: Child, leash: Leash) -> NoReturn:
    """What the forked process is and does. Nothing of the parent's is run in it, whatever happens."""
    code = 1
    try:
        os.setsid()  # what a terminal sends to all is for the parent to hand on
        signal.set_wakeup_fd(-1)
        for number in (*_ENDS, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        with suppress(OSError), open("/proc/self/comm", "w", encoding="utf-8") as comm:
            comm.write(f"dnsbl {child.name}"[:15])
        code = child.work(leash)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(code)


def _shut(*descriptors: int) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)


def _noted(number: int, frame: object) -> None:
    """The number has been written to the pipe that wakes the parent."""


def hold_hangups() -> None:
    """Have a SIGHUP wait, also in processes that are forked now, instead of ending who cannot do as it says yet."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def hear_hangups() -> None:
    """Take a SIGHUP that waits, and those to come: there is a handler now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def yield_memory() -> None:
    """Where memory runs out, let the system end this process before those that answer. Does what it may."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")
