"""Python that is read and not run, a thousand modules of it: what is no statement, most of it, is passed over."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from pathlib import Path


def parsed(source: str | bytes) -> ast.Module:
    """A program's statements. Nobody else's leavings are swept meanwhile: one that says how it ended has a traceback
    written, for which CPython 3.11 parses too, and two at once are a SystemError to it."""
    swept = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if swept:
            gc.enable()


def statements(of: Path | ast.AST) -> Iterator[ast.AST]:
    """All statements of a module, however deep, with handlers and cases: definitions and imports are among them."""
    parent = parsed(of.read_bytes()) if isinstance(of, Path) else of
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        for node in getattr(parent, field, ()):
            yield node
            yield from statements(node)


def contract(text: str) -> str:
    """The words with which a module opens; none where it opens with something else."""
    return text[3:].partition('"""')[0].strip() if text.startswith('"""') else ""
