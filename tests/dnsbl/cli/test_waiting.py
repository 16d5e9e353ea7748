"""Waiting for a test: until it is settled, or nobody takes it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from dnsbl.cli import waiting
from dnsbl.errors import DnsblError
from dnsbl.model import RunState
from tester.smtp import Outcome

HOST = "192.0.2.1"


@pytest.fixture
def wait(office, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Wait for a job of the office; `steps` are done one after the other, each while the command pauses."""

    def go(job, *steps: Callable[[], object]) -> Any:
        left = list(steps)

        def pause(seconds: float) -> None:
            office.clock.turn(seconds=seconds)
            if left:
                left.pop(0)()

        monkeypatch.setattr(waiting.time, "sleep", pause)
        opened = SimpleNamespace(clock=office.clock, casework=office.casework)
        return waiting.wait_for(opened, job, quiet=True)

    return go


def test_it_waits_through_conversation_and_window_until_the_run_is_settled(office, wait) -> None:
    job = office.nominate(HOST)

    def close_window() -> None:
        office.later(days=3)
        office.casework.upkeep.settle()

    report = wait(job, lambda: None, lambda: office.test(Outcome.ACCEPTED), lambda: None, close_window)
    assert (report.run.id, report.run.state) == (job.run, RunState.SETTLED)


def test_a_job_that_nobody_takes_is_told_after_half_a_minute_and_stays(office, wait) -> None:
    job, began = office.nominate(HOST), office.clock.now()
    with pytest.raises(DnsblError, match=r"No worker took the test of 192.0.2.1 within 30 s.*stays queued"):
        wait(job)
    waited = (office.clock.now() - began).total_seconds()
    assert waiting.UNTAKEN < waited <= waiting.UNTAKEN + waiting.POLL
    assert office.casework.views.look_up(job.address).job == job


def test_a_run_that_was_begun_may_take_its_time(office, wait) -> None:
    job = office.nominate(HOST)
    steps = [lambda: office.test(Outcome.RCPT_4XX), lambda: office.later(hours=5)]
    report = wait(job, *steps, *[lambda: office.test(Outcome.RCPT_5XX)])
    assert report.run.state is RunState.SETTLED
