"""The periodic verbs: each is called again and again, whatever happened the last time; what stands against one is said
once, and what waits for an operator is told."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler

from dnsbl.clock import HandClock
from dnsbl.daemons.scheduler import Every, Scheduler, catch_up
from dnsbl.errors import StoreUnavailable, Withheld
from tests.waiting import until


class Verbs:
    """Upkeep that does what it is told to, and counts."""

    def __init__(self, settle: Callable[[], int], expire: Callable[[], int]) -> None:
        self.calls = {"settle": 0, "expire": 0, "outputs": 0, "forget": 0}
        self._settle, self._expire = settle, expire

    def settle(self) -> int:
        self.calls["settle"] += 1
        return self._settle()

    def expire(self) -> int:
        self.calls["expire"] += 1
        return self._expire()

    def follow_outputs(self) -> int:
        self.calls["outputs"] += 1
        return 0

    def forget(self) -> int:
        self.calls["forget"] += 1
        return 0


async def run_until_called(verbs: Verbs, times: int) -> None:
    stop = asyncio.Event()
    often = dict.fromkeys(("settle_every", "expire_every", "outputs_every", "forget_every"), 0.01)
    scheduler = Scheduler(verbs, **often)  # type: ignore[arg-type]
    running = asyncio.create_task(scheduler.run(stop))
    await until(lambda: min(verbs.calls.values()) >= times)
    stop.set()
    await asyncio.wait_for(running, 5)


async def test_what_was_done_is_told_and_what_was_not_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "dnsbl"):
        await run_until_called(Verbs(lambda: 2, lambda: 0), 2)
    said = {record.getMessage() for record in caplog.records if record.name.startswith("dnsbl")}
    assert said == {"settle: 2"}


async def test_a_verb_that_fails_is_a_line_in_the_log_and_is_called_again(caplog: pytest.LogCaptureFixture) -> None:
    def away() -> int:
        raise StoreUnavailable("The store does not answer.")

    verbs = Verbs(away, lambda: 0)
    await run_until_called(verbs, 3)
    said = [record.getMessage() for record in caplog.records if record.name.startswith("dnsbl")]
    assert said
    assert set(said) == {"settle: The store does not answer."}


async def test_the_end_waits_for_a_verb_that_is_under_way_and_calls_no_other() -> None:
    verbs = Verbs(lambda: 0, lambda: 0)
    await run_until_called(verbs, 1)
    calls = dict(verbs.calls)
    await asyncio.sleep(0)
    assert verbs.calls == calls


class Upkeep:
    """Verbs that do what they are told."""

    def __init__(self) -> None:
        self.settled = self.expired = 0
        self.error: Exception | None = None

    def settle(self) -> int:
        self.settled += 1
        return 0

    def follow_outputs(self) -> int:
        return 0

    def forget(self) -> int:
        return 0

    def expire(self) -> int:
        self.expired += 1
        if self.error:
            raise self.error
        return 0


async def looks(upkeep: Upkeep, count: int = 2) -> None:
    seen = upkeep.expired
    await until(lambda: upkeep.expired >= seen + count)


async def test_what_stands_against_a_verb_is_said_once_and_the_other_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="dnsbl.daemons.scheduler")
    upkeep, stop = Upkeep(), asyncio.Event()
    scheduler = Scheduler(upkeep, settle_every=0.01, expire_every=0.01, forget_every=0.01)  # type: ignore[arg-type]
    running = asyncio.create_task(scheduler.run(stop))
    word = "12 of 12 would end at once"
    steps: list[tuple[Exception | None, str]] = [
        (Withheld(word), word),
        (StoreUnavailable("away"), ""),
        (None, ""),
        (Withheld(word), word),
    ]
    for error, held in steps:
        upkeep.error = error
        await looks(upkeep)
        assert scheduler.held == held
    before = upkeep.settled
    await until(lambda: upkeep.settled > before)
    stop.set()
    await running
    ours = [record.getMessage() for record in caplog.records if record.name == "dnsbl.daemons.scheduler"]
    assert ours == [f"expire: {word}", "expire: away", f"expire: {word}"]


async def test_what_counts_has_a_thread_of_its_own_so_that_a_long_past_delays_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    going, stop = threading.Event(), asyncio.Event()
    verbs = Verbs(lambda: 0, lambda: 0)
    often = dict.fromkeys(("settle_every", "expire_every", "outputs_every", "forget_every", "count_every"), 0.01)

    def count() -> int:
        going.wait()
        return 5

    running = asyncio.create_task(Scheduler(verbs, count=count, **often).run(stop))  # type: ignore[arg-type]
    try:
        await until(lambda: min(verbs.calls.values()) >= 3)
    finally:
        going.set()
        stop.set()
        await asyncio.wait_for(running, 20)
    assert not [record for record in caplog.records if record.getMessage().startswith("count")]


async def test_a_verb_that_is_not_over_when_it_is_due_again_is_named(caplog: pytest.LogCaptureFixture) -> None:
    over, stop = threading.Event(), asyncio.Event()
    often = dict.fromkeys(("settle_every", "expire_every", "outputs_every", "forget_every"), 0.01)
    scheduler = Scheduler(Verbs(lambda: int(not over.wait(10)), lambda: 0), **often)  # type: ignore[arg-type]
    running = asyncio.create_task(scheduler.run(stop))
    await until(lambda: any("skipped" in record.getMessage() for record in caplog.records))
    over.set()
    stop.set()
    await asyncio.wait_for(running, 5)
    assert 'Execution of job "settle (trigger: every 0.01 s, ' in caplog.text


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_a_clock_that_was_set_ahead_has_passed_over_is_due_once() -> None:
    every = Every(1.0)
    assert every.get_next_fire_time(None, NOW) == NOW + timedelta(seconds=1)
    assert every.get_next_fire_time(NOW, NOW + timedelta(seconds=0.2)) == NOW + timedelta(seconds=1)
    later = NOW + timedelta(days=91)
    assert every.get_next_fire_time(NOW, later) == later + timedelta(seconds=1)


def test_what_was_scheduled_before_the_clock_was_set_back_is_called_at_once_and_nothing_else_is() -> None:
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.start(paused=True)
    jobs: dict[str, Job] = {}
    for name, due in (("soon", timedelta(seconds=20)), ("stuck", timedelta(days=1)), ("over", timedelta(seconds=-3))):
        jobs[name] = scheduler.add_job(print, Every(30.0), id=name, next_run_time=NOW + due)
    catch_up(scheduler, NOW)
    assert {name: scheduler.get_job(name).next_run_time - NOW for name in jobs} == {
        "soon": timedelta(seconds=20),
        "stuck": timedelta(0),
        "over": timedelta(seconds=-3),
    }
    scheduler.shutdown()


async def test_verbs_go_on_while_the_clock_says_a_time_that_was_long_ago() -> None:
    """Every look finds all of them due in a far future, and has them called at once."""
    verbs, stop = Verbs(lambda: 0, lambda: 0), asyncio.Event()
    rarely = dict.fromkeys(("settle_every", "expire_every", "outputs_every", "forget_every"), 3600.0)
    scheduler = Scheduler(verbs, **rarely, clock=HandClock(datetime(2000, 1, 1, tzinfo=UTC)))  # type: ignore[arg-type]
    running = asyncio.create_task(scheduler.run(stop))
    await until(lambda: min(verbs.calls.values()) >= 1)
    stop.set()
    await asyncio.wait_for(running, 5)


async def test_a_verb_that_raises_what_nobody_foresaw_is_told_once_and_on_the_board_until_it_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log had it each second, with its traceback, and nothing else told of it."""
    upkeep, stop = Upkeep(), asyncio.Event()
    scheduler = Scheduler(upkeep, settle_every=0.01, expire_every=0.01, forget_every=0.01)  # type: ignore[arg-type]
    running = asyncio.create_task(scheduler.run(stop))
    upkeep.error = KeyError("x")
    await looks(upkeep, 3)
    assert scheduler.problem == "expire fails: KeyError; the log says more."
    upkeep.error = Withheld("so many")
    await looks(upkeep)
    assert (scheduler.problem, scheduler.held) == ("", "so many")
    stop.set()
    await running
    assert [record.getMessage() for record in caplog.records if record.exc_info] == [
        "expire: KeyError; the log says more"
    ]
