"""Reporting spam in three steps: the message, the server, sent. Works without JavaScript.

Keeps nothing between the steps: the form carries the evidence itself, bounded, as the octets that came, and each step
reads them anew. A mistake loses nothing of it. Holds no rule: `intake` reads and chooses, `trail` words what it read,
one verb files. Nominators learn "queued", "recently tested" or "listed" and nothing that the server said.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dnsbl.addresses import Address
from dnsbl.casework.doors import Doors
from dnsbl.casework.standstill import Standstill
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.logbook import events
from dnsbl.rules import intake
from dnsbl.rules.causes import hint_of
from dnsbl.rules.intake import Intake, Taken
from dnsbl.rules.trail import gist, trail
from dnsbl.settings import Settings
from dnsbl.vocabulary import Door, Refusal
from dnsbl.web.faults import refusal
from dnsbl.web.guards import TOO_LARGE, most_evidence
from dnsbl.web.pages import requester
from dnsbl.web.render import Pages
from dnsbl.web.shapes import Text
from tester.records import dataclass

_log = logging.getLogger("dnsbl.journal")

#: What was refused for the address that was typed, and not for the message.
_TYPED = frozenset({Refusal.MALFORMED_ADDRESS, Refusal.OWN_ADDRESS, Refusal.SPECIAL_PURPOSE, Refusal.NOT_IN_EVIDENCE})
#: Why nothing is queued, though nothing is wrong.
_KNOWN = frozenset({Refusal.RESTING, Refusal.ALREADY_LISTED})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Form:
    """What came with a step."""

    address: str
    shown: bytes  #: the evidence
    pick: int | None
    mine: str
    mail: str

    @property
    def text(self) -> str:
        """The evidence as a form shows it again; what is no text comes out empty, and must be chosen once more."""
        return "" if b"\0" in self.shown else self.shown.decode("utf-8", "replace")

    @property
    def typed(self) -> dict[str, str]:
        return {"address": self.address, "mine": self.mine, "mail": self.mail}


class NominationDoor:
    """The routes."""

    def __init__(
        self,
        doors: Doors,
        settings: Settings,
        clock: Clock,
        pages: Pages,
        *,
        held: Callable[[], Standstill | None],
    ) -> None:
        """`held` says why nobody is tested now."""
        self._doors = doors
        self._settings = settings
        self._clock = clock
        self._render = pages.render
        self._held = held
        self.router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        self.router.add_api_route("/nominate", self.form, methods=["GET", "HEAD"])
        self.router.post("/nominate")(self.step)

    def form(self, address: str = "") -> Response:
        """The first step."""
        return self._first(_Form(address=address[:200], shown=b"", pick=None, mine="", mail=""))

    def step(
        self,
        request: Request,
        address: Annotated[Text, Form()] = "",
        evidence: Annotated[Text, Form()] = "",
        held: Annotated[Text, Form()] = "",
        pick: Annotated[Text, Form()] = "",
        mine: Annotated[Text, Form()] = "",
        mail: Annotated[Text, Form()] = "",
        send: Annotated[Text, Form()] = "",
        back: Annotated[Text, Form()] = "",
        file: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        """Read the message and ask which server is meant; with `send`, file it; with `back`, show the message again."""
        most = most_evidence(self._settings)
        saved = file.file.read(most + 1) if file is not None else b""
        form = _Form(
            address=address[:200],
            shown=saved or _octets(held) or evidence.encode("utf-8", "replace"),
            pick=int(pick) if pick.isascii() and pick.isdigit() and len(pick) < 5 else None,
            mine=mine[:254],
            mail=mail[:254],
        )
        if back:
            return self._first(form)
        try:
            if len(form.shown) > most:
                raise Refused(Refusal.TOO_LARGE, TOO_LARGE.sentence)
            cases, total = intake.nominations(
                form.address,
                door=Door.WEB,
                nominator=requester(request.state.visitor),
                reason="",
                evidence=form.shown if form.shown.strip() else None,
                settings=self._settings,
                now=self._clock.now(),
                pick=form.pick,
                at=intake.home(self._settings, visitor=request.state.visitor, mine=form.mine),
            )
        except Refused as error:
            if send:
                events.refused(_log, door=Door.WEB, actor=Door.WEB, reason=error.reason)
            return self._first(form, error)
        if not send:
            return self._second(form, self._doors.foresee_each(cases), total)
        return self._sent(form, self._doors.nominate_each(cases, confirm=form.mail, door=Door.WEB), total)

    def _first(self, form: _Form, error: Refused | None = None) -> Response:
        """The message, with what is wrong with it."""
        at = "address" if error is not None and form.address.strip() and error.reason in _TYPED else "evidence"
        return self._page("nominate.html", error, form, at=at, evidence=form.text)

    def _second(self, form: _Form, taken: Sequence[Taken], total: int, *, sent: bool = False) -> Response:
        """The server: what was read, and which one is meant."""
        first = taken[0]
        if total == 1 and first.case.trace is None and first.refused is not None and not sent:
            return self._first(form, first.refused)
        asks = first.case.asks and not sent and form.pick is None  # a question is no mistake
        error = None if asks or total > 1 or (first.refused and first.refused.reason in _KNOWN) else first.refused
        return self._page(
            "nominate-server.html",
            error,
            form,
            held=base64.b64encode(form.shown).decode("ascii"),
            total=total,
            messages=[self._message(each) for each in taken],
            doubt=str(first.refused) if asks else "",
        )

    def _message(self, each: Taken) -> dict[str, Any]:
        """One message of the evidence, as the second step shows it."""
        case = each.case
        stations = trail(case.trace, self._settings) if case.trace is not None else ()
        chosen = case.line.number if case.line is not None and not case.asks else None
        return {
            "case": case,
            "refused": each.refused,
            "known": each.refused is not None and each.refused.reason in _KNOWN,
            "address": _suspect(case),
            "stations": stations,
            "chosen": chosen,
            "pickable": any(station.possible for station in stations),
            "gist": gist(case.message) if case.message else None,
            "hint": hint_of(case),
            "sure": case.trace is not None and case.trace.sure,
        }

    def _sent(self, form: _Form, taken: Sequence[Taken], total: int) -> Response:
        """What came of it: of one message, the page where its test can be followed."""
        first = taken[0]
        if total == 1 and first.job is not None:
            return RedirectResponse(f"/ip/{first.job.address}?sent=1", 303)
        if total > 1 or (first.refused is not None and first.refused.reason in _KNOWN):
            done = any(each.job for each in taken) or first.refused is None or first.refused.reason in _KNOWN
            status = 200 if done or first.refused is None else refusal(first.refused).status
            return self._render("nominated.html", status=status, taken=taken, total=total, held=self._held())
        return self._second(form, taken, total, sent=True)

    def _page(self, template: str, error: Refused | None, form: _Form, **more: Any) -> Response:
        fault = refusal(error) if error is not None else None
        return self._render(
            template,
            status=fault.status if fault else 200,
            headers=fault.headers if fault else {},
            mistake=fault.sentence if fault else "",
            typed=form.typed,
            now=self._clock.now(),
            **more,
        )


def _suspect(case: Intake) -> Address | None:
    if case.nomination is not None:
        return case.nomination.address
    return case.line.hop.address if case.line is not None else None


def _octets(text: str) -> bytes:
    """The evidence as the second step carries it; nothing where somebody else has written that field."""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
