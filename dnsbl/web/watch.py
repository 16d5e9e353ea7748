"""Watches, for people and for programs: ask what must be shown, show it, read, end. Holds no rule.

A watch's token shows that somebody may read and end it; its pages are on no other page. DNS is asked by a function that
is given (`Texts`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from dnsbl.casework.watching import Watching
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.model import Listing, Watch
from dnsbl.rules import watching as rules
from dnsbl.settings import Settings
from dnsbl.vocabulary import Door, Refusal, WatchWay
from dnsbl.web.control import Texts
from dnsbl.web.faults import API, problems, refusal
from dnsbl.web.pages import requester
from dnsbl.web.render import Pages
from dnsbl.web.shapes import Text

_FEED = "application/atom+xml; charset=utf-8"


class WatchRequest(BaseModel):
    """A network that somebody wants to watch."""

    model_config = ConfigDict(extra="forbid")

    network: Text = Field(max_length=100)
    way: WatchWay = Field(WatchWay.FEED, description="mail, webhook or feed.")
    target: Text = Field("", description="A mail address, or a program's; empty for a feed.", max_length=500)
    code: Text = Field("", description="The code that was mailed to whom the registry names.", max_length=40)


class WatchedShape(BaseModel):
    """One listing in the network."""

    network: str
    kind: str
    since: datetime
    page: str


class WatchShape(BaseModel):
    """A watch, or what must be shown so that it begins."""

    network: str
    way: WatchWay
    target: str
    watching: bool = Field(description="Whether it has begun; if not, publish the record and ask again.")
    record: str | None = Field(None, description="The name of the TXT record that shows the network to be yours.")
    content: str | None = Field(None, description="What it must say.")
    token: str | None = Field(None, description="In its links: keep it to yourself; told once, when it begins.")
    secret: str | None = Field(None, description="What messages to your program are signed with; shown once.")
    feed: str | None = Field(None, description="Its feed (Atom).")
    listings: list[WatchedShape] = Field([], description="What is listed in the network.")


class WatchDoor:
    """The routes: `pages` for people, `api` for programs."""

    def __init__(self, watching: Watching, settings: Settings, clock: Clock, texts: Texts, pages: Pages) -> None:
        self._watching = watching
        self._settings = settings
        self._clock = clock
        self._texts = texts
        self._render = pages.render
        self.pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        self.pages.add_api_route("/watch", self.form, methods=["GET", "HEAD"])
        self.pages.post("/watch")(self.ask)
        self.pages.add_api_route("/watch/{token}.atom", self.feed, methods=["GET", "HEAD"])
        self.pages.add_api_route("/watch/{token}", self.page, methods=["GET", "HEAD"])
        self.pages.post("/watch/{token}")(self.end)
        self.api = APIRouter(prefix=f"{API}/watches")
        said = problems(
            s400="The network or target is malformed.",
            s404="There is no such watch.",
            s409="There is this very watch already; whoever began it has its token.",
            s422="Understood and refused, or not of the documented form; `reason` says which.",
            s429="Too many.",
        )
        self.api.post("", response_model=WatchShape, responses=said)(self.ask_api)
        self.api.get("/{token}", response_model=WatchShape, responses=said)(self.see_api)
        self.api.delete("/{token}", status_code=204, responses=said)(self.end_api)

    def form(self) -> Response:
        """What somebody may ask for."""
        return self._page()

    def ask(
        self,
        request: Request,
        network: Annotated[Text, Form()] = "",
        way: Annotated[Text, Form()] = "feed",
        target: Annotated[Text, Form()] = "",
        code: Annotated[Text, Form()] = "",
        step: Annotated[Text, Form()] = "",
    ) -> Response:
        """What must be shown; with `step` it is looked at, or a code is mailed."""
        typed = {"network": network[:100], "way": way[:20], "target": target[:500]}
        offer, who, told = None, requester(request.state.visitor), ""
        try:
            offer = self._watching.offer(network, way, target, who=who)
            if step == "mail":
                self._watching.mail_code(offer, actor=f"web {who}")
                told = "The code is on its way, if the registry names somebody for abuse."
            elif step == "show":
                texts = self._texts(offer.name) if not code.strip() else []
                begun = self._watching.begin(offer, texts=texts, code=code, door=Door.WEB, actor=who)
                return self._watched(begun, secret=True)
        except Refused as error:
            fault = refusal(error)
            return self._page(
                status=fault.status, headers=fault.headers, typed=typed, offer=offer, mistake=fault.sentence
            )
        return self._page(typed=typed, offer=offer, told=told)

    def page(self, token: str) -> Response:
        """A watch. Opening it changes nothing."""
        return self._watched(self._watching.see(token[:64])[0])

    def end(self, request: Request, token: str) -> Response:
        """One click, on the page or in a mail program (RFC 8058)."""
        ended = self._watching.end(token[:64], actor=f"web {requester(request.state.visitor)}")
        return self._render("watching.html", watch=ended, listings=[], over=True, secret="", base="")

    def feed(self, token: str) -> Response:
        """What is listed in its network, as a feed."""
        found, listings = self._watching.see(token[:64])
        text = rules.atom(found, listings, self._settings, self._clock.now())
        return Response(text, media_type=_FEED, headers={"Cache-Control": "private, max-age=300"})

    def ask_api(self, request: Request, response: Response, wish: WatchRequest) -> WatchShape:
        """Begin a watch: 202 with the record to publish until that is there, then 201, once. The record holds for who
        asks from the same network (/24 or /48) alone."""
        who = requester(request.state.visitor)
        offer = self._watching.offer(wish.network, wish.way, wish.target, who=who)
        shape = WatchShape(network=str(offer.network), way=offer.way, target=offer.target, watching=False)
        texts = [] if wish.code.strip() else self._texts(offer.name)
        try:
            begun = self._watching.begin(offer, texts=texts, code=wish.code, door=Door.API, actor=who)
        except Refused as refused:
            if refused.reason != Refusal.NOT_SHOWN or wish.code.strip():
                raise
            response.status_code = 202
            return shape.model_copy(update={"record": offer.name, "content": offer.content})
        response.status_code = 201
        return self._shape(begun, secret=True)

    def see_api(self, token: str) -> WatchShape:
        """A watch, and what is listed in its network."""
        found, listings = self._watching.see(token[:64])
        return self._shape(found, listings)

    def end_api(self, request: Request, token: str) -> None:
        """End it."""
        self._watching.end(token[:64], actor=f"api {requester(request.state.visitor)}")

    def _shape(self, found: Watch, listings: list[Listing] | None = None, *, secret: bool = False) -> WatchShape:
        site = self._settings.web.base_url
        return WatchShape(
            network=str(found.network),
            way=found.way,
            target=found.target,
            watching=True,
            token=found.token,
            secret=found.secret if secret and found.way is WatchWay.WEBHOOK else None,
            feed=f"{site}/watch/{found.token}.atom",
            listings=[
                WatchedShape(
                    network=str(one.network),
                    kind=one.kind,
                    since=one.since,
                    page=f"{site}/ip/{one.network.network_address}",
                )
                for one in listings or []
            ],
        )

    def _watched(self, found: Watch, *, secret: bool = False) -> Response:
        listings = self._watching.see(found.token)[1]
        shown = found.secret if secret and found.way is WatchWay.WEBHOOK else ""
        site = self._settings.web.base_url
        return self._render("watching.html", watch=found, listings=listings, over=False, secret=shown, base=site)

    def _page(self, *, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> Response:
        given = {"typed": {"network": "", "way": "feed", "target": ""}, "offer": None, "mistake": "", "told": ""}
        return self._render("watch.html", status=status, headers=headers, **given | more)
