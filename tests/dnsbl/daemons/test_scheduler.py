"""The periodic verbs: each is called again and again, whatever happened the last time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from dnsbl.daemons.scheduler import Scheduler
from dnsbl.errors import StoreUnavailable
from tests.waiting import until


class Verbs:
    """Upkeep that does what it is told to, and counts."""

    def __init__(self, settle: Callable[[], int], expire: Callable[[], int]) -> None:
        self.calls = {"settle": 0, "expire": 0}
        self._settle, self._expire = settle, expire

    def settle(self) -> int:
        self.calls["settle"] += 1
        return self._settle()

    def expire(self) -> int:
        self.calls["expire"] += 1
        return self._expire()


async def run_until_called(verbs: Verbs, times: int) -> None:
    stop = asyncio.Event()
    scheduler = Scheduler(verbs, settle_every=0.01, expire_every=0.01)  # type: ignore[arg-type]
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
