"""What the list takes, and under what it lists."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dnsbl.settings import Settings


@pytest.mark.parametrize(("key", "first"), [("kinds", "relay"), ("nominators", "web")])
def test_kinds_and_doors_are_those_that_there_are_each_once(key: str, first: str) -> None:
    given = Settings.model_validate({"policy": {key: [first, first]}}).policy
    assert getattr(given, key) == (first,)
    with pytest.raises(ValidationError, match="'nonsense' is none of"):
        Settings.model_validate({"policy": {key: ["nonsense"]}})


def test_days_of_a_kind_are_a_word_and_a_number() -> None:
    [given] = Settings.model_validate({"policy": {"kind_days": [" provisional  1.5 "]}}).policy.kind_days
    assert (given.kind, given.days) == ("provisional", 1.5)
    for wrong in ("provisional", "14", "x -1", "provisional 14 days", "provisional 1e9", 14):
        with pytest.raises(ValidationError, match="KIND DAYS is needed"):
            Settings.model_validate({"policy": {"kind_days": [wrong]}})


def test_a_day_is_drawn_between_two_in_their_order() -> None:
    assert Settings.model_validate({"policy": {"removal_delay_days": [1, 5]}}).policy.removal_delay_days == (1, 5)
    for wrong in ([5, 1], [-1, 2], [0, 31]):
        with pytest.raises(ValidationError, match="the smaller one first"):
            Settings.model_validate({"policy": {"removal_delay_days": wrong}})


@pytest.mark.parametrize("removal", ["owner", "request"])
def test_one_queue_is_of_retests(removal: str) -> None:
    with pytest.raises(ValidationError, match=r"policy\.one_queue goes only with"):
        Settings.model_validate({"policy": {"one_queue": True, "removal": removal}})
