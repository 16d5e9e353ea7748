"""What rich draws: tables, styles, screens that change. To read it costs a fifth of a start, so whoever may draw
something imports this module `with later()`, and a sentence (`terminal.say`) needs none of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live as Live
from rich.segment import Segment
from rich.table import Table as Table
from rich.text import Text as Text

from dnsbl.cli.streams import visible

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


def _facts(table: Table) -> Iterable[str]:
    """Each row as lines, with a blank one behind it."""
    if table.title:
        yield str(table.title)
    names = [str(column.header) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        yield from (f"{name}: {value}" for name, value in zip(names, row, strict=True) if str(value))
        yield ""


def console(*, stderr: bool, quiet: bool = False) -> DataConsole:
    """Standard output or error, as it is now."""
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
