"""How many files a process of the benchmark may have open, and how long a benchmark may take."""

import asyncio
import resource
from collections.abc import Awaitable
from typing import TypeVar

Figures = TypeVar("Figures")

WANTED = 24_000


def raise_file_limit(wanted: int = WANTED) -> int:
    """Raise the soft limit as far as the hard one lets us; returns what we have then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft


async def within(seconds: float, measured: Awaitable[Figures]) -> Figures:
    """What is measured, unless it takes too long: raises SystemExit then."""
    try:
        async with asyncio.timeout(seconds):
            return await measured
    except TimeoutError:
        raise SystemExit(f"bench: not done after {seconds:.0f} s; this machine has too much else to do") from None
