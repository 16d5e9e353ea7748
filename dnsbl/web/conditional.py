"""Answers that somebody has already are not sent again, and HEAD is whatever GET is: for programs, as plain ASGI.

Below the paths of `within`, an answer that may be kept (its Cache-Control says more than no-store) and comes in one
piece gets a strong ETag made from its octets, and 304 where the request names it (RFC 9110 8.8.3, 13.1.2). HEAD is
answered by the route of GET, without its body (RFC 9110 9.3.2); an answer that goes on, such as an event stream, sees
`state.head` and ends at once. Nothing is compressed: an answer to a request whose sender can choose a part of it would
tell by its size what else is in it (BREACH), and the files for everybody are small, or compressed by a proxy.
"""

from __future__ import annotations

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Headers of a whole answer that 304 does not repeat (RFC 9110 15.4.5).
_WHOLE = ("content-length", "content-type")


def holds(tags: str | None, etag: str) -> bool:
    """Whether If-None-Match names this very answer; compared weakly (RFC 9110 13.1.2)."""
    if tags is None:
        return False
    return tags.strip() == "*" or etag.removeprefix("W/") in (one.strip().removeprefix("W/") for one in tags.split(","))


class Conditional:
    """Around the routes."""

    def __init__(self, app: ASGIApp, *, within: tuple[str, ...]) -> None:
        self._app = app
        self._within = within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"].startswith(self._within)
        if not ours or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        if head:
            scope = {**scope, "method": "GET", "state": {**scope.get("state", {}), "head": True}}
        answer = _Answer(send, Headers(scope=scope).get("if-none-match"), head=head)
        await self._app(scope, receive, answer.send)


class _Answer:
    """One answer on its way out."""

    def __init__(self, send: Send, tags: str | None, *, head: bool) -> None:
        self._send = send
        self._tags = tags
        self._head = head
        self._begin: Message | None = None  # held back until its body is known
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """As a server's `send`."""
        if message["type"] == "http.response.start":
            if _may_be_kept(message):
                self._begin = message
            else:
                await self._send(message)
            return
        more = message.get("more_body", False)
        if self._begin is None:
            if not self._head:
                await self._send(message)
            elif not more:
                await self._send({"type": "http.response.body", "body": b""})
            return
        self._body += message.get("body", b"")
        if not more:
            await self._whole(self._begin)

    async def _whole(self, begin: Message) -> None:
        headers = MutableHeaders(raw=list(begin["headers"]))
        etag = f'"{hashlib.sha256(self._body).hexdigest()[:32]}"'
        headers["ETag"] = etag
        known = holds(self._tags, etag)
        if known:
            for name in _WHOLE:
                del headers[name]
        await self._send({**begin, "status": 304 if known else 200, "headers": headers.raw})
        body = b"" if known or self._head else bytes(self._body)
        await self._send({"type": "http.response.body", "body": body})


def _may_be_kept(begin: Message) -> bool:
    """Whether an answer is whole (its length is known) and somebody may keep it."""
    headers = Headers(raw=begin["headers"])
    keep = headers.get("cache-control", "no-store")
    return begin["status"] == 200 and "no-store" not in keep and "content-length" in headers and "etag" not in headers
