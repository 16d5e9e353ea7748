"""One process of the store bench: hosts pass through all verbs of a test, one after the other.

    python -m bench.cycles URL --name w1 --first 0 --seconds 10

A cycle is a nomination with its evidence, the take of whichever test is due, the question whether its host may be
dialled, its letters, its session and its end, and for every second host a letter that comes back. So half of the hosts
are listed and half found closed; of those listed every fourth is asked to be removed, tested once more and delisted.

It writes a line when it is ready, begins when it is sent one, and prints one JSON document at the end (`Cycles`).
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address, ip_network
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import event

from bench.filling import SPAM, come_back, issued_for, talked
from dnsbl.casework import Casework
from dnsbl.casework.base import ANYBODY
from dnsbl.clock import Clock, SystemClock
from dnsbl.model import Nomination
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import Door, JobReason, State
from tester.letter import Keyring
from tester.smtp import Outcome

T = TypeVar("T")

#: What strangers may have is not what is measured here.
LARGE = 10**9
#: Where the hosts stand that are nominated, one in a /24 each, and those who nominate them.
FRESH, APART = IPv4Address("100.128.0.1"), 256
NOMINATORS = IPv4Address("198.51.0.0")


@dataclass
class Cycles:
    """What one process has done, and what it took; seconds."""

    cycles: int = 0  #: tests from the take to their end
    seconds: float = 0.0
    cpu: float = 0.0  #: of this process
    statements: int = 0
    kinds: dict[str, int] = field(default_factory=dict)  #: tests by their reason
    slowest: dict[str, float] = field(default_factory=dict)  #: the longest call of each verb
    spent: dict[str, float] = field(default_factory=dict)  #: all calls of each verb
    calls: dict[str, int] = field(default_factory=dict)  #: how many these were


def settings_of_bench() -> Settings:
    """Defaults, but for strangers' shares."""
    plain = Settings()
    policy = {"nominations_day": LARGE, "nominations_queued": LARGE, "evidence_day_bytes": LARGE * LARGE}
    tester = {"hour_connections": LARGE, "hour_letters": LARGE, "hour_octets": LARGE * LARGE}
    return plain.model_copy(
        update={
            "policy": plain.policy.model_copy(update=policy),
            "tester": plain.tester.model_copy(update=tester),
        }
    )


class Player:
    """Plays doors, worker, hosts and collector over one store."""

    def __init__(self, store: Store, name: str, first: int) -> None:
        self._clock: Clock = SystemClock()
        self._settings = settings_of_bench()
        self._keyring = Keyring.generate(lambda size: bytes(size), int(self._clock.now().timestamp()))
        self._casework = Casework(store, self._settings, self._keyring, clock=self._clock)
        self._name = name
        self._fresh = count(first)
        self.done = Cycles()

    def cycle(self) -> None:
        """Nominate a host, and test whichever is due."""
        number = next(self._fresh)
        nomination = Nomination(
            address=FRESH + number * APART,
            door=Door.WEB,
            nominator=str(ip_network((NOMINATORS + number % 65536, 24), strict=False)),
            reason="spam",
            evidence=SPAM + f"{self._name} {number}".encode(),
        )
        self._timed("nominate", lambda: self._casework.doors.nominate(nomination))
        self._test(number)

    def state(self, number: int) -> State:
        """Where the host that was nominated as the `number`-th stands."""
        return self._casework.views.look_up(FRESH + number * APART, asker=ANYBODY).state

    def _test(self, number: int) -> None:
        assignments = self._casework.assignments
        assignment = self._timed("take_job", lambda: assignments.take_job(self._name))
        if assignment is None:
            return
        job, now = assignment.job, int(self._clock.now().timestamp())
        relay = job.reason is not JobReason.REMOVAL and number % 2 == 0
        issued = issued_for(self._keyring, self._settings, job, now)
        self._timed("file_letters", lambda: assignments.file_letters(assignment, issued))
        leave = self._timed("dial", lambda: assignments.dial(assignment, job.address))
        dialled = leave.counted if leave else None
        talk = talked(job.address, issued, Outcome.ACCEPTED if relay else Outcome.RCPT_5XX, now)
        self._timed("file_session", lambda: assignments.file_session(assignment, talk, dialled=dialled))
        self._timed("file_run", lambda: assignments.file_run(assignment))
        if relay:
            back = come_back(issued[0], self._keyring, self._settings, job.address, now)
            self._timed("file_return", lambda: self._casework.arrivals.file_return(back))
        self.done.cycles += 1
        self.done.kinds[job.reason] = self.done.kinds.get(job.reason, 0) + 1
        if relay and number % 8 == 0:
            doors = self._casework.doors
            self._timed("ask_removal", lambda: doors.ask_removal(job.address, door=Door.WEB, actor="192.0.2.0/24"))
            self._test(number)

    def _timed(self, verb: str, what: Callable[[], T]) -> T:
        began = time.perf_counter()
        done = what()
        took = time.perf_counter() - began
        self.done.spent[verb] = self.done.spent.get(verb, 0.0) + took
        self.done.calls[verb] = self.done.calls.get(verb, 0) + 1
        self.done.slowest[verb] = max(took, self.done.slowest.get(verb, 0.0))
        return done


@contextmanager
def counted(store: Store, cycles: Cycles) -> Iterator[None]:
    """Count the statements that are sent meanwhile."""

    def note(*_: Any) -> None:
        cycles.statements += 1

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def play(url: str, name: str, first: int, seconds: float, most: int = 10**9) -> Cycles:
    """As many cycles as fit into so many seconds, after twenty that are not counted."""
    store = Store(url)
    player = Player(store, name, first)
    for _ in range(20):
        player.cycle()
    player.done = Cycles()
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.perf_counter(), time.process_time()
    with counted(store, player.done):
        while time.perf_counter() - began < seconds and player.done.cycles < most:
            player.cycle()
    player.done.seconds, player.done.cpu = time.perf_counter() - began, time.process_time() - cpu
    store.close()
    return player.done


def main() -> None:
    """One process of the bench."""
    words = argparse.ArgumentParser(prog="python -m bench.cycles")
    words.add_argument("url")
    words.add_argument("--name", default=f"bench-{secrets.token_hex(4)}")
    words.add_argument("--first", type=int, default=0)
    words.add_argument("--seconds", type=float, default=10.0)
    given = words.parse_args()
    print(json.dumps(asdict(play(given.url, given.name, given.first, given.seconds))))


if __name__ == "__main__":
    main()
