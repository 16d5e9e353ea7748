"""What keeps a flood of one complaint out of the log; the clock is turned by hand."""

from __future__ import annotations

import io
import logging

import pytest

from dnsbl.cli.sparing import BURST, KINDS, WINDOW, Sparing
from dnsbl.clock import HandClock


class Log:
    """A logger whose handler is sparing, and what it wrote."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.text = io.StringIO()
        self.sparing = Sparing(self.clock.monotonic)
        handler = logging.StreamHandler(self.text)
        handler.addFilter(self.sparing)
        self.logger = logging.Logger("trial")
        self.logger.addHandler(handler)

    @property
    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


@pytest.fixture
def log() -> Log:
    return Log()


def test_the_first_of_a_kind_pass_and_the_rest_is_counted(log: Log) -> None:
    for number in range(500):
        log.logger.warning("connection %d failed", number)
    assert log.lines == [f"connection {number} failed" for number in range(BURST)]
    assert list(log.sparing.rest()) == [f"{500 - BURST} more from trial: connection %d failed"]
    assert list(log.sparing.rest()) == []


def test_another_kind_is_not_kept_back_for_it(log: Log) -> None:
    for _ in range(100):
        log.logger.warning("one")
    log.logger.error("one")
    log.logger.warning("two")
    assert log.lines[BURST:] == ["one", "two"]


def test_a_traceback_is_written_once_a_minute(log: Log) -> None:
    for minute in range(3):
        for _ in range(50):
            try:
                raise RuntimeError("inner")
            except RuntimeError:
                log.logger.exception("GET %s failed", "/")
        assert log.text.getvalue().count("Traceback") == minute + 1
        log.clock.turn(seconds=WINDOW)
    assert list(log.sparing.rest()) == ["147 more from trial: GET %s failed"]


def test_what_differs_only_behind_the_first_line_is_one_kind(log: Log) -> None:
    for number in range(100):
        log.logger.error(f"Task exception was never retrieved\nfuture: <Task {number}>")
    assert log.text.getvalue().count("never retrieved") == BURST


def test_what_is_no_complaint_passes(log: Log) -> None:
    log.logger.setLevel(logging.INFO)
    for _ in range(100):
        log.logger.info("a query")
    assert len(log.lines) == 100


def test_a_flood_of_kinds_costs_a_fixed_amount(log: Log) -> None:
    for number in range(3 * KINDS):
        log.logger.warning(f"kind {number}")
    assert len(log.sparing._counts) == KINDS
