"""Answers that go on while something happens: looked at again and again, told when it has changed. Bounded.

So many at once, a few of one network, each for so many seconds; then it ends, and whoever wants more asks again. Holds
no rule and knows nothing of what is looked at: a look gives a document, and says whether it is the last.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from dnsbl.addresses import Address
from dnsbl.clock import Clock
from dnsbl.errors import Refused, StoreUnavailable
from dnsbl.settings import Web
from dnsbl.vocabulary import Refusal
from tester.crowd import Crowd, Place, widths
from tester.records import dataclass

_log = logging.getLogger(__name__)

#: Seconds between two looks, and after which a sign of life goes out when there is no news.
PAUSE, BEAT = 1.0, 15.0
#: Seconds after which a browser asks again when an event stream has ended.
AGAIN = 5
#: Answers of this kind at once from one address (of IPv6 one /64), and from one /24 or /48.
PER_PEER, PER_NETWORK = 2, 6


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What one look has shown."""

    document: dict[str, Any]
    over: bool = False  #: nothing will change any more


class Events:
    """The places for such answers. `sleep` waits between two looks."""

    def __init__(self, web: Web, clock: Clock, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._seconds = web.watch_seconds
        self._clock = clock
        self._sleep = sleep
        near = widths(per_peer=PER_PEER, per_network=PER_NETWORK, per_region=max(web.watchers // 2, 1))
        self._crowd = Crowd(web.watchers, near)

    def __len__(self) -> int:
        return len(self._crowd)

    def enter(self, who: Address | None) -> Place:
        """A place for this visitor. Raises Refused."""
        place = self._crowd.enter(who or IPv4Address(0), self._clock.monotonic())
        if place is None:
            raise Refused(
                Refusal.TOO_MANY, "Too many are watching tests just now; try again in a minute.", retry_after=60
            )
        place.served()
        return place

    async def follow(self, look: Callable[[], News]) -> AsyncIterator[News | None]:
        """What each look shows that is new, and None as a sign of life when there has been nothing for a while. Looks
        in a thread; while the store does not answer there is no news."""
        last: News | None = None
        begun = spoken = self._clock.monotonic()
        while True:
            now, news = self._clock.monotonic(), last
            try:
                news = await asyncio.to_thread(look)
            except StoreUnavailable as error:
                _log.warning("no news for who watches: %s", error)
            if news is not None and news != last:
                yield news
                last, spoken = news, now
            elif now - spoken >= BEAT:
                yield None
                spoken = now
            if (last is not None and last.over) or now - begun >= self._seconds:
                return
            await self._sleep(PAUSE)


async def server_sent(news: AsyncIterator[News | None]) -> AsyncIterator[str]:
    """As server-sent events (HTML 9.2.6): `progress` for each change and `result` for the last one, each with its
    document as JSON on one line; a remark as sign of life."""
    yield f"retry: {AGAIN * 1000}\n\n"
    number = 0
    async for one in news:
        if one is None:
            yield ": still here\n\n"
            continue
        number += 1
        kind = "result" if one.over else "progress"
        yield f"id: {number}\nevent: {kind}\ndata: {json.dumps(one.document)}\n\n"


class EventStream(Response):
    """What the interface's description calls such an answer."""

    media_type = "text/event-stream"


class Stream(StreamingResponse):
    """An answer that goes on, and gives its place up when it ends, however it ends."""

    def __init__(self, content: AsyncIterator[str], place: Place, *, media_type: str) -> None:
        # X-Accel-Buffering: nginx would keep it back until it is over.
        super().__init__(content, 200, {"X-Accel-Buffering": "no"}, media_type=media_type)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope.get("state", {}).get("head"):  # for whom it would go on for nothing
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await send({"type": "http.response.body", "body": b""})
            else:
                await super().__call__(scope, receive, send)
        finally:
            self._place.leave()
