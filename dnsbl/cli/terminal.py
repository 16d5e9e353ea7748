"""The terminal. What is printed there is data, never markup: no brackets, no `:words:`, no colours of its own, and in a
pipe no line is folded."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.table import Table as Table  # what `rows` takes

#: Columns of what is no terminal: a table in a pipe is as wide as what it holds.
PIPE = 4096


def out() -> Console:
    """Standard output, as it is now."""
    return _console(stderr=False)


def err(*, quiet: bool = False) -> Console:
    """Standard error, as it is now; `quiet` says nothing."""
    return _console(stderr=True, quiet=quiet)


def rows(table: Table, *, nothing: str) -> None:
    """A table, or a sentence where it has no row."""
    out().print(table if table.row_count else nothing)


def fail(sentence: str) -> NoReturn:
    """End with exit code 1 and this sentence, after standard output has had its document."""
    err().print(f"dnsbl: {sentence}")
    raise typer.Exit(1)


def _console(*, stderr: bool, quiet: bool = False) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        quiet=quiet,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
        width=None if terminal else PIPE,
    )
