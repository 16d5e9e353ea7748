"""Tells a service manager how we are: that we are ready, read the files again, stop, and are alive (sd_notify(3)).

A shell: one datagram a message, to the socket that the environment names; without one nothing is told. Never waits, and
never fails: a manager that does not listen is no trouble of ours. Only the process that was started by it speaks.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, MutableMapping
from contextlib import suppress

from dnsbl.clock import Clock
from dnsbl.health import Health

#: Characters of a status.
STATUS_MOST = 500


class Manager:
    """The one of the process of this number."""

    def __init__(self, environ: MutableMapping[str, str], pid: int, clock: Clock) -> None:
        words = {name: environ.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")}
        place = words["NOTIFY_SOCKET"]
        self._place = f"\0{place[1:]}" if place.startswith("@") else place
        self._clock = clock
        self._status = ""
        watched = words["WATCHDOG_USEC"].isdecimal() and words["WATCHDOG_PID"] in ("", str(pid)) and bool(place)
        #: Seconds between two signs of life that it wants, half of what it waits for; None where it wants none.
        self.every = int(words["WATCHDOG_USEC"]) / 2e6 or None if watched else None

    def ready(self) -> None:
        """All has begun, or has begun anew."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """The files are being read again; `ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.monotonic() * 1e6)}")

    def stopping(self) -> None:
        """We end."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """A sign of life."""
        self._tell("WATCHDOG=1")

    def status(self, parts: Iterable[Health]) -> None:
        """How the parts do; told when it has changed."""
        parts = list(parts)
        down = [one.sentence for one in parts if not one.up]
        words = "; ".join(down) if down else f"at work: {', '.join(one.part for one in parts)}"
        words = " ".join(words.split())[:STATUS_MOST]
        if words != self._status:
            self._status = words
            self._tell(f"STATUS={words}")

    def _tell(self, *lines: str) -> None:
        if self._place:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
                made.setblocking(False)
                made.sendto("\n".join(lines).encode(), self._place)
