"""Python that is read and not run, a thousand modules of it: what is no statement, most of it, is passed over."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def statements(of: Path | ast.AST) -> Iterator[ast.AST]:
    """All statements of a module, however deep, with handlers and cases: definitions and imports are among them."""
    parent = ast.parse(of.read_bytes()) if isinstance(of, Path) else of
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        for node in getattr(parent, field, ()):
            yield node
            yield from statements(node)


def contract(text: str) -> str:
    """The words with which a module opens; none where it opens with something else."""
    return text[3:].partition('"""')[0].strip() if text.startswith('"""') else ""
