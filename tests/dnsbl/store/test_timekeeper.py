"""One process holds its clock against the store, and remembers when it was last believed."""

from __future__ import annotations

from datetime import timedelta

from dnsbl.clock import HandClock
from dnsbl.rules.timekeeping import Terms
from dnsbl.store.timekeeper import Timekeeper


def keeper(clock: HandClock) -> Timekeeper:
    return Timekeeper(clock, Terms(tolerance=timedelta(minutes=10), gap=timedelta(days=7)))


def ask(keeper: Timekeeper, clock: HandClock, *, word: int = 0, store: bool = False, newest: bool = False) -> str:
    now = clock.now()
    return keeper.judge(now, store=now if store else None, newest=now if newest else None, word=word)


def test_time_that_passes_is_believed_however_much_it_is() -> None:
    clock = HandClock()
    here = keeper(clock)
    for days in (0, 1, 30, 400):
        clock.turn(days=days)
        assert ask(here, clock, newest=True) == ""


def test_a_jump_is_not_believed_until_it_is_undone() -> None:
    clock = HandClock()
    here = keeper(clock)
    assert ask(here, clock) == ""
    for hours in (1, -2):
        clock.jump(hours=hours)
        clock.turn(minutes=1)
        assert "a moment ago" in ask(here, clock)
    clock.jump(hours=1)
    assert ask(here, clock) == ""


def test_many_small_steps_are_no_jump() -> None:
    clock = HandClock()
    here = keeper(clock)
    for _ in range(10):
        clock.jump(minutes=9)
        assert ask(here, clock) == ""


def test_a_jump_with_which_the_database_agrees_is_a_correction_for_good() -> None:
    clock = HandClock()
    here = keeper(clock)
    assert ask(here, clock, store=True) == ""
    clock.jump(days=2)
    assert ask(here, clock, store=True) == ""
    assert ask(here, clock) == ""


def test_an_operators_new_word_makes_a_jump_a_correction_and_an_old_one_does_not() -> None:
    clock = HandClock()
    here = keeper(clock)
    assert ask(here, clock, word=7) == ""
    clock.jump(days=2)
    assert ask(here, clock, word=7)
    assert ask(here, clock, word=8) == ""
    clock.jump(days=2)
    assert ask(here, clock, word=8)
