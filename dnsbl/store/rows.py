"""What a statement came to, in memory: whoever asks again gets the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy.exc import MultipleResultsFound, NoResultFound

R = TypeVar("R")


class Rows:
    """What a prepared statement came to."""

    __slots__ = ("_made", "_rows", "rowcount")

    def __init__(self, rows: Sequence[Any], rowcount: int) -> None:
        self._rows = rows
        self._made: list[Any] | None = None
        self.rowcount = rowcount  #: how many rows were changed

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def each(self, make: Callable[[Any], R]) -> list[R]:
        """What this makes of each row; made once, so it is always to be the same."""
        if self._made is None:
            self._made = [make(row) for row in self._rows]
        return list(self._made)

    def first(self) -> Any:
        """The first row, or None."""
        return self._rows[0] if self._rows else None

    def one_or_none(self) -> Any:
        """The only row, or None. Raises MultipleResultsFound."""
        if len(self._rows) > 1:
            raise MultipleResultsFound("one row was expected, and there are several")
        return self.first()

    def one(self) -> Any:
        """The only row. Raises MultipleResultsFound, and NoResultFound where there is none."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("one row was expected, and there is none")
        return row

    def scalar(self) -> Any:
        """The first value of the first row, or None."""
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        """The first value of the only row. Raises as `one`."""
        return self.one()[0]

    def scalars(self) -> list[Any]:
        """The first value of each row."""
        return [row[0] for row in self._rows]
