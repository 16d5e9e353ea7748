"""The terminal. What is printed there is data, never markup: no brackets, no `:words:`, no colours of its own, nothing
that a terminal obeys or that turns the order of letters; in a pipe no line is folded. A table that is wider than the
terminal is shown a line a fact, since no name or address may be cut."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table as Table

#: Columns of what is no terminal: a table in a pipe is as wide as what it holds.
PIPE = 4096


class DataConsole(Console):
    """A console for data, whoever wrote it."""

    def print(self, *objects: Any, **more: Any) -> None:
        """As rich does; of a table that does not fit, each row as lines of `name: value`."""
        if len(objects) == 1 and isinstance(objects[0], Table) and self._cuts(objects[0]):
            for line in _facts(objects[0]):
                super().print(line)
            return
        super().print(*objects, **more)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does, but for what no eye sees."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def _cuts(self, table: Table) -> bool:
        return self.measure(table, options=self.options.update(max_width=PIPE)).maximum > self.width


def visible(text: str) -> str:
    """What may be shown as it is; control characters, those that change direction and half ones as question marks."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)


def _facts(table: Table) -> Iterable[str]:
    """Each row as lines, with a blank one behind it."""
    if table.title:
        yield str(table.title)
    names = [str(column.header) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        yield from (f"{name}: {value}" for name, value in zip(names, row, strict=True) if str(value))
        yield ""


def out() -> DataConsole:
    """Standard output, as it is now."""
    return _console(stderr=False)


def err(*, quiet: bool = False) -> DataConsole:
    """Standard error, as it is now; `quiet` says nothing."""
    return _console(stderr=True, quiet=quiet)


def rows(table: Table, *, nothing: str) -> None:
    """A table, or a sentence where it has no row."""
    out().print(table if table.row_count else nothing)


def fail(sentence: str) -> NoReturn:
    """End with exit code 1 and this sentence, after standard output has had its document."""
    err().print(f"dnsbl: {sentence}")
    raise typer.Exit(1)


def _console(*, stderr: bool, quiet: bool = False) -> DataConsole:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return DataConsole(
        stderr=stderr,
        quiet=quiet,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
        width=None if terminal else PIPE,
    )
