"""Changes functions where they stand, in a process in which the tests are loaded already. Holds no test itself.

To load its tests is most of what a mutant costs, and so is to hold those that never call what was changed. A change
outside of functions, or in one that was called while the tests were loaded, comes too late there: what it shapes
stands already. Such a mutant has no place here, and its tests are loaded anew.
"""

from __future__ import annotations

import ast
import copy
import gc
from collections.abc import Generator, Iterable, Iterator
from functools import _lru_cache_wrapper
from types import CodeType, FunctionType
from typing import Any

import pytest

#: An outermost function of a module: its name, and the line where its code begins.
Place = tuple[str, int]
#: Where the functions of `watched` tell that they were called.
SEEN = "__seen__"


def _functions(tree: ast.AST) -> Iterator[tuple[Place, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.name, min(each.lineno for each in (node, *node.decorator_list))), node
        elif isinstance(node, ast.stmt):
            yield from _functions(node)


def places(tree: ast.Module) -> dict[int, Place]:
    """In which function a node is that a call of it reaches, by the node's id."""
    return {
        id(node): place for place, found in _functions(tree) for statement in found.body for node in ast.walk(statement)
    }


def watched(tree: ast.Module) -> ast.Module:
    """A copy of a module in which each outermost function adds its place to the set `SEEN` when it is called."""
    tree = copy.deepcopy(tree)
    for place, found in list(_functions(tree)):
        tells = ast.parse(f"{SEEN}.add({place!r})").body[0]
        at = ast.get_docstring(found) is not None
        found.body.insert(at, ast.copy_location(tells, found.body[0]))
    return ast.fix_missing_locations(tree)


class Shared:
    """Keeps what was called while fixtures were set up that several tests share: whoever comes later depends on it."""

    def __init__(self, seen: set[Place]) -> None:
        self._now = seen
        self.seen: set[Place] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        before = set(self._now)
        self._now.clear()
        try:
            return (yield)
        finally:
            if fixturedef.scope != "function":
                self.seen |= self._now
            self._now |= before


def callers(calls: Iterable[tuple[float, Iterable[Iterable[Any]]]]) -> dict[Place, list[tuple[float, int]]]:
    """Which tests call a place, by their number and the quickest first, out of each test's seconds and places."""
    found: dict[Place, list[tuple[float, int]]] = {}
    for n, (seconds, called) in enumerate(calls):
        for name, line in {(name, line) for name, line in called}:
            found.setdefault((name, line), []).append((seconds, n))
    return {place: sorted(tests) for place, tests in found.items()}


def loaded(file: str) -> dict[Place, list[FunctionType]]:
    """The functions that stand in this process and were read from a file."""
    found: dict[Place, list[FunctionType]] = {}
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename == file:
            found.setdefault((each.__code__.co_name, each.__code__.co_firstlineno), []).append(each)
    return found


def caches(folder: str) -> list[_lru_cache_wrapper[Any]]:
    """The caches of functions that stand in this process and were read from below a folder. Where one is full, a test
    depends on functions that it does not call."""
    return [
        each
        for each in gc.get_objects()
        if isinstance(each, _lru_cache_wrapper)
        and isinstance(each.__wrapped__, FunctionType)
        and each.__wrapped__.__code__.co_filename.startswith(folder)
    ]


def code_at(module: CodeType, place: Place) -> CodeType | None:
    """What a function does, out of the code of its module."""
    for code in (const for const in module.co_consts if isinstance(const, CodeType)):
        if (code.co_name, code.co_firstlineno) == place:
            return code
        if not code.co_flags & 1 and (found := code_at(code, place)):  # the body of a class, not of a function
            return found
    return None
