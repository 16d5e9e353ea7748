"""Shell: whether anybody may be dialled is looked at again and again, once for all tests of a worker.

Whoever is about to dial may wait for the next look in place of asking by himself: it begins after he has asked, so it
sees whatever stood at that moment. Holds no rule, and asks nobody: the worker looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Looks:
    """Those of one worker. Each has a mark: while it stays the same, nobody has opted out, and no source was found to
    be bad, since."""

    def __init__(self) -> None:
        self.mark: object = None  #: of the last look that has seen anything
        self._next: asyncio.Future[object] | None = None

    async def next(self) -> object:
        """The mark of a look that begins from now on; None where it has seen nothing."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._next)  # who is cancelled leaves the others waiting

    @contextmanager
    def look(self) -> Iterator[list[object]]:
        """One look; whoever has waited for it is told at its end. What it has seen is put into the list."""
        waiting, self._next = self._next, None
        seen: list[object] = []
        try:
            yield seen
        finally:
            if seen:
                self.mark = seen[-1]
            if waiting is not None:
                waiting.set_result(seen[-1] if seen else None)
