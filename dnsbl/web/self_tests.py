"""Self-tests: a page, an interface for programs, and one for a shell with nothing but curl. Tests the address that the
request came from and no other.

Holds no rule: reads what came, calls one verb, shows how it stands. Who holds the link sees the result, and nobody
else: it is in no look-up. What a server said is escaped and made discreet before it is shown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dnsbl.addresses import Address
from dnsbl.casework.self_tests import SelfTests
from dnsbl.casework.views import Views
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.model import RunReport, SelfTest
from dnsbl.rules import selftest
from dnsbl.rules.causes import cause_of
from dnsbl.rules.discretion import discretion
from dnsbl.rules.headway import Headway, HeadwayPhase, headway
from dnsbl.settings import Settings
from dnsbl.vocabulary import Door, JobState, Refusal, RunState
from dnsbl.web import lines
from dnsbl.web.events import Events, EventStream, News, Stream, server_sent
from dnsbl.web.faults import API, problems, refusal
from dnsbl.web.pages import requester
from dnsbl.web.render import Pages
from dnsbl.web.shapes import CauseShape, ProgressShape, TestedPathShape, Text, cause_shape, progress_shape, ways_in
from dnsbl.web.words import CANARY, REFLECTOR
from tester.cause import Explained, advice
from tester.smtp import Flag
from tester.verdict import Verdict

#: Octets of a request that asks for a self-test.
MOST = 4096
#: Characters of the tokens of two addresses.
TOKENS = 120
#: Seconds after which the page of a test that goes on loads itself again.
AGAIN = 5

_ASKED = {
    "s403": "The address is excluded, or the request came from a page of another site.",
    "s413": "Too large.",
    "s422": "Understood and refused, or not of the documented form; `reason` says which.",
    "s429": "Too many self-tests, requests, or watchers.",
}
_NONE = {"s404": "There is no such self-test, or it is too long ago.", "s422": "Not of the documented form."}

#: What a shell gets: lines of text, of which the last is the result.
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_LINES: dict[str, Any] = {
    "description": "To who sends no JSON: how far it is, line by line, and last the result.",
    "content": _TEXT,
}


def _or_lines(rows: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """The same for who may be a shell, and is told in lines why not."""
    return {status: row | {"content": row["content"] | _TEXT} for status, row in rows.items()}


RunId = Annotated[str, PathParameter(max_length=64)]


class SelfTestRequest(BaseModel):
    """What is to be tested of the address that you come from. Asking is agreeing."""

    model_config = ConfigDict(extra="forbid")

    ports: list[int] = Field([], description="Chosen from the list that the policy names; none is all.", max_length=10)
    token: Text = Field(
        "",
        description="From self-tests/token over the other family, to test both; or one of each, with a blank between.",
        max_length=TOKENS,
    )


class SelfTestShape(BaseModel):
    """A self-test, as it stands."""

    id: str
    addresses: list[str] = Field(description="What is tested: the address that you came from, then the one you showed.")
    state: HeadwayPhase
    result: Literal["open", "closed", "unknown"] | None = Field(description="null until it is known.")
    verdict: Verdict | None
    explanation: str
    asked: datetime
    progress: ProgressShape
    paths: list[TestedPathShape] = Field(description="The ways into the host, in the order of trial.")
    cause: CauseShape | None = Field(description="Why it relays and what closes it, once the test is over.")
    flags: list[Flag] = Field(
        description="passes-bare-lf, passes-bare-cr: bytes by themselves that it leaves as they are."
    )
    promise: str = Field(description="What such a test does, and what it never does.")
    status_url: str
    events_url: str
    page_url: str


class SelfTestDoor:
    """The routes: `api` for programs and shells, `pages` for people."""

    def __init__(
        self, self_tests: SelfTests, views: Views, settings: Settings, clock: Clock, pages: Pages, events: Events
    ) -> None:
        self._self_tests = self_tests
        self._views = views
        self._settings = settings
        self._clock = clock
        self._render = pages.render
        self._events = events
        self._discreet = discretion(settings)
        self.api = APIRouter(prefix=f"{API}/self-tests")
        self.api.get("/token", response_class=PlainTextResponse, responses=problems(s422=_ASKED["s422"]))(self.token)
        self.api.post(
            "",
            status_code=202,
            response_model=SelfTestShape,
            responses={**_or_lines(problems(**_ASKED)), 200: _LINES},
            openapi_extra={
                "requestBody": {"content": {"application/json": {"schema": SelfTestRequest.model_json_schema()}}}
            },
        )(self.post)
        self.api.put("", response_class=PlainTextResponse, responses=_or_lines(problems(**_ASKED)))(self.put)
        self.api.get("/{run}", response_model=SelfTestShape, responses=problems(**_NONE))(self.shown)
        watched = problems(**_NONE, s429=_ASKED["s429"])
        self.api.get("/{run}/events", response_class=EventStream, responses=watched)(self.events)
        self.pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        for path, page in (("/self-test", self.form), ("/self-test/{run}", self.page)):
            self.pages.add_api_route(path, page, methods=["GET", "HEAD"])
        self.pages.post("/self-test")(self.start)

    # ------------------------------------------------------------------------------------------- for programs

    def token(self, request: Request) -> Response:
        """A token that shows for some minutes that you came from this address: take it along when you ask from your
        address of the other family, and both are tested."""
        return PlainTextResponse(f"{self._self_tests.token(self._comes_from(request))}\n")

    async def post(self, request: Request) -> Any:
        """Have the address that you come from tested: with a JSON document the test is queued and told at once; with a
        text, or nothing, the answer goes on as that of PUT does. Sending this is your consent."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return await self.put(request)
        try:
            wish = SelfTestRequest.model_validate_json(await _body(request))
        except ValidationError as error:
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
        test = await self._ask(request, " ".join(map(str, wish.ports)), wish.token, Door.API)
        shape = self._shape(test)
        return JSONResponse(shape.model_dump(mode="json"), 202, {"Location": shape.status_url})

    async def put(self, request: Request) -> Response:
        """The same for a shell: `curl -T - URL </dev/null`. The answer tells how far it is, line by line, and ends with
        `result: open`, `closed` or `unknown`; to who accepts application/json alone it is one document, at the end. The
        body, if any, holds lines such as `ports 25,587` and `token TOKEN`, and so may the query."""
        as_json = request.headers.get("accept", "").partition(";")[0].strip().lower() == "application/json"
        try:
            ports, token = _asked(request, (await _body(request)).decode("utf-8", "replace"))
            place = self._events.enter(request.state.visitor)
            try:
                test = await self._ask(request, ports, token, Door.API)
            except BaseException:
                place.leave()
                raise
        except Refused as error:
            if as_json:
                raise
            fault = refusal(error)
            return PlainTextResponse(f"{fault.sentence}\nresult: unknown\n", fault.status, fault.headers)
        news = self._events.follow(lambda: self._look(test.job.run))
        if as_json:
            return Stream(_last(news), place, media_type="application/json")
        return Stream(self._lines(test, news), place, media_type="text/plain; charset=utf-8")

    def shown(self, run: RunId) -> SelfTestShape:
        """How a self-test stands, and in the end its result. Who holds its id may see it, for some days."""
        return self._shape(self._self_tests.see(run))

    async def events(self, request: Request, run: RunId) -> Response:
        """The same as server-sent events: `progress` whenever something has changed, and `result` at the end, each with
        the document that GET gives."""
        await asyncio.to_thread(self._self_tests.see, run)
        place = self._events.enter(request.state.visitor)
        stream = server_sent(self._events.follow(lambda: self._look(run)))
        return Stream(stream, place, media_type=EventStream.media_type)

    # --------------------------------------------------------------------------------------------- for people

    def form(self, request: Request) -> Response:
        """What a self-test is, and the button."""
        return self._form(request, {}, "")

    def start(
        self,
        request: Request,
        agree: Annotated[Text, Form()] = "",
        port: Annotated[list[int] | None, Form()] = None,
        token: Annotated[Text, Form()] = "",
    ) -> Response:
        """Queue it, and lead to where it can be watched."""
        typed = {"port": port or [], "token": token[:TOKENS]}
        try:
            if not agree:
                raise Refused(Refusal.NOT_SHOWN, "Please say that this mail server is yours to test.")
            if not port:
                raise Refused(Refusal.WRONG_PORT, "Please choose one port at least.")
            address = self._comes_from(request)
            ports = " ".join(map(str, port))
            test = self._self_tests.ask(
                address, ports=ports, token=token, door=Door.WEB, actor=requester(request.state.visitor)
            )
        except Refused as error:
            fault = refusal(error)
            return self._form(request, typed, fault.sentence, status=fault.status, headers=fault.headers)
        return RedirectResponse(f"/self-test/{test.job.run}", 303)

    def page(self, request: Request, run: RunId) -> Response:
        """A self-test, as it stands."""
        test = self._self_tests.see(run)
        report = self._report(test)
        cause = cause_of(report) if report else None
        return self._render(
            "self-test-run.html",
            shape=self._shape(test, report, cause),
            cause=cause,
            advice=advice(cause.cause, cause.software) if cause else (),
            meaning=CANARY,
            reflector=REFLECTOR if test.run and test.run.verdict is Verdict.ACCEPTS_BOUNCES else (),
            refresh=None if test.over else AGAIN,
        )

    def _form(self, request: Request, typed: dict[str, Any], mistake: str, **answer: Any) -> Response:
        settings = self._settings
        return self._render(
            "self-test.html",
            visitor=request.state.visitor if request.state.sure else None,
            offered=selftest.ports(settings),
            typed={"port": list(selftest.chosen("", settings)), "token": ""} | typed,
            mistake=mistake,
            promise=selftest.promise(settings),
            url=f"{settings.web.base_url}{API}/self-tests",
            **answer,
        )

    # ---------------------------------------------------------------------------------------------- its parts

    def _comes_from(self, request: Request) -> Address:
        """The address that the request came from. Raises Refused where that is not sure: a proxy stands before us that
        we were not told of, or before the visitor, and somebody else's machine would be tested."""
        visitor: Address | None = request.state.visitor
        if visitor is None or not request.state.sure:
            raise Refused(
                Refusal.NOT_SHOWN,
                "It is not certain which address you come from, since a proxy stands between us; come without it.",
            )
        return visitor

    async def _ask(self, request: Request, ports: str, token: str, door: Door) -> SelfTest:
        address, actor = self._comes_from(request), requester(request.state.visitor)
        return await asyncio.to_thread(self._self_tests.ask, address, ports=ports, token=token, door=door, actor=actor)

    def _look(self, run: str) -> News:
        test = self._self_tests.see(run)
        return News(document=self._shape(test).model_dump(mode="json"), over=test.over)

    def _report(self, test: SelfTest) -> RunReport | None:
        """All about a test that has found an open relay."""
        if not test.over or test.run is None or selftest.result(test) != "open":
            return None
        return self._views.run_report(test.run.id)

    def _shape(self, test: SelfTest, report: RunReport | None = None, cause: Explained | None = None) -> SelfTestShape:
        run, base = test.run, self._settings.web.base_url
        report = report or self._report(test)
        cause = cause or (cause_of(report) if report else None)
        status_url, far = f"{base}{API}/self-tests/{test.job.run}", _progress(test)
        return SelfTestShape(
            id=test.job.run,
            addresses=[str(address) for address in test.addresses],
            state=far.phase,
            result=selftest.result(test),
            verdict=run.verdict if run else None,
            explanation=self._discreet(run.explanation) if run and test.over else far.sentence,
            asked=test.job.due,
            progress=progress_shape(far),
            paths=ways_in(test.paths, test.transcripts, self._discreet),
            cause=cause_shape(cause) if cause else None,
            flags=[flag for flag in CANARY if report and flag in report.flags],
            promise=selftest.promise(self._settings),
            status_url=status_url,
            events_url=f"{status_url}/events",
            page_url=f"{base}/self-test/{test.job.run}",
        )

    async def _lines(self, test: SelfTest, news: AsyncIterator[News | None]) -> AsyncIterator[str]:
        """As a shell shows it."""
        yield f"Self-test of {' and '.join(map(str, test.addresses))}. {selftest.promise(self._settings)}\n"
        yield f"Also at {self._settings.web.base_url}/self-test/{test.job.run}\n"
        said, document = "", {}
        async for one in news:
            if one is None:
                yield f"{self._clock.now():%H:%M:%S} ...\n"
                continue
            document, line = one.document, lines.line(one.document)
            if line != said and not one.over:
                yield f"{self._clock.now():%H:%M:%S} {line}\n"
                said = line
            if one.over:
                for line in lines.ending(one.document):
                    yield f"{line}\n"
                return
        result = document.get("result") or "unknown"
        yield f"It goes on; ask again for the result at {document.get('status_url', '')}\nresult: {result}\n"


def _progress(test: SelfTest) -> Headway:
    """How far it is; one that was given up is over, too."""
    state = RunState.SETTLED if test.over else test.run.state if test.run is not None else None
    return headway(test.letters, state, working=test.job.state is JobState.RUNNING)


async def _last(news: AsyncIterator[News | None]) -> AsyncIterator[str]:
    """One document at the end, and blanks before it as signs of life, which JSON allows (RFC 8259 2)."""
    document: dict[str, Any] = {}
    async for one in news:
        if one is None:
            yield " "
        else:
            document = one.document
    yield json.dumps(document) + "\n"


async def _body(request: Request) -> bytes:
    """What came, if it is short. Raises Refused."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST:
            raise Refused(Refusal.TOO_LARGE, "This is too large; a request for a self-test is a few words.")
    return body


def _asked(request: Request, text: str) -> tuple[str, str]:
    """(ports, token), from the query and from lines of text such as `ports 25,587`. Raises Refused."""
    found = {name: request.query_params.get(name, "")[:TOKENS] for name in ("ports", "token")}
    for line in text.replace("&", "\n").splitlines():
        name, _, value = line.strip().replace("=", " ", 1).partition(" ")
        if name in found:
            found[name] = value[:TOKENS]
        elif name:
            raise Refused(
                Refusal.WRONG_PORT, "Only lines such as `ports 25,587` and `token TOKEN` are understood here."
            )
    return found["ports"], found["token"]
