"""Waiting for a test: until it is settled, or nobody takes it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from dnsbl.cli import show, waiting
from dnsbl.errors import BrokenOff, DnsblError
from dnsbl.vocabulary import RunState
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
        opened = SimpleNamespace(clock=office.clock, casework=office.casework, settings=office.settings)
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


def test_while_nobody_may_be_dialled_it_says_so_at_once_and_the_test_stays_queued(office, wait) -> None:
    job, began = office.nominate(HOST), office.clock.now()
    office.casework.operators.stop(reason="complaints", actor="operator")
    said = r"is queued\. It waits, since nobody is dialled now: stopped by operator: complaints, until `dnsbl resume`\."
    with pytest.raises(DnsblError, match=said):
        wait(job)
    assert office.clock.now() == began
    assert office.casework.views.look_up(job.address).job == job


def test_ctrl_c_leaves_the_test_as_it_is_and_says_how_its_result_is_seen(office, wait) -> None:
    def ctrl_c() -> None:
        raise KeyboardInterrupt

    job = office.nominate(HOST)
    with pytest.raises(BrokenOff, match=r"test of 192\.0\.2\.1 stays queued, and `dnsbl lookup 192\.0\.2\.1` shows"):
        wait(job, ctrl_c)
    with pytest.raises(BrokenOff, match=r"test of 192\.0\.2\.1 goes on, and `dnsbl lookup 192\.0\.2\.1` shows"):
        wait(job, lambda: office.test(Outcome.ACCEPTED), ctrl_c)


def test_who_waits_for_a_server_that_puts_us_off_is_told_when_it_is_tried_again(office) -> None:
    job = office.nominate(HOST)
    office.test(Outcome.RCPT_4XX)
    due, told = office.casework.views.look_up(job.address).next_test, []
    opened = SimpleNamespace(casework=office.casework)
    status = SimpleNamespace(update=told.append)
    waiting._tell(opened, status, job, office.casework.views.run_report(job.run))
    assert f"The next try is due {due:%Y-%m-%d %H:%M:%S} UTC" in told[0]


def test_what_is_shown_of_a_test_that_reached_nobody_says_when_it_is_tried_again(
    office, capsys: pytest.CaptureFixture[str]
) -> None:
    job = office.nominate(HOST)
    office.test(Outcome.CONN_TIMEOUT)
    due = office.casework.views.look_up(job.address).next_test
    opened = SimpleNamespace(casework=office.casework, settings=office.settings, clock=office.clock)
    show.test(opened, office.casework.views.run_report(job.run), as_json=False)
    assert f"\ntried again: {due:%Y-%m-%d %H:%M:%S} UTC\n" in capsys.readouterr().out
