"""A table held by one test: as many rows as one likes, each told by its name, and none that fails hides another one.

`pytest.mark.parametrize` makes a test of each row, which costs two milliseconds however small the row is: too much for
a whole corpus, a range or a product. What is held so needs nothing anew for a row (no folder, no clock, no store).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest


def rows(
    names: str | Sequence[str], table: Iterable[Any], ids: Callable[[Any], str] | Sequence[str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorates a test that is to hold for each row of a table; taken as `parametrize` is, and one upon another.

    The test fails with all rows that failed, each with its name: that of `ids`, or its number and what is in it.
    """
    words = [names] if isinstance(names, str) else list(names)
    held = [(row,) if isinstance(names, str) else tuple(row) for row in table]

    def called(number: int, row: tuple[Any, ...]) -> str:
        if ids is None:
            return f"row {number}: {', '.join(map(repr, row))[:200]}"
        return ids[number] if isinstance(ids, Sequence) else " ".join(map(ids, row))

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def whole(**given: Any) -> None:
            failed: list[BaseException] = []
            for number, row in enumerate(held):
                try:
                    test(**given, **dict(zip(words, row, strict=True)))
                except (Exception, pytest.fail.Exception, BaseExceptionGroup) as error:
                    error.add_note(called(number, row))
                    failed.append(error)
            if failed:
                raise BaseExceptionGroup(f"{len(failed)} of {len(held)} rows failed", failed)

        assert held, "a table without rows holds nothing"
        asked = inspect.signature(test)
        kept = [each for name, each in asked.parameters.items() if name not in words]
        whole.__signature__ = asked.replace(parameters=kept)  # type: ignore[attr-defined]
        return whole

    return decorated
