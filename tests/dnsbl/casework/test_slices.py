"""Slices: a transaction each, others' turn between them, and a word of what is left where one breaks off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dnsbl.casework.slices import in_slices
from dnsbl.errors import BrokenOff, StoreUnavailable
from dnsbl.store import Transaction


def test_each_step_is_a_transaction_and_the_next_is_asked_for_when_it_has_ended(office: Any) -> None:
    told = list[str]()

    def step(tx: Transaction) -> None:
        told.append("step")
        office.store.give_way = lambda: told.append("others")

    def steps() -> Iterator[Callable[[Transaction], None]]:
        for _ in range(3):
            with office.store.read():
                told.append("asked")
            yield step

    in_slices(office.store, steps(), unfinished="")
    assert told == ["asked", "step", "asked", "others", "step", "asked", "others", "step"]


@pytest.mark.parametrize(
    ("error", "left"), [(KeyboardInterrupt(), BrokenOff), (StoreUnavailable("It is away."), StoreUnavailable)]
)
def test_what_breaks_one_off_says_what_is_left(office: Any, error: BaseException, left: type[Exception]) -> None:
    def step(tx: Transaction) -> None:
        raise error

    with pytest.raises(left, match=r"(Broken off|It is away)\. Some are left\.$"):
        in_slices(office.store, [step], unfinished="Some are left.")
