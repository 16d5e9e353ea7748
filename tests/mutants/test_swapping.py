"""Functions are changed where they stand, and where that comes too late it is known."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import pytest

from tests.mutants.mutations import applied, mutants
from tests.mutants.swapping import SEEN, Shared, caches, callers, code_at, loaded, places, watched

SOURCE = """
def double(number, by=2):
    "Twice."
    return number * by

class Counter:
    start = 3

    @property
    def next(self):
        return (lambda: self.start + 1)()

FOUR = double(2)
"""
TREE = ast.parse(SOURCE)


def test_each_function_tells_that_it_was_called_and_stays_what_it_was() -> None:
    seen: set[tuple[str, int]] = set()
    scope = {SEEN: seen}
    exec(compile(watched(TREE), "sample", "exec"), scope)
    assert seen == {("double", 2)}, "called while it was loaded"
    seen.clear()
    assert scope["Counter"]().next == 4  # type: ignore[operator]
    assert seen == {("next", 9)}
    assert scope["double"].__doc__ == "Twice."
    assert SEEN not in ast.unparse(TREE)


def test_a_change_in_the_body_of_a_function_has_a_place_and_any_other_has_none() -> None:
    inside = {mutant.name for mutant in mutants(TREE) if id(mutant.old) in places(TREE)}
    assert {name.split(":")[0] for name in inside} == {"double()", "Counter.next()"}
    outside = {mutant.name for mutant in mutants(TREE)} - inside
    assert outside == {"double(): `2` -> `3`", "Counter.start: `3` -> `4`", "FOUR: `2` -> `3`"}


def test_a_function_does_what_its_mutant_does_as_soon_as_it_has_its_code(tmp_path: Path) -> None:
    file = str(tmp_path / "sample.py")
    scope: dict[str, FunctionType] = {}
    exec(compile(TREE, file, "exec"), scope)
    stand = loaded(file)
    assert stand[("double", 2)] == [scope["double"]] and stand.keys() == {("double", 2), ("next", 9)}
    changed = next(mutant for mutant in mutants(TREE) if mutant.name == "double(): `number * by` -> `number // by`")
    code = code_at(compile(applied(TREE, changed), file, "exec"), places(TREE)[id(changed.old)])
    assert code is not None
    scope["double"].__code__ = code
    assert scope["double"](7) == 3
    assert code_at(compile(TREE, file, "exec"), ("none", 1)) is None


def test_the_tests_of_a_place_are_known_the_quickest_first() -> None:
    calls = [(0.3, [["double", 2], ["next", 9]]), (0.1, [["double", 2], ["double", 2]]), (0.2, [])]
    assert callers(calls) == {("double", 2): [(0.1, 1), (0.3, 0)], ("next", 9): [(0.3, 0)]}


def test_what_was_called_for_a_fixture_that_tests_share_counts_for_those_that_come_later() -> None:
    seen = {("before", 1)}
    shared = Shared(seen)
    for scope in ("function", "session"):
        setup = shared.pytest_fixture_setup(SimpleNamespace(scope=scope))  # type: ignore[arg-type]
        next(setup)
        seen.add((scope, 2))
        with pytest.raises(StopIteration):
            next(setup)
    assert shared.seen == {("session", 2)}
    assert seen == {("before", 1), ("function", 2), ("session", 2)}


def test_what_a_cache_holds_hides_from_no_later_test_that_it_depends_on_the_function(tmp_path: Path) -> None:
    """Else a mutant of it would be held by the first test that asks alone, and survive."""
    seen: set[tuple[str, int]] = set()
    scope: dict[str, Any] = {SEEN: seen, "cache": cache}
    tree = ast.parse("@cache\ndef table():\n    return 3\n\ndef first():\n    return table()")
    exec(compile(watched(tree), str(tmp_path / "sample.py"), "exec"), scope)
    assert (scope["first"](), scope["first"]()) == (3, 3)
    (found,) = caches(str(tmp_path))
    seen.clear()
    found.cache_clear()
    scope["first"]()
    assert seen == {("table", 1), ("first", 5)}
    assert caches(str(tmp_path / "elsewhere")) == []
