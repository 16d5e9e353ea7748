"""docs/rfc6471.md is true: every row once, in order; what it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from dnsbl.cli.program import COMMANDS
from dnsbl.settings import Settings
from tests.statements import parsed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rfc6471.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (P\d\d) \| (\d(?:\.\d)*): ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)


@cache
def named_in(path: str) -> frozenset[str]:
    tree = parsed((ROOT / path).read_text(encoding="utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return frozenset(node.name for node in found if node.name.startswith("test_"))


def test_each_row_is_there_once_and_in_order() -> None:
    assert [row for row, *_ in ROWS] == [f"P{number:02}" for number in range(1, 74)]


@pytest.mark.parametrize(("row", "held"), [(row, held) for row, _, _, held in ROWS], ids=[row[0] for row in ROWS])
def test_what_a_row_names_is_there(row: str, held: str) -> None:
    if held.startswith("tests/"):
        path, _, name = held.partition("::")
        assert name in named_in(path), f"{row}: there is no {held}"
        return
    assert held.startswith("operator: "), f"{row} names neither a test nor what the operator does"
    commands = set(COMMANDS)
    for word in re.findall(r"`dnsbl ([a-z-]+)", held):
        assert word in commands, f"{row}: there is no command {word}"
    for section, key in re.findall(r"`([a-z_]+)\.([a-z_]+)`", held):
        assert key in type(getattr(Settings(), section)).model_fields, f"{row}: there is no setting {section}.{key}"
    for page in re.findall(r"\]\(([a-z0-9-]+\.md)\)", held):
        assert (ROOT / "docs" / page).exists(), f"{row}: there is no {page}"
