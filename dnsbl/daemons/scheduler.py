"""Shell: runs the periodic verbs on APScheduler. What is due lives in the store, so a restart forgets nothing.

Jobs only call one casework verb each, which is a transaction, or a feeder, which claims what it pulls: two schedulers
at once do no harm. APScheduler goes by the time of day; here a clock that is set costs nothing: what was missed is
called once, and nothing waits until a day that was wrong comes again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger

from dnsbl.casework.shipping import Shipping
from dnsbl.casework.upkeep import Upkeep
from dnsbl.clock import Clock, SystemClock
from dnsbl.daemons.feeder import Feeder
from dnsbl.errors import DnsblError, Withheld

_log = logging.getLogger(__name__)

#: Seconds between two looks at whether the clock was set back.
LOOK = 1.0


class Every(BaseTrigger):  # type: ignore[misc]
    """Again after so many seconds. APScheduler's own goes through all times that were missed, one by one: a clock that
    was set ahead by three months held the process up for minutes."""

    def __init__(self, seconds: float) -> None:
        self.step = timedelta(seconds=seconds)

    def __str__(self) -> str:
        return f"every {self.step.total_seconds():g} s"

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """One step behind the last time, or behind now, where that is over."""
        due = (previous_fire_time or now) + self.step
        return due if due > now else now + self.step


def catch_up(scheduler: BaseScheduler, now: datetime) -> None:
    """Call at once what is due later than it can be: the clock was set back since it was scheduled."""
    for job in scheduler.get_jobs():
        if job.next_run_time > now + job.trigger.step:
            job.modify(next_run_time=now)


class Scheduler:
    """Settles runs whose window has closed, ends listings whose time has come, lists outputs whose delay is over,
    bounds what evidence is kept, keeps the event log, and has feeds pulled, if there is a feeder; `lookups` takes what
    watched zones were asked, `count` adds up by day what has happened, `old` forgets what is too old, `log` keeps the
    transparency log."""

    def __init__(
        self,
        upkeep: Upkeep,
        feeder: Feeder | None = None,
        shipping: Shipping | None = None,
        lookups: Callable[[], int] | None = None,
        count: Callable[[], int] | None = None,
        old: Callable[[], int] | None = None,
        log: Callable[[], int] | None = None,
        *,
        settle_every: float = 1.0,
        expire_every: float = 30.0,
        outputs_every: float = 5.0,
        forget_every: float = 60.0,
        feeds_every: float = 15.0,
        ship_every: float = 10.0,
        lookups_every: float = 5.0,
        count_every: float = 15.0,
        old_every: float = 60.0,
        log_every: float = 30.0,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
    ) -> None:
        #: Why listings do not end by their age, and what else waits for somebody's word; a sentence, or "".
        self.held = ""
        self._said: dict[str, str] = {}
        self._broken: dict[str, str] = {}  # by verb, what nobody has foreseen
        self._clock = clock
        self._verbs: tuple[tuple[str, Callable[[], int], float], ...] = (
            ("settle", upkeep.settle, settle_every),
            ("expire", upkeep.expire, expire_every),
            ("outputs", upkeep.follow_outputs, outputs_every),
            ("forget", upkeep.forget, forget_every),
            *([("ship", shipping.ship, ship_every)] if shipping else []),
            *([("lookups", lookups, lookups_every)] if lookups else []),
        )
        #: In a thread of its own: what a stranger's server delays, delays nothing else.
        self._slow: tuple[tuple[str, Callable[[], int], float], ...] = (
            (("feeds", feeder.pull, feeds_every), ("candidates", feeder.pace, feeds_every)) if feeder else ()
        )
        #: In a thread of its own as well: a long past takes its time to be counted, and nothing waits for it.
        self._patient: tuple[tuple[str, Callable[[], int], float], ...] = (
            *([("count", count, count_every)] if count else []),
            *([("old", old, old_every)] if old else []),
        )
        #: And so is this: a minute after it was made, an entry is in the transparency log.
        self._public: tuple[tuple[str, Callable[[], int], float], ...] = (("log", log, log_every),) if log else ()

    @property
    def problem(self) -> str:
        """Which verb fails, for a reason that nobody has foreseen; a sentence, or ""."""
        return next(filter(None, self._broken.copy().values()), "")

    async def run(self, stop: asyncio.Event) -> None:
        """Run the verbs until `stop`."""
        scheduler = AsyncIOScheduler(
            timezone=UTC,
            executors={name: ThreadPoolExecutor(1) for name in ("default", "slow", "patient", "public")},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for executor, verbs in (
            ("default", self._verbs),
            ("slow", self._slow),
            ("patient", self._patient),
            ("public", self._public),
        ):
            for name, verb, seconds in verbs:
                scheduler.add_job(self._quietly, Every(seconds), (name, verb), id=name, name=name, executor=executor)
        scheduler.start()
        try:
            while not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK)
                catch_up(scheduler, self._clock.now())
        finally:
            scheduler.shutdown(wait=True)

    def _quietly(self, name: str, verb: Callable[[], int]) -> None:
        """One call of a verb. What stands against it is a line in the log when it is news, and the next call tries
        again."""
        why = held = ""
        unforeseen: Exception | None = None
        try:
            done = verb()
        except Withheld as error:
            why = held = str(error)
        except DnsblError as error:
            why = str(error)
        except Exception as error:  # the others go on, and so does this one, should it be able to
            why, unforeseen = f"{type(error).__name__}; the log says more", error
        else:
            if done and name not in ("ship", "count", "log"):
                _log.info("%s: %d", name, done)
        if name == "expire":
            self.held = held
        if why and why != self._said.get(name):
            _log.warning("%s: %s", name, why, exc_info=unforeseen)
        self._said[name] = why
        self._broken[name] = f"{name} fails: {why}." if unforeseen else ""
