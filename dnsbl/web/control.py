"""The pages on which somebody shows that an address is his, for when no test can speak. Holds no rule.

DNS is asked by a function that is given (`Texts`), since nothing here asks it about a stranger by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dnsbl.addresses import Address
from dnsbl.casework.doors import Doors
from dnsbl.casework.ownership import Ownership
from dnsbl.errors import Refused
from dnsbl.rules import asking
from dnsbl.vocabulary import Door, Refusal
from dnsbl.web.faults import refusal
from dnsbl.web.pages import controls, requester
from dnsbl.web.render import Pages
from dnsbl.web.shapes import Origins, Text

#: The TXT records of a name; none where nothing answers.
Texts = Callable[[str], list[str]]


def no_texts(name: str) -> list[str]:
    """Of a process that asks nobody."""
    return []


class ControlDoor:
    """The routes."""

    def __init__(
        self, ownership: Ownership, doors: Doors, origins: Origins, texts: Texts, pages: Pages, site: str
    ) -> None:
        self._ownership = ownership
        self._doors = doors
        self._origins = origins
        self._texts = texts
        self._site = site
        self._render = pages.render
        self.router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        self.router.add_api_route("/control", self.form, methods=["GET", "HEAD"])
        self.router.post("/control")(self.show)

    def form(self, request: Request, address: str = "") -> Response:
        """The ways in which it can be shown. Raises Refused."""
        return self._page(request, asking.one(address, self._origins(), self._site))

    def show(
        self,
        request: Request,
        address: Annotated[Text, Form()] = "",
        way: Annotated[Text, Form()] = "",
        code: Annotated[Text, Form()] = "",
    ) -> Response:
        """Look at what is shown; then the address is tested, and its page tells how that goes."""
        asked = asking.one(address, self._origins(), self._site)
        who, told = requester(request.state.visitor), ""
        try:
            if way == "mail":
                self._ownership.mail_code(asked, door=Door.WEB, actor=who)
                told = "The code is on its way, if the address has a name that leads back to it and takes mail."
            else:
                self._shown(request, asked, way, code, who)
        except Refused as error:
            return self._page(request, asked, error=error)
        return self._page(request, asked, told=told) if told else RedirectResponse(f"/ip/{asked}", 303)

    def _shown(self, request: Request, asked: Address, way: str, code: str, who: str) -> None:
        """File what is shown, and have the address tested. Raises Refused."""
        shown = way != "here"
        if not shown:
            if not controls(request, asked):
                raise Refused(Refusal.NOT_SHOWN, f"You do not come from {asked}.")
            how = "who asked came from the address"
        elif way == "code":
            self._ownership.shown_by_code(asked, code)
            how = "by the code that was mailed to its postmaster"
        else:
            name = self._ownership.record(asked, who=who)[0]
            self._ownership.shown_by_record(asked, self._texts(name), who=who)
            how = "by a TXT record in its reverse zone"
        self._ownership.show(asked, how=how, door=Door.WEB, actor=who)
        self._doors.ask_removal(asked, door=Door.WEB, actor=who, control=True, shown=shown)

    def _page(self, request: Request, asked: Address, *, error: Refused | None = None, told: str = "") -> Response:
        name, content = self._ownership.record(asked, who=requester(request.state.visitor))
        more: dict[str, Any] = {"mistake": str(error) if error else "", "told": told}
        fault = refusal(error) if error else None
        return self._render(
            "control.html",
            status=fault.status if fault else 200,
            headers=fault.headers if fault else None,
            address=asked,
            record=name,
            content=content,
            yours=controls(request, asked),
            **more,
        )
