"""What stands before every route, as plain ASGI: headers, same-site posts, pace, body size, and a bland last resort.

Holds no route and no page; how a refusal looks is the business of `faults`. Each guard either passes the request
on or answers it; none reads a body.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from ipaddress import IPv4Address

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dnsbl.addresses import Address
from dnsbl.clock import Clock
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal
from dnsbl.web import limits
from dnsbl.web.faults import API, Fault, Faults
from dnsbl.web.holders import Holders
from dnsbl.web.origins import Origins
from tester.crowd import Crowd, Place, Tally, widths

_log = logging.getLogger(__name__)

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
#: Where the published table is handed out.
TABLE = "/table/"
#: Where requests are neither counted nor slowed down: what watchers ask for, what each page brings along, and what only
#: named networks get.
FREE = ("/healthz", "/readyz", "/static/", TABLE)
#: Requests that look and change nothing though they have a body; they are paced as those without one.
LOOKING = frozenset({"/", f"{API}/lookups"})
#: Turns that something costs where it is more than one: a thousand addresses, and what goes on for long.
LIST, WATCH = 10, 5
#: Where those who run the list act, who are not counted as strangers are, and how often an hour one network may.
ADMIN, ADMIN_POSTS = "/admin/", 600
#: Who forwards a request may say so in any of these.
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")
#: Requests with a body that are taken in at once; each may be as large as `most_bytes`.
BODIES = 32
#: Stands for those who have no address.
NOBODY = IPv4Address(0)
#: Methods that change nothing (RFC 9110 9.2.1).
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guards:
    """All guards, in order, around the routes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        clock: Clock,
        faults: Faults,
        holders: Holders | None = None,
        tally: Tally | None = None,
    ) -> None:
        """Without `holders` nobody has a key; `tally` counts what is refused."""
        self._app = app
        self._clock = clock
        self._faults = faults
        self._web = settings.web
        self._ours = Origins(settings.web.base_url)
        self._posts = limits.Quota("posts", settings.web.posts_per_hour, 3600)
        self._signed = limits.Quota("admin posts", ADMIN_POSTS, 3600)
        self._gets = limits.Quota("gets", settings.web.gets_per_minute, 60)
        more = settings.web.key_share
        self._posts_keyed = limits.Quota("posts", settings.web.posts_per_hour * more, 3600)
        self._gets_keyed = limits.Quota("gets", settings.web.gets_per_minute * more, 60)
        self._holders = holders
        self._bodies = Crowd(BODIES, widths(per_peer=4, per_network=8, per_region=16))
        self._most = most_bytes(settings)
        self._tally = Tally() if tally is None else tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, place = False, None
        told: dict[str, str] = {}

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                if place is not None:  # its body is read; the answer may go on for long
                    place.leave()
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.update(told)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            headers = Headers(scope=scope)
            who = self._visitor(scope, headers)
            fault = self._refuse(scope["method"], headers)
            if not fault and not scope["path"].startswith(FREE):
                told, fault = await self._paced(scope["method"], scope["path"], who, headers)
            if not fault and scope["method"] not in SAFE:
                place, fault = self._admit(who)
            if fault:
                await self._faults.answer(scope, fault)(scope, receive, send_with_headers)
            else:
                await self._app(scope, _bounded(receive, self._most), send_with_headers)
        except Exception:
            _log.exception("%s %s failed", scope["method"], ascii(scope["path"][:200]))
            if begun:
                raise
            await self._faults.answer(scope, Fault(500, "internal", "Something went wrong on our side."))(
                scope, receive, send_with_headers
            )
        finally:
            if place is not None:
                place.leave()

    def _visitor(self, scope: Scope, headers: Headers) -> Address | None:
        """The visitor's address, as far as it can be known; noted for the routes, with whether it is sure."""
        state = scope.setdefault("state", {})
        peer = (scope.get("client") or ("",))[0]
        standard = self._web.forwarded_header == "Forwarded"
        claims = limits.claims(headers.getlist(self._web.forwarded_header), standard=standard)
        who = state["visitor"] = limits.visitor(peer, claims, self._web.trusted_proxies)
        forwarded = any(name in headers for name in FORWARDED) and not limits.is_trusted(
            peer, self._web.trusted_proxies
        )
        state["sure"] = who is not None and not forwarded and not self._web.unnamed_proxy
        if forwarded and who is not None and not who.is_global:
            self._note(f"requests forwarded by {who}, which web.trusted_proxies does not name")
        return who

    def _note(self, what: str) -> None:
        """Count what happened, and say it in the log once a minute at most."""
        self._tally.note(what)
        if line := self._tally.line(self._clock.monotonic()):
            _log.warning("%s", line)

    def _refuse(self, method: str, headers: Headers) -> Fault | None:
        """Why this request goes no further, whoever sends it, or None."""
        if method in SAFE:
            return None
        if not self._ours.sent(headers):
            return Fault(403, "cross-site", "This request came from another site; please use the form here.")
        declared = headers.get("content-length", "0")
        if not (declared.isascii() and declared.isdigit()) or int(declared[:20]) > self._most:
            return TOO_LARGE
        return None

    async def _paced(
        self, method: str, path: str, who: Address | None, headers: Headers
    ) -> tuple[dict[str, str], Fault | None]:
        """What is told of the limit of whoever asks, his key's or his network's, and why the request has to wait, or
        None."""
        now, looks = self._clock.monotonic(), method in SAFE or path in LOOKING
        name = await self._holders.of(headers, who, now) if self._holders is not None else ""
        if name:
            turn = (self._gets_keyed if looks else self._posts_keyed).turn_of(name, now, cost(method, path))
        else:
            posts = self._signed if path.startswith(ADMIN) else self._posts
            turn = (self._gets if looks else posts).turn(who, now, cost(method, path))
        if not turn.wait:
            return turn.headers, None
        what, whose = "gets" if looks else "posts", "key" if name else "network"
        self._note(f"{what} refused by the limit of a {whose}")
        sentence = f"Too many requests came {'with your key' if name else 'from your network'}; please try again later."
        return turn.headers, Fault(429, Refusal.TOO_MANY, sentence, retry_after=int(turn.wait) + 1)

    def _admit(self, who: Address | None) -> tuple[Place | None, Fault | None]:
        """A place for a request with a body, since bodies are held in memory."""
        place = self._bodies.enter(who or NOBODY, self._clock.monotonic())
        if place is None:
            return None, Fault(503, Refusal.TOO_MANY, "Too many are being taken just now; please try again.", 5)
        place.served()
        return place, None


def cost(method: str, path: str) -> int:
    """How many turns a request costs."""
    if path == f"{API}/lookups":
        return LIST
    return WATCH if method in SAFE and path.startswith(API) and path.endswith("/events") else 1


TOO_LARGE = Fault(413, Refusal.TOO_LARGE, "This is too large; send the headers and the start of the message.")


def most_evidence(settings: Settings) -> int:
    """Octets of the largest evidence that a page reads: of a mailbox, some messages of the length that is kept."""
    return settings.policy.evidence_bytes * 3


def most_bytes(settings: Settings) -> int:
    """Octets of the largest request body: a form may write each octet of a message as %XX, or carry what a page has
    read in base64, four for three; the rest is small."""
    return most_evidence(settings) // 3 * 4 + 16384


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
