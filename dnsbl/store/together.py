"""Several questions in one text for the driver: what each would find alone comes as rows that say whose they are.

A message to PostgreSQL costs both sides several times what it takes to find a row by its key. So what a verb will ask
at any rate it asks at once (`clerk.Clerk.foresee`). Knows texts and columns, and no table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import Dialect

#: Texts that are kept.
KEPT = 300
#: Where a value stands in a text.
_NUMBER = re.compile(r"\$(\d+)")


class Question(Protocol):
    """A text of its own, and what its rows are made of."""

    sql: str  #: whose values are numbered: $1
    columns: Sequence[Any]  #: as SQLAlchemy has compiled them: their names and types

    def bound(self, values: Any) -> tuple[Any, ...]:
        """The values as the driver takes them, in the order of their numbers."""
        ...


class Together:
    """The text of some questions. Each has its rows in the order that it asks for."""

    def __init__(self, questions: Sequence[Question], dialect: Dialect) -> None:
        self._questions = questions
        kinds = [[each.type.compile(dialect) for each in question.columns] for question in questions]
        widest: Counter[str] = Counter()
        for each in kinds:
            widest |= Counter(each)
        first, place = {}, 0
        for kind, width in widest.items():  # columns of one type stand in the same places, whosever they are
            first[kind], place = place, place + width
        nothing = [f"CAST(NULL AS {kind})" for kind, width in widest.items() for _ in range(width)]
        quoted, arms = dialect.identifier_preparer.quote, []
        self._places: list[list[int]] = []  # where each question's columns stand in a row
        values = 0
        for number, (question, own) in enumerate(zip(questions, kinds, strict=True)):
            cells, free, places = list(nothing), dict(first), []
            for column, kind in zip(question.columns, own, strict=True):
                cells[free[kind]] = f"q.{quoted(column.keyname)}"
                places.append(1 + free[kind])
                free[kind] += 1
            sql, values = _counted_on(question.sql, values)
            arms.append(f"SELECT {number} AS whose, {', '.join(cells)} FROM ({sql}) AS q")
            self._places.append(places)
            nothing = ["NULL"] * len(nothing)  # the first one's types are those of all
        self.sql = " UNION ALL ".join(arms)
        self._takes = [_taking(places) for places in self._places]

    def bound(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The values of each question, as the driver takes them all."""
        each = (question.bound(own) for question, own in zip(self._questions, values, strict=True))
        return tuple(chain.from_iterable(each))

    def split(self, found: Sequence[Sequence[Any]]) -> list[list[tuple[Any, ...]]]:
        """The rows of each question, as the driver would have brought them."""
        rows: list[list[tuple[Any, ...]]] = [[] for _ in self._questions]
        for row in found:
            whose = row[0]
            rows[whose].append(self._takes[whose](row))
        return rows

    def told(self, cursor: Any, number: int) -> list[Any]:
        """What the driver tells of the columns of a question, whose rows came from this cursor of its."""
        described = cursor.description
        return [described[place] for place in self._places[number]]


@lru_cache(KEPT)
def together(questions: tuple[Question, ...], dialect: Dialect) -> Together:
    """These, made once."""
    return Together(questions, dialect)


def _counted_on(sql: str, before: int) -> tuple[str, int]:
    """A text whose first value is the one after so many, and how many there are with its own."""
    own = max((int(found[1]) for found in _NUMBER.finditer(sql)), default=0)
    return _NUMBER.sub(lambda found: f"${int(found[1]) + before}", sql), before + own


def _taking(places: Sequence[int]) -> Any:
    if len(places) > 1:
        return itemgetter(*places)
    (place,) = places
    return lambda row: (row[place],)
