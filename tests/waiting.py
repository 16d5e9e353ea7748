"""The one place where tests wait, and for something: for what comes to be, for a halt, or for ever.

A test that waits for a time is slow on a quiet machine and wrong on a busy one. Where nothing tells that something has
come to be (another thread, another process), it is looked for again and again, for so long at most.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def until(met: Callable[[], Any], within: float = 5.0, pause: float = 0.002) -> Any:
    """What `met` (a function, or one that is awaited) gives as soon as that is true; it is asked again after a pause.

    Both times in seconds. Raises TimeoutError.
    """
    async with asyncio.timeout(within):
        while True:
            found = met()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(pause)


async def halt(count: Callable[[], object], within: float = 5.0) -> None:
    """Until what grows has begun to, and has then stood still for a while."""
    before: object = None
    async with asyncio.timeout(within):
        while not (now := count()) or now != before:
            before = now
            await asyncio.sleep(0.05)


async def never(*_: object, **__: object) -> Any:
    """Nothing comes of it."""
    await asyncio.Event().wait()
