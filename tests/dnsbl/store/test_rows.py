"""Rows of a statement: one of them, the first, or what is made of each, once."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import MultipleResultsFound, NoResultFound

from dnsbl.store.rows import Rows


def test_one_row_is_one() -> None:
    assert Rows([(1,)], 0).one() == (1,)
    assert Rows([], 0).one_or_none() is Rows([], 0).scalar() is None
    for rows, error in (([], NoResultFound), ([(1,), (2,)], MultipleResultsFound)):
        with pytest.raises(error):
            Rows(rows, 0).one()


def test_what_is_made_of_each_row_is_made_once_and_every_list_is_ones_own() -> None:
    made: list[int] = []

    def make(row: tuple[int]) -> int:
        made.append(row[0])
        return row[0] + 1

    rows = Rows([(1,), (2,)], 2)
    rows.each(make).clear()
    assert rows.each(make) == [2, 3]
    assert made == [1, 2]
