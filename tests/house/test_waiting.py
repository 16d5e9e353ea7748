"""Tests wait for something and never for a time: in one place, and where a slow stranger is what is tested."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.statements import parsed

ROOT = Path(__file__).resolve().parents[2]

#: Who may call sleep(), and why.
MAY = {
    "tests/waiting.py": "looks again and again for what nothing tells",
    "tests/tester/hostile.py": "plays servers whose slowness is what is tested",
    "tests/strangers/": "awaits real programs that tell nobody when they are ready",
    "tests/trials/": "awaits whole lists in processes of their own",
    "tests/mutants/run.py": "awaits the processes that it starts; no test",
}


def within(path: Path, places: tuple[str, ...]) -> bool:
    return str(path.relative_to(ROOT)).startswith(places)


def slept(path: Path) -> list[int]:
    """The lines that wait for a time; sleep(0) only lets others have their turn."""
    text = path.read_bytes()
    return [
        node.lineno
        for node in (ast.walk(parsed(text)) if b"sleep" in text else ())
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] == "sleep"
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]


def test_nobody_sleeps_but_who_must() -> None:
    others = [path for path in sorted((ROOT / "tests").rglob("*.py")) if not within(path, tuple(MAY))]
    waits = [f"{path.relative_to(ROOT)}:{line}" for path in others for line in slept(path)]
    assert waits == [], "they wait for a time: see tests/waiting.py"


def test_who_may_sleep_exists_and_does() -> None:
    for place in MAY:
        files = (ROOT / place).rglob("*.py") if place.endswith("/") else [ROOT / place]
        assert any(slept(path) for path in files), f"{place} need not be in the list any more"
