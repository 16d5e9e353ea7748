"""`tests/rows.py`: no row that fails is hidden, and each is told by its name."""

from __future__ import annotations

import inspect

import pytest

from tests.rows import rows


def test_every_row_that_fails_is_told_by_its_name_and_the_others_are_held_all_the_same() -> None:
    seen = []

    @rows(("one", "other"), [(1, 1), (1, 2), (3, 3), (4, 5)])
    def alike(one: int, other: int) -> None:
        seen.append(one)
        assert one == other

    with pytest.raises(BaseExceptionGroup, match="2 of 4 rows failed") as raised:
        alike()
    assert seen == [1, 1, 3, 4]
    assert [each.__notes__ for each in raised.value.exceptions] == [["row 1: 1, 2"], ["row 3: 4, 5"]]


def test_tables_stand_upon_each_other_and_upon_fixtures() -> None:
    @rows("one", [1, 2], ids=["first", "second"])
    @rows("other", [1, 2], ids=str)
    def alike(one: int, other: int, fixture: int) -> None:
        if one != other:
            pytest.fail(f"{fixture}")

    assert list(inspect.signature(alike).parameters) == ["fixture"]
    with pytest.raises(BaseExceptionGroup) as raised:
        alike(fixture=7)
    told = [(group.__notes__, group.exceptions[0].__notes__) for group in raised.value.exceptions]  # type: ignore[attr-defined]
    assert told == [(["first"], ["2"]), (["second"], ["1"])]


def test_a_table_without_rows_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="holds nothing"):
        rows("one", [])(lambda one: None)
