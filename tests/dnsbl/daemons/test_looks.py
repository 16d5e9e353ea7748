"""Whoever waits for a look is told what one has seen that began after he asked."""

from __future__ import annotations

import asyncio
import contextlib

from dnsbl.daemons.looks import Looks


async def asked(looks: Looks) -> asyncio.Task[object]:
    """Somebody who waits for the next look."""
    waiting = asyncio.create_task(looks.next())
    await asyncio.sleep(0)
    return waiting


async def test_a_look_that_has_begun_already_tells_whoever_asks_nothing() -> None:
    looks = Looks()
    early = await asked(looks)
    with looks.look() as seen:
        late = await asked(looks)
        seen.append("one")
    assert (await early, looks.mark) == ("one", "one")
    assert not late.done()
    with looks.look() as seen:
        seen.append("two")
    assert (await late, looks.mark) == ("two", "two")


async def test_a_look_that_saw_nothing_says_so_and_the_mark_stays() -> None:
    looks = Looks()
    with looks.look() as seen:
        seen.append("one")
    waiting = await asked(looks)
    with contextlib.suppress(ZeroDivisionError), looks.look():
        raise ZeroDivisionError
    assert (await waiting, looks.mark) == (None, "one")


async def test_who_no_longer_waits_leaves_the_others_waiting() -> None:
    looks = Looks()
    gone, stays = await asked(looks), await asked(looks)
    gone.cancel()
    await asyncio.wait({gone})
    with looks.look() as seen:
        seen.append("one")
    assert await stays == "one"
