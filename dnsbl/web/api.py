"""The interface for programs: /api/v1, with OpenAPI. The same verbs as the pages; errors are problem+json.

Whoever holds a run's id (80 random bits; the tested server has it from our letter, everybody from a listing) may
read that run. A nomination's answer does not name one: nominators learn nothing that the server said.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Sequence
from threading import Semaphore
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response, Security
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dnsbl.addresses import Address
from dnsbl.casework.doors import Doors
from dnsbl.casework.views import Views
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.logbook import events
from dnsbl.rules import asking, intake
from dnsbl.rules.discretion import discretion
from dnsbl.rules.others import Opinion
from dnsbl.settings import Settings
from dnsbl.vocabulary import Door, Refusal, RunState
from dnsbl.web.events import Events, EventStream, News, Stream, server_sent
from dnsbl.web.faults import API, problem, problems, refusal
from dnsbl.web.limits import Quota
from dnsbl.web.malformed import OURS
from dnsbl.web.pages import asker, controls, requester
from dnsbl.web.shapes import (
    AddressText,
    Codes,
    HostShape,
    NominatedShape,
    Origins,
    PerhapsAddressText,
    RunShape,
    Text,
    nominated_shape,
    proofs_at,
    run_shape,
    standing_shape,
)

_log = logging.getLogger("dnsbl.journal")

#: What a request with a body may be refused for.
POSTED = {
    "s400": "The address or the body is malformed.",
    "s403": "The address is excluded, or the request came from a page of another site.",
    "s409": "The list stands otherwise: already listed, or not listed.",
    "s413": "Too large.",
    "s422": "Understood and refused, or not of the documented form; `reason` says which.",
    "s429": "Too soon, or too many requests from one network.",
}


#: What a body may be that is the spam itself (RFC 2046 5.2.1, RFC 6532 3.7).
MESSAGES = frozenset({"message/rfc822", "message/global"})
#: How long an answer may be kept, by whoever asked and nobody between: asked for again each time, with its ETag; or for
#: a minute, where hardly anything will change.
ASK_AGAIN, SETTLED = "private, no-cache", "private, max-age=60"
#: The id of a test.
RunId = Annotated[str, PathParameter(max_length=64, examples=["mzxw6ytboi2gk3tu"])]
#: Requests at once for which other lists are asked: each holds a thread until the slowest has answered.
ASKERS = 4
#: What other lists say of an address. Blocking.
Others = Callable[[Address], Sequence[Opinion]]

#: The key of a reporter, for who has one.
Key = Annotated[
    HTTPAuthorizationCredentials | None,
    Security(HTTPBearer(auto_error=False, description="A reporter's key, as `dnsbl reporter key` has shown it.")),
]


class Suspect(BaseModel):
    """A suspect and the evidence."""

    model_config = ConfigDict(extra="forbid")

    address: PerhapsAddressText = Field(
        "", description="The suspect; empty: taken from the message's Received lines.", max_length=200
    )
    evidence: Text = Field(
        "",
        description="The spam with all its headers: a message, a mail with it attached, an abuse report, a mailbox.",
    )
    encoding: Literal["text", "base64"] = Field(
        "text", description="How `evidence` is written; base64 keeps every octet, and takes Outlook's .msg files."
    )
    pick: int | None = Field(
        None, description="The number of the Received line that tells who handed the spam in, where that was asked."
    )
    reason: Text = Field("", description="Your own words, for the journal.", max_length=2000)


class NominationRequest(Suspect):
    """The same, and who is told."""

    mail: Text = Field("", description="Where it is confirmed to, at a list that does so.", max_length=254)


async def _nomination(request: Request) -> NominationRequest:
    """What came: a document, or the message itself, with the rest in the query. Raises RequestValidationError."""
    body, kind = await request.body(), request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind in MESSAGES:
            given = {
                name: value for name, value in request.query_params.items() if name not in ("evidence", "encoding")
            }
            return NominationRequest.model_validate(
                given | {"evidence": base64.b64encode(body).decode("ascii"), "encoding": "base64"}
            )
        if kind != "application/json" and not kind.endswith("+json"):
            sentence = f"application/json is needed, or the message itself as {' or '.join(sorted(MESSAGES))}"
            raise RequestValidationError([{"type": OURS, "loc": ("body",), "msg": sentence}])
        try:
            document = json.loads(body)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError):  # no UTF-8, a number of ten thousand digits, a depth of them
            raise HTTPException(400) from None
        return NominationRequest.model_validate(document)
    except json.JSONDecodeError:
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": ""}]) from None
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None


class RemovalRequest(BaseModel):
    """An address that should be retested and taken off the list."""

    model_config = ConfigDict(extra="forbid")

    address: AddressText = Field(max_length=200)
    mail: Text = Field("", description="Where the result is written to, at a list that does so.", max_length=254)


class AcceptedShape(BaseModel):
    """The request is queued."""

    address: str
    state: str = "queued"
    status_url: str = Field(description="Where to see how it stands, for programs.")
    page_url: str = Field(description="The same for people.")


class RemovalShape(AcceptedShape):
    """The retest is queued."""

    run_url: str | None = Field(
        description="The test, once it has begun: who holds this link sees each way into the host. null: none was "
        "needed, and the listing has ended."
    )


class NominationsShape(AcceptedShape):
    """At least one test is queued, the first one's address above; the answer tells nothing about the server."""

    messages: int = Field(description="How many messages the evidence holds.")
    nominations: list[NominatedShape] = Field(description="What came of each that was taken.")


class Interface:
    """The routes for programs."""

    def __init__(
        self,
        doors: Doors,
        views: Views,
        settings: Settings,
        clock: Clock,
        codes: Codes,
        origins: Origins,
        events: Events,
        others: Others | None = None,
    ) -> None:
        """Without `others` no other list is asked."""
        self._events = events
        asked = settings.others.visitors_hour
        self._others = others if asked else None
        self._asking = Quota("others", asked or 1, 3600)
        self._askers = Semaphore(ASKERS)
        self._doors = doors
        self._views = views
        self._settings = settings
        self._clock = clock
        self._codes = codes
        self._discreet = discretion(settings)
        self._origins = origins
        self.router = APIRouter(prefix=API)
        get, post = self.router.get, self.router.post
        get(
            "/hosts/{address}",
            response_model=HostShape,
            responses=problems(
                s400="The address is malformed.",
                s422="Not of the documented form.",
                s429="Your network has had other lists asked as often as it may within an hour.",
            ),
        )(self.host)
        get(
            "/runs/{run}",
            response_model=RunShape,
            responses=problems(s404="There is no such run.", s422="Not of the documented form."),
        )(self.run)
        get(
            "/runs/{run}/events",
            response_class=EventStream,
            responses=problems(
                s404="There is no such run.", s422="Not of the documented form.", s429="Too many watch."
            ),
        )(self.events)
        post(
            "/nominations",
            status_code=202,
            response_model=NominationsShape,
            responses=problems(s401="The key is none of ours.", **POSTED),
            openapi_extra={
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": NominationRequest.model_json_schema()},
                        "message/rfc822": {"schema": {"type": "string", "format": "binary"}},
                    },
                }
            },
        )(self.nominate)
        get("/hosts/{address:path}", response_model=HostShape, include_in_schema=False)(self.slashed)
        post("/removals", status_code=202, response_model=RemovalShape, responses=problems(**POSTED))(self.remove)

    def host(
        self,
        request: Request,
        response: Response,
        address: AddressText,
        others: Annotated[
            bool, Query(description="Ask other lists too, where this list names any; information alone.")
        ] = False,
    ) -> Any:
        """Where an address stands; an unknown one is a normal answer."""
        asked = asking.one(address, self._origins(), self._settings.web.base_url)
        response.headers["Cache-Control"] = ASK_AGAIN
        found = self._views.look_up(asked, asker=asker(request, asked, Door.API))
        said = self._elsewhere(request, asked) if others and self._others is not None else None
        return standing_shape(found, self._codes, self._discreet, proofs=proofs_at(self._settings), others=said)

    def slashed(self, request: Request, response: Response, address: AddressText) -> Any:
        """What is no address for the slash in it, a network or a link, is answered as any other mistake."""
        if address.endswith("/proof"):  # of a list without a log
            raise HTTPException(404)
        return self.host(request, response, address)

    def _elsewhere(self, request: Request, address: Address) -> Sequence[Opinion]:
        """What other lists say. Raises Refused (TOO_MANY)."""
        assert self._others is not None
        turn = self._asking.turn(request.state.visitor, self._clock.monotonic())
        if turn.wait:
            raise Refused(
                Refusal.TOO_MANY,
                "Your network has had other lists asked as often as it may; please try again later.",
                retry_after=int(turn.wait) + 1,
            )
        if not self._askers.acquire(blocking=False):
            raise Refused(Refusal.TOO_MANY, "Other lists are being asked for others; please try again.", retry_after=5)
        try:
            return self._others(address)
        finally:
            self._askers.release()

    def run(self, response: Response, run: RunId) -> Any:
        """One test: its verdict, the forms that were tried, and where the letter came out."""
        shape = self._run(run)
        response.headers["Cache-Control"] = SETTLED if shape["state"] == RunState.SETTLED else ASK_AGAIN
        return shape

    def _run(self, run: str) -> dict[str, Any]:
        return run_shape(self._views.run_report(run), self._discreet)

    async def events(self, request: Request, run: RunId) -> Response:
        """The same as server-sent events: `progress` whenever something has changed, and `result` when the test is
        judged, each with the document that runs/ID gives."""
        await asyncio.to_thread(self._views.pulse, run)
        place = self._events.enter(request.state.visitor)
        return Stream(server_sent(self._events.follow(self._looking(run))), place, media_type=EventStream.media_type)

    def _looking(self, run: str) -> Callable[[], News]:
        """Looks at a run that cost little while nothing changes."""
        last: list[tuple[tuple[object, ...], News]] = []

        def look() -> News:
            pulse = self._views.pulse(run)
            if not last or last[0][0] != pulse:
                shape = self._run(run)
                last[:] = [(pulse, News(document=shape, over=shape["state"] == RunState.SETTLED))]
            return last[0][1]

        return look

    def nominate(
        self,
        request: Request,
        response: Response,
        wish: Annotated[NominationRequest, Depends(_nomination)],
        key: Key = None,
    ) -> Any:
        """Nominate a suspect. Its test is queued; the answer tells nothing about the server.

        The body is a JSON document, or the message itself, octet by octet, as message/rfc822; then `address`, `pick`,
        `reason` and `mail` may stand in the query.

        Where more than one Received line could tell who handed the spam in, nobody is nominated: the problem's
        `nominations` show the lines, and the same request with `pick` is taken. A reporter with a key of his own is
        counted by that, and not by the network that he comes from.
        """
        visitor = request.state.visitor
        account = self._doors.reporter_of(key.credentials) if key is not None else None
        name = account.name if account is not None else ""
        who = f"reporter {name}" if name else requester(visitor)
        try:
            cases, total = intake.nominations(
                wish.address,
                door=Door.API,
                nominator=who,
                reason=wish.reason,
                evidence=octets(wish),
                settings=self._settings,
                now=self._clock.now(),
                pick=wish.pick,
                at=intake.home(self._settings, reporter=name, visitor=visitor, account=bool(name)),
                account=account,
            )
        except Refused as error:
            events.refused(_log, door=Door.API, actor=f"{Door.API} {who}", reason=error.reason)
            raise
        taken = self._doors.nominate_each(cases, confirm=wish.mail, door=Door.API)
        shapes = [nominated_shape(each) for each in taken]
        queued = next((each.job for each in taken if each.job is not None), None)
        if queued is None:
            assert taken[0].refused is not None
            return problem(refusal(taken[0].refused), request.scope, shapes)
        accepted = self._accepted(queued.address, response)
        return NominationsShape(**accepted.model_dump(), messages=total, nominations=shapes)

    def remove(self, request: Request, response: Response, wish: RemovalRequest) -> RemovalShape:
        """Ask for the retest that takes a closed relay off the list."""
        address = asking.one(wish.address, self._origins(), self._settings.web.base_url)
        who, control = requester(request.state.visitor), controls(request, address)
        tell = wish.mail if self._settings.notices.asker else ""
        job = self._doors.ask_removal(address, door=Door.API, actor=who, control=control, tell=tell)
        accepted = self._accepted(address, response)
        run_url = f"{self._settings.web.base_url}{API}/runs/{job.run}" if job is not None else None
        return RemovalShape(**accepted.model_dump(), run_url=run_url)

    def _accepted(self, address: Address, response: Response) -> AcceptedShape:
        base = self._settings.web.base_url
        accepted = AcceptedShape(
            address=str(address), status_url=f"{base}{API}/hosts/{address}", page_url=f"{base}/ip/{address}"
        )
        response.headers["Location"] = accepted.status_url
        return accepted


def octets(wish: Suspect) -> bytes | None:
    """The evidence as it came. Raises Refused."""
    if not wish.evidence.strip():
        return None
    if wish.encoding == "text":
        return wish.evidence.encode("utf-8", "replace")
    try:
        return base64.b64decode(wish.evidence)
    except ValueError:
        raise Refused(Refusal.NOT_MAIL, "The evidence is not base64, as its encoding says.") from None
