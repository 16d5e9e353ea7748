"""The terminal. What is printed there is data, never markup: no brackets, no `:words:`, no colours of its own, nothing
that a terminal obeys or that turns the order of letters; in a pipe no line is folded. A table that is wider than the
terminal is shown a line a fact, since no name or address may be cut."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from dnsbl.cli.later import later
from dnsbl.cli.streams import visible

with later():
    from dnsbl.cli import drawing
if TYPE_CHECKING:
    from dnsbl.cli.drawing import DataConsole, Table


def say(sentence: str, *, strong: str = "") -> None:
    """A line, or several, on standard output; what is `strong` comes before it, in bold where that can be seen."""
    if strong and sys.stdout.isatty():
        out().print(drawing.Text.assemble((strong, "bold"), sentence))
    else:
        print(visible(strong + sentence).expandtabs())


def out() -> DataConsole:
    """Standard output, as it is now."""
    return drawing.console(stderr=False)


def err(*, quiet: bool = False) -> DataConsole:
    """Standard error, as it is now; `quiet` says nothing."""
    return drawing.console(stderr=True, quiet=quiet)


def rows(table: Table, *, nothing: str) -> None:
    """A table, or a sentence where it has no row."""
    if table.row_count:
        out().print(table)
    else:
        say(nothing)


def fail(sentence: str) -> NoReturn:
    """End with exit code 1 and this sentence, after standard output has had its document."""
    print(visible(f"dnsbl: {sentence}"), file=sys.stderr)
    raise typer.Exit(1)
