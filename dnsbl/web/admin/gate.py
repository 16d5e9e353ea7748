"""Who comes in on the operators' side, and who may do what there: sign-in, sign-out, and what stands before each route.

A route belongs to one of the routers here and has its router's conditions, so that none can be added without: `seeing`
wants somebody who is signed in, `own`, `acting` and `owning` a form of his own besides, and the role. Outside the
networks of the settings, and while nobody has an account, nothing is here at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.cookies import SimpleCookie
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dnsbl.casework.credentials import HASHING, WAITING
from dnsbl.casework.entrance import Visitor
from dnsbl.errors import Refused
from dnsbl.rules import entrance
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal, Role
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.faults import Fault, Faults, refusal
from dnsbl.web.render import Pages
from dnsbl.web.shapes import Text

#: Where it all is.
ADMIN = "/admin"
_AWAY = Fault(404, "not-found", "There is no such page here.")
_PLAIN = Fault(
    403,
    "not-for-you",
    "Nobody signs in here over the open net in clear text: put a TLS proxy in front and begin web.base_url with https.",
)


class _Turned(Exception):
    """A request goes no further; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


class _Unknown(Exception):
    """Nobody is signed in; `to` is where he wanted to go."""

    def __init__(self, to: str) -> None:
        self.to = to


class Gate:
    """Routers with their conditions. `now` is what its pages call whoever is signed in."""

    def __init__(self, desk: OperatorDesk, settings: Settings, pages: Pages, faults: Faults) -> None:
        self._desk = desk
        self._settings = settings
        self._render = pages.render
        self._faults = faults
        self._secure = settings.web.base_url.startswith("https://")
        self.cookie = "__Host-dnsbl-admin" if self._secure else "dnsbl-admin"
        self._hashing = ThreadPoolExecutor(HASHING, thread_name_prefix="sign-in")
        self._inside = 0  # sign-ins that are being looked at, or wait for that
        router = partial(APIRouter, prefix=ADMIN, include_in_schema=False, default_response_class=HTMLResponse)
        here, known = Depends(self._reached), Depends(self._known)
        self.open = router(dependencies=[here])
        self.seeing = router(dependencies=[here, known])
        self.own = router(dependencies=[here, known, Depends(self._form)])
        self.acting = router(dependencies=[here, known, Depends(self._form), Depends(_needs(Role.OPERATOR))])
        self.owning = router(dependencies=[here, known, Depends(self._form), Depends(_needs(Role.OWNER))])
        self.overseeing = router(dependencies=[here, known, Depends(_needs(Role.OWNER))])
        self.open.add_api_route("/sign-in", self.form, methods=["GET", "HEAD"])
        self.open.post("/sign-in")(self.sign_in)
        self.own.post("/sign-out")(self.sign_out)

    def into(self, app: FastAPI) -> None:
        """Put all routers, and the answers to who does not get in, into the application."""
        for router in (self.open, self.seeing, self.own, self.acting, self.owning, self.overseeing):
            app.include_router(router)

        async def turned(request: Request, error: Exception) -> Response:
            assert isinstance(error, _Turned)
            return self._faults.answer(request.scope, error.fault)

        async def unknown(request: Request, error: Exception) -> Response:
            assert isinstance(error, _Unknown)
            return RedirectResponse(f"{ADMIN}/sign-in" + (f"?to={quote(error.to)}" if error.to else ""), 303)

        app.add_exception_handler(_Turned, turned)
        app.add_exception_handler(_Unknown, unknown)

    def _reached(self, request: Request) -> None:
        """Only for whom the settings name; and a password never goes over the open net in clear text."""
        terms, visitor = self._settings.admin, request.state.visitor
        if not terms.on or not self._desk.accounts.any():
            raise _Turned(_AWAY)
        if visitor is None or not any(visitor in network for network in terms.networks):
            raise _Turned(_AWAY)
        if not request.state.sure:
            sentence = (
                self._settings.web.unnamed_proxy or "A proxy that web.trusted_proxies does not name has sent this."
            )
            raise _Turned(Fault(403, "not-for-you", f"{sentence}."))
        if not self._secure and not visitor.is_loopback:
            raise _Turned(_PLAIN)

    def _known(self, request: Request) -> None:
        """Only for who is signed in."""
        visitor = self._desk.entrance.who(self._secret(request))
        if visitor is None:
            raise _Unknown(request.url.path if request.method in ("GET", "HEAD") else "")
        request.state.me = visitor

    def _form(self, request: Request, form: Annotated[Text, Form()] = "") -> None:
        """Only by a form of this very sign-in, whatever else a browser says of where it comes from."""
        if not entrance.same(form, me(request).form):
            raise _Turned(Fault(403, "cross-site", "This form is of another sign-in; please load the page again."))

    def _secret(self, request: Request) -> str:
        """What the browser has kept; of two cookies of one name neither."""
        sent = [one for line in request.headers.getlist("cookie") for one in line[:4096].split(";")]
        found = [value for name, _, value in (one.strip().partition("=") for one in sent) if name == self.cookie]
        return found[0] if len(found) == 1 else ""

    def form(self, request: Request, to: str = "") -> Response:
        """Where somebody signs in."""
        if self._desk.entrance.who(self._secret(request)) is not None:
            return RedirectResponse(_inside(to), 303)
        return self._page(to=_inside(to))

    async def sign_in(
        self,
        request: Request,
        name: Annotated[Text, Form()] = "",
        password: Annotated[Text, Form()] = "",
        code: Annotated[Text, Form()] = "",
        to: Annotated[Text, Form()] = "",
    ) -> Response:
        """Somebody signs in. Strangers have a line of their own before that of all who have a password hashed, so that
        they stand in nobody else's way."""
        if self._inside >= HASHING + WAITING:
            busy = Fault(503, Refusal.TOO_MANY, "Too many sign in just now; please try again.", 5)
            return self._faults.answer(request.scope, busy)
        peer = request.state.visitor
        enter = partial(self._desk.entrance.sign_in, name[:80], password[:1000], code[:80], peer=peer)
        self._inside += 1
        try:
            secret = await asyncio.get_running_loop().run_in_executor(self._hashing, enter)
        except Refused as error:
            page = partial(self._page, to=_inside(to), typed=name[:80])
            heard = error.retry_after is None
            return told(error, lambda *, mistake, status: page(mistake=mistake, status=403 if heard else status))
        finally:
            self._inside -= 1
        answer = RedirectResponse(_inside(to), 303)
        self._keep(answer, secret)
        return answer

    def sign_out(self, request: Request) -> Response:
        """He goes."""
        self._desk.entrance.sign_out(me(request))
        return self.gone()

    def gone(self) -> Response:
        """Whoever has signed out sees where he signs in, and his browser forgets."""
        answer = RedirectResponse(f"{ADMIN}/sign-in", 303)
        self._keep(answer, "")
        return answer

    def _keep(self, answer: Response, secret: str) -> None:
        """Have the browser keep this secret until it ends, or forget it."""
        jar: SimpleCookie = SimpleCookie()
        jar[self.cookie] = secret
        kept = jar[self.cookie]
        kept["path"], kept["httponly"], kept["samesite"] = "/", True, "Strict"
        if self._secure:
            kept["secure"] = True
        if not secret:
            kept["max-age"] = "0"
        answer.headers.append("Set-Cookie", kept.OutputString())

    def _page(self, *, to: str, typed: str = "", mistake: str = "", status: int = 200) -> Response:
        return self._render("admin/sign-in.html", status=status, me=None, to=to, typed=typed, mistake=mistake)


def me(request: Request) -> Visitor:
    """Whoever is signed in and asks."""
    visitor: Visitor = request.state.me
    return visitor


def _needs(needed: Role) -> Callable[[Request], None]:
    """Only for who may what this role may. (A closure, since an argument would be read from the request.)"""

    def may(request: Request) -> None:
        if not entrance.may(me(request).role, needed):
            sentence = f"This is for whoever has the role {needed}; yours is {me(request).role}."
            raise _Turned(Fault(403, "not-for-you", sentence))

    return may


def _inside(to: str) -> str:
    """Where somebody wanted to go, if that is a page of the operators' side."""
    try:
        parts = urlsplit(to[:300])
    except ValueError:  # [ without ], or what normalises to a separator
        return ADMIN
    inside = not parts.scheme and not parts.netloc and (parts.path == ADMIN or parts.path.startswith(f"{ADMIN}/"))
    plain = to.isascii() and to.isprintable() and "\\" not in to and "/sign-" not in to
    return to if inside and plain and len(to) < 300 else ADMIN


Act = Callable[[], Any]


def attempt(act: Act, back: str, again: Callable[..., Response]) -> Response:
    """Do it, and lead to `back`; where it is refused, show the page `again` with the sentence and its status."""
    try:
        act()
    except Refused as error:
        return told(error, again)
    return RedirectResponse(back, 303)


def told(error: Refused, again: Callable[..., Response]) -> Response:
    """The page `again` with why something was refused, its status, and how long one waits."""
    fault = refusal(error)
    answer = again(mistake=fault.sentence, status=fault.status)
    answer.headers.update(fault.headers)
    return answer
