"""Writes the log's lines to a stream that somebody else reads, and waits for nobody who does not.

A reader that stands still (a stopped pager, a full pipe, a journal that hangs) must stop no list: a write that finds no
room waits `PATIENCE` once, and from then on lines are lost and counted until there is room again; then a line tells how
many. Needs no thread, so a process that keeps a log may fork. Nothing here changes how others see the stream: a pipe or
a terminal is opened once more, a socket is told with each message, and a file never waits.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial

#: Seconds for a reader who is only slow, before the first line is lost.
PATIENCE = 0.2


class Writer(logging.Handler):
    """Writes formatted records to an open descriptor, which stays its owner's."""

    def __init__(self, descriptor: int, *, patience: float = PATIENCE) -> None:
        super().__init__()
        self.lost = 0  #: lines in all; only grows
        self._untold = 0  # of these
        self._rest = b""  # of a line that was begun
        self._stalled = False
        self._patience = patience
        self._descriptor, self._send, self._end = _unwaiting(descriptor)

    def close(self) -> None:
        """No more lines come."""
        self._end()
        self._end = _nothing
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """One line; never raises."""
        taken = False
        with suppress(Exception):  # a log that fails must cost nothing else
            if self._untold and self._taken(self._of_lost(record)):
                self._untold = 0
            taken = not self._untold and self._taken(self.format(record))
        if not taken:
            self.lost += 1
            self._untold += 1

    def _of_lost(self, record: logging.LogRecord) -> str:
        said = f"{self._untold} lines of this log were lost, since nobody read it"
        line = logging.LogRecord(__name__, logging.WARNING, "", 0, said, None, None)
        line.created, line.msecs = record.created, record.msecs
        return self.format(line)

    def _taken(self, line: str) -> bool:
        """Whether a line has gone out, or has begun to; what is left of one goes before the next."""
        self._rest = self._left(self._rest)
        if self._rest:
            return False
        whole = line.encode("ascii", "backslashreplace") + b"\n"
        left = self._left(whole)
        if left == whole:
            return False
        self._rest = left
        return True

    def _left(self, octets: bytes) -> bytes:
        """What of these nobody has taken. A reader who has stood still is not waited for again."""
        while octets:
            try:
                octets = octets[self._send(octets) :]
                self._stalled = False
            except BlockingIOError:
                self._stalled = self._stalled or not self._room()
                if self._stalled:
                    break
        return octets

    def _room(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(1000 * self._patience))


def _nothing() -> None:
    pass


def _unwaiting(descriptor: int) -> tuple[int, Callable[[bytes], int], Callable[[], None]]:
    """A descriptor of the same stream that can be looked at, what writes to it and raises BlockingIOError where it
    would wait, and what gives it back. Where that cannot be had, what waits."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        one = socket.socket(fileno=os.dup(descriptor))
        return one.fileno(), lambda line: one.send(line, socket.MSG_DONTWAIT), one.close
    if stat.S_ISFIFO(mode) or (stat.S_ISCHR(mode) and os.isatty(descriptor)):
        with suppress(OSError):
            # a description of its own: the flag is nobody else's
            own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            return own, partial(os.write, own), partial(os.close, own)
    return descriptor, partial(os.write, descriptor), _nothing
