"""Errors turned into answers: problem+json (RFC 9457) for programs, a page with one sentence for people.

The only place of the web that translates errors. What is not foreseen here becomes a bland sentence in `guards`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from dnsbl.errors import Busy, NotFound, Refused, StoreUnavailable, Trouble
from dnsbl.vocabulary import Refusal
from dnsbl.web import malformed
from dnsbl.web.reasons import kind
from dnsbl.web.render import Pages
from dnsbl.web.shapes import STATUS, NominatedShape
from tester.records import dataclass

#: Where the interface for programs begins.
API = "/api/v1"
#: The page about it, which describes each kind of problem.
PAGE = "/api"
#: Characters of a request's path that are shown again.
PATH_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request was not served."""

    status: int
    reason: str  #: named, for programs
    sentence: str  #: for people
    retry_after: int | None = None  #: seconds
    allow: str = ""  #: for 405, the methods that would do (RFC 9110 15.5.6)

    @property
    def headers(self) -> dict[str, str]:
        """What the answer's header says of it."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.status == 401:  # must be there (RFC 9110 15.5.2)
            headers["WWW-Authenticate"] = "Bearer"
        return headers | ({"Allow": self.allow} if self.allow else {})


class Problem(BaseModel):
    """Why a request was not served (RFC 9457)."""

    type: str = Field(description="The kind of problem: a place on the page /api.")
    title: str = Field(description="The kind in words.")
    status: int
    detail: str = Field(description="One sentence for people.")
    instance: str = Field(description="The path of the request.")
    reason: str = Field(description="The kind as a name for programs.")
    expected: str = Field(description="What would be right.")
    nominations: list[NominatedShape] | None = Field(
        None, description="Of a refused nomination: how each message was read, and which lines could be picked."
    )


_RETRY = {"Retry-After": {"description": "Seconds until the same request may pass.", "schema": {"type": "integer"}}}


#: What a 401 is of a route that wants a key.
KEYED = "A key is needed, and there is none, or none of ours."


def problems(**sentences: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI rows for the statuses that a route may answer besides success."""
    every = {"s429": "Too many requests.", "s500": "Our mistake.", "s503": "The database cannot be used now."}
    sentences = every | sentences
    rows: dict[int | str, dict[str, Any]] = {}
    for name, description in sorted(sentences.items()):
        status = int(name[1:])
        rows[status] = {
            "description": description,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status in (429, 503):
            rows[status]["headers"] = _RETRY
    return rows


def refusal(error: Refused) -> Fault:
    """A door's refusal as a fault: whoever has to wait before he is heard is told 429, and 503 where that is nobody's
    fault."""
    if isinstance(error, Busy):
        return Fault(503, error.reason, str(error), error.retry_after)
    if error.reason == Refusal.NOT_LET_IN and error.retry_after:
        return Fault(429, error.reason, str(error), error.retry_after)
    status = STATUS.get(Refusal(error.reason), 422) if error.reason in set(Refusal) else 422
    return Fault(status, error.reason, str(error), error.retry_after)


def problem(fault: Fault, scope: Scope, nominations: list[NominatedShape] | None = None) -> Response:
    """For programs; with what came of each message, where a nomination was refused."""
    title, expected = kind(fault.reason)
    body = Problem(
        type=f"{PAGE}#{fault.reason}",
        title=title,
        status=fault.status,
        detail=fault.sentence,
        instance=quote(scope["path"][:PATH_SHOWN], errors="replace"),
        reason=fault.reason,
        expected=expected,
        nominations=nominations,
    )
    document = body.model_dump(mode="json", exclude={"nominations"} if nominations is None else None)
    return JSONResponse(document, fault.status, fault.headers, media_type="application/problem+json")


class Faults:
    """Knows who asks: programs under /api, people elsewhere."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def answer(self, scope: Scope, fault: Fault) -> Response:
        """The answer to a request that was not served."""
        if scope["path"].startswith("/api/"):
            return problem(fault, scope)
        return self._pages.render(
            "fault.html", status=fault.status, headers=fault.headers, title=fault_title(fault), fault=fault
        )

    def handle(self, app: FastAPI) -> None:
        """Have the application's errors answered here."""

        async def refused(request: Request, error: Exception) -> Response:
            assert isinstance(error, Refused)
            return self.answer(request.scope, refusal(error))

        async def not_found(request: Request, error: Exception) -> Response:
            return self.answer(request.scope, Fault(404, "not-found", str(error)))

        async def unavailable(request: Request, error: Exception) -> Response:
            assert isinstance(error, StoreUnavailable)
            sentence = f"{_AILS.get(error.trouble, _AWAY)}; DNS is not affected."
            return self.answer(request.scope, Fault(503, "store-unavailable", sentence, retry_after=30))

        async def invalid(request: Request, error: Exception) -> Response:
            assert isinstance(error, RequestValidationError)
            return self.answer(request.scope, Fault(422, "malformed-request", malformed.sentence(error.errors())))

        async def http(request: Request, error: Exception) -> Response:
            assert isinstance(error, HTTPException)
            return self.answer(request.scope, _http(error))

        app.add_exception_handler(Refused, refused)
        app.add_exception_handler(NotFound, not_found)
        app.add_exception_handler(StoreUnavailable, unavailable)
        app.add_exception_handler(RequestValidationError, invalid)
        app.add_exception_handler(HTTPException, http)


_AWAY = "The database does not answer at the moment"
_AILS = {
    Trouble.VERSION: "The database is being maintained at the moment",
    Trouble.REFUSED: "The database cannot be used at the moment",
    Trouble.FULL: "The disk of the database is full, so nothing can be filed at the moment",
    Trouble.READ_ONLY: "The database takes no changes at the moment",
    Trouble.DAMAGED: "The database is damaged and must be mended first",
    Trouble.FAILING: "The disk of the database fails at the moment",
    Trouble.BUSY: "The database is too busy at the moment",
    Trouble.CLOCK: "The clock of this machine cannot be believed, so nothing can be filed at the moment",
}
#: What names a fault for programs where its status says enough.
_REASONS = {413: Refusal.TOO_LARGE, 415: "media-type", 422: "malformed-request"}
_SENTENCES = {
    400: ("malformed-request", "The body cannot be read as what its Content-Type says."),
    404: ("not-found", "There is no such page here."),
    405: ("method-not-allowed", "This cannot be done here."),
}


def _http(error: HTTPException) -> Fault:
    named = _REASONS.get(error.status_code, "http")
    reason, sentence = _SENTENCES.get(error.status_code, (named, str(error.detail)))
    return Fault(error.status_code, reason, sentence, allow=(error.headers or {}).get("Allow", ""))


def fault_title(fault: Fault) -> str:
    """The heading of a fault's page."""
    return {404: "Not found", 429: "Too many requests", 500: "Our mistake", 503: "Not available now"}.get(
        fault.status, "This cannot be done"
    )
