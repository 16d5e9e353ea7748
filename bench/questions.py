"""What pages, look-ups, a claim, the feed, metrics and an idle scheduler ask of a store, and how long that takes.

Each sort of question is asked alone, of a store that `bench.filling` has filled. What waits is counted up to a bound,
and a search without an index looks at so many listings: these grow until there they are, and no further.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from statistics import median

from bench.cycles import settings_of_bench
from bench.filling import PATTERN, SINGLE, Filled, host
from dnsbl.casework import Casework
from dnsbl.casework.base import ANYBODY
from dnsbl.clock import HandClock, SystemClock
from dnsbl.store import Store
from dnsbl.vocabulary import Reason
from tester.letter import Keyring

#: Questions of each sort that are measured, and asked before.
QUESTIONS, BEFORE = 200, 10


def questions(store: Store, filled: Filled) -> Iterator[tuple[str, Callable[[int], object]]]:
    """Sorts of questions, each with what asks the n-th."""
    clock, settings = SystemClock(), settings_of_bench()
    keyring = Keyring.generate(lambda size: bytes(size), int(clock.now().timestamp()))
    casework = Casework(store, settings, keyring, clock=clock)
    two_days = HandClock(clock.now() + timedelta(days=2))  # when nothing is of the day
    later = Casework(store, settings, keyring, clock=two_days)
    views, contents, upkeep = casework.views, casework.contents, casework.upkeep
    single = max(1, filled.listings - filled.hosts - 1)
    last = contents.last_change()

    def is_due(_number: int) -> bool:
        with store.read() as tx:
            return tx.jobs.is_due(clock.now())

    def idle(_number: int) -> None:
        for verb in (upkeep.settle, upkeep.expire, upkeep.follow_outputs, upkeep.forget, casework.feeding.pace):
            verb()

    yield "page, proven relay", lambda n: views.look_up(host(1 + n * 37 % (filled.hosts - 1)), asker=ANYBODY)
    yield "page, long past", lambda n: views.look_up(PATTERN, asker=ANYBODY)
    yield "look-up, listed", lambda n: views.look_up(SINGLE + 3 * (n * 7919 % single), asker=ANYBODY)
    yield "look-up, unlisted", lambda n: views.look_up(host(n * 37 % filled.hosts) + 7, asker=ANYBODY)
    yield "status", lambda n: later.oversight.summary()
    yield "what waits, for metrics", lambda n: later.views.backlog()
    yield "listings, the newest of a kind", lambda n: later.oversight.listings(kinds={"relay", "manual"}, most=50)
    yield "listings, for a reason that none has", lambda n: later.oversight.listings(reason=Reason.PURGED, most=50)
    yield "is_due", is_due
    yield "feed, nothing new", lambda n: contents.changes(last)
    yield "feed, a hundred", lambda n: contents.changes(last - 100)
    yield "scheduler, idle", idle


def asked(store: Store, filled: Filled) -> dict[str, float]:
    """What one question of each sort takes, in milliseconds."""
    found: dict[str, float] = {}
    for what, ask in questions(store, filled):
        took = []
        for number in range(BEFORE + QUESTIONS):
            began = time.perf_counter()
            ask(number)
            took.append(time.perf_counter() - began)
        found[what] = 1000 * median(took[BEFORE:])
    return found
