"""What stands before every route, as plain ASGI: headers, same-site posts, pace, body size, and a bland last resort.

Holds no route and no page; how a refusal looks is the business of `faults`. Each guard either passes the request
on or answers it; none reads a body.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dnsbl.addresses import Address, Network, neighbourhood
from dnsbl.clock import Clock
from dnsbl.model import Refusal
from dnsbl.settings import Settings
from dnsbl.web import limits
from dnsbl.web.faults import Fault, Faults

log = logging.getLogger(__name__)

#: On every answer. `same-origin` referrers, because `no-referrer` would turn the Origin of our own forms to "null".
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: Methods that change nothing (RFC 9110 9.2.1).
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guards:
    """All guards, in order, around the routes."""

    def __init__(self, app: ASGIApp, *, settings: Settings, clock: Clock, faults: Faults) -> None:
        self._app = app
        self._clock = clock
        self._faults = faults
        self._trusted = settings.web.trusted_proxies
        self._origin = _origin(settings.web.base_url)
        self._pace = limits.Turnstile(per_hour=settings.web.posts_per_hour)
        self._most = most_bytes(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        who = visitor(scope, headers, self._trusted)
        scope.setdefault("state", {})["visitor"] = who
        fault = self._refuse(scope["method"], headers, who)
        try:
            if fault:
                await self._faults.answer(scope, fault)(scope, receive, send_with_headers)
            else:
                await self._app(scope, _bounded(receive, self._most), send_with_headers)
        except Exception:
            log.exception("%s %s failed", scope["method"], ascii(scope["path"][:200]))
            if begun:
                raise
            await self._faults.answer(scope, Fault(500, "internal", "Something went wrong on our side."))(
                scope, receive, send_with_headers
            )

    def _refuse(self, method: str, headers: Headers, who: Address | None) -> Fault | None:
        """Why this request goes no further, or None."""
        if method in SAFE:
            return None
        if not self._same_site(headers):
            return Fault(403, "cross-site", "This request came from another site; please use the form here.")
        declared = headers.get("content-length", "0")
        if not (declared.isascii() and declared.isdigit()) or int(declared[:20]) > self._most:
            return TOO_LARGE
        wait = self._pace.wait(neighbourhood(who) if who else None, self._clock.monotonic())
        if wait:
            sentence = "Too many requests came from your network; please try again later."
            return Fault(429, Refusal.TOO_MANY, sentence, retry_after=int(wait) + 1)
        return None

    def _same_site(self, headers: Headers) -> bool:
        """Whether a browser that names the page behind this request names one of ours; programs name none."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = headers.get("origin")
        return origin is None or origin == self._origin or urlsplit(origin).netloc == headers.get("host")


TOO_LARGE = Fault(413, Refusal.TOO_LARGE, "This is too large; send the headers and the start of the message.")


def most_bytes(settings: Settings) -> int:
    """Octets of the largest request body: a form may write each octet of the evidence as %XX; the rest is small."""
    return settings.policy.evidence_bytes * 3 + 16384


def visitor(scope: Scope, headers: Headers, trusted: tuple[Network, ...]) -> Address | None:
    """The visitor's address, as far as it can be known."""
    peer = (scope.get("client") or ("",))[0]
    return limits.visitor(peer, ",".join(headers.getlist("x-forwarded-for")), trusted)


def _bounded(receive: Receive, most: int) -> Receive:
    """The same body, ended with 413 as soon as it has grown too large, whatever its headers said."""
    total = 0

    async def bounded() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise HTTPException(TOO_LARGE.status, TOO_LARGE.sentence)
        return message

    return bounded


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
