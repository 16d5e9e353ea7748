"""The small changes: each kind is made, is another program that compiles, and is named once."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from tests.mutants.mutations import applied, mutants

ROOT = Path(__file__).resolve().parents[2]


def changes(source: str) -> dict[str, str]:
    """What becomes of a program, by the names of its mutants."""
    tree = ast.parse(source)
    return {mutant.name: ast.unparse(applied(tree, mutant)) for mutant in mutants(tree)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", {"x: `a < b` -> `a <= b`": "x = a <= b"}),
        ("x = a and b", {"x: without `a`": "x = b", "x: without `b`": "x = a"}),
        ("x = {a, b}", {"x: without `a`": "x = {b}", "x: without `b`": "x = {a}"}),
        ("x = {a: b}", {"x: without `a`": "x = {}"}),
        ("x = f(a, k=b)", {"x: without `k=b`": "x = f(a)"}),
        ("x = 4", {"x: `4` -> `5`": "x = 5"}),
        ("x = min(a, b)", {"x: `min` -> `max`": "x = max(a, b)"}),
        ("x = a[:n]", {"x: `:n` -> `:`": "x = a[:]"}),
        ("x = not a", {"x: `not a` -> `a`": "x = a"}),
        ("def f():\n    g()", {"f(): without `g()`": "def f():\n    pass"}),
        ("def f():\n    return a", {"f(): without `return a`": "def f():\n    return None"}),
        ("if a:\n    b", {"module: `a` -> `True`": "if True:\n    b", "module: `a` -> `False`": "if False:\n    b"}),
        ("x = E.A\ny = E.B", {"x: `E.A` -> `E.B`": "x = E.B\ny = E.B", "y: `E.B` -> `E.A`": "x = E.A\ny = E.A"}),
        ("x = (1)\ny = (1)", {"x: `1` -> `2`": "x = 2\ny = 1", "y: `1` -> `2`": "x = 1\ny = 2"}),
        ("f(1, 1)", None),
    ],
)
def test_each_kind_of_change(source: str, expected: dict[str, str] | None) -> None:
    if expected is None:
        assert [name for name in changes(source) if "`1`" in name] == ["module: `1` -> `2`", "module: `1` -> `2` (2)"]
    else:
        assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    ['"A docstring of 3."', "x: Literal[4]", "X = Callable[[A, B], C]", "@f(True)\ndef g(): ...", "x = 'two words'"],
)
def test_words_and_annotations_and_decorators_are_left_alone(source: str) -> None:
    assert changes(source) == {}


def test_every_mutant_of_a_real_module_is_another_program_that_compiles_and_the_module_stays() -> None:
    source = (ROOT / "dnsbl" / "rules" / "schedule.py").read_text()
    tree = ast.parse(source)
    before = ast.dump(tree)
    found = mutants(tree)
    assert len(found) == len({mutant.name for mutant in found}) > 50
    for mutant in found:
        changed = applied(tree, mutant)
        compile(changed, "schedule.py", "exec")
        assert ast.dump(changed) != before, mutant.name
    assert ast.dump(tree) == before


def test_each_explanation_is_of_a_mutant_that_there_is() -> None:
    explained = tomllib.loads(Path(__file__).with_name("explained.toml").read_text())
    stale = [
        (module, name)
        for module, names in explained.items()
        for name in names.keys() - {mutant.name for mutant in mutants(ast.parse((ROOT / module).read_text()))}
    ]
    assert stale == []
