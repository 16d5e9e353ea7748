"""Puts the web together: guards, faults, pages, interface, static files. Holds no
route but those for who runs this node (health, metrics, clients' keys) and the interface's own description."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from importlib.metadata import version
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dnsbl import DISTRIBUTION
from dnsbl.casework.briefing import Briefing
from dnsbl.casework.doors import Doors
from dnsbl.casework.ownership import Ownership
from dnsbl.casework.proofs import Proofs
from dnsbl.casework.proving import Proving
from dnsbl.casework.remote import RemoteTests
from dnsbl.casework.self_tests import SelfTests
from dnsbl.casework.standstill import Standstill, without_store
from dnsbl.casework.views import Views
from dnsbl.casework.watching import Watching
from dnsbl.casework.withdrawing import Withdrawing
from dnsbl.clock import Clock
from dnsbl.dns.listed.published import FOLDER
from dnsbl.dns.zones import Zone
from dnsbl.errors import DnsblError, StoreUnavailable, Trouble
from dnsbl.health import Health
from dnsbl.serving.copies import ZoneFiles
from dnsbl.serving.stamped import StampFolder
from dnsbl.settings import Settings
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.admin.doors import operators_side
from dnsbl.web.api import Interface, Others
from dnsbl.web.conditional import Conditional
from dnsbl.web.control import ControlDoor, Texts, no_texts
from dnsbl.web.events import Events
from dnsbl.web.examples import exemplified
from dnsbl.web.faults import API, PAGE, Fault, Faults, Problem, problem
from dnsbl.web.feeds import FeedDoor
from dnsbl.web.guards import Guards, most_bytes
from dnsbl.web.handing import table_route
from dnsbl.web.holders import Holders
from dnsbl.web.hosts import Hosts
from dnsbl.web.log import LogDoor
from dnsbl.web.lookups import LookupsDoor
from dnsbl.web.manual import operations
from dnsbl.web.nominations import NominationDoor
from dnsbl.web.pages import Site
from dnsbl.web.proofs import ProofDoor
from dnsbl.web.reasons import REASONS
from dnsbl.web.remote import RemoteDoor
from dnsbl.web.render import STATIC, Pages, mark
from dnsbl.web.reported import ReportedDoor
from dnsbl.web.self_tests import SelfTestDoor
from dnsbl.web.shapes import Codes, Origins
from dnsbl.web.statistics import See, StatisticsDoor
from dnsbl.web.watch import WatchDoor
from dnsbl.web.wellknown import WellKnown
from dnsbl.web.zones import ZonesDoor
from tester.crowd import Tally

_log = logging.getLogger(__name__)


#: Makes the page for Prometheus, in its text format.
Metrics = Callable[[], bytes]
TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


#: Tells how clients' keys are used. Raises DnsblError where there are none.
KeyUses = Callable[[], dict[str, Any]]


def no_keys() -> dict[str, Any]:
    """Of a process that knows of none."""
    raise DnsblError("Clients have no keys here.")


def no_metrics() -> bytes:
    """The page of a process that counts nothing."""
    return b""


class _Kept(StaticFiles):
    """Static files, which a browser keeps for a year where the place that it asked for names this very file."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        named = scope["query_string"].decode("latin-1") == f"v={mark(Path(full_path).name)}"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if named else "no-cache"
        return response


class _App(FastAPI):
    """With the problem shape, which routes name by reference, in its OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema:
            return self.openapi_schema
        document = exemplified(super().openapi())
        shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= shape.pop("$defs") | {"Problem": shape}
        return document


def create_app(
    doors: Doors,
    views: Views,
    settings: Settings,
    *,
    clock: Clock,
    briefing: Briefing | None = None,
    see: See | None = None,
    self_tests: SelfTests | None = None,
    remote: RemoteTests | None = None,
    withdrawing: Withdrawing | None = None,
    ownership: Ownership | None = None,
    watching: Watching | None = None,
    proofs: Proofs | None = None,
    texts: Texts = no_texts,
    hosts: Hosts | None = None,
    others: Others | None = None,
    events: Events | None = None,
    files: ZoneFiles | None = None,
    zones: Callable[[], Iterable[Zone]] = tuple,
    trials: Callable[[], Iterable[Zone]] = tuple,
    codes: Codes = lambda address, listed: {},
    origins: Origins = tuple,
    metrics: Metrics = no_metrics,
    keys: KeyUses = no_keys,
    health: Callable[[], list[Health]] = list,
    tally: Tally | None = None,
    desk: OperatorDesk | None = None,
    proving: Proving | None = None,
) -> FastAPI:
    """The application. `codes` says what DNS answers for an address, see `Zones.codes_of`, `origins` in which of the
    `zones`, `trials` are those in which mail servers are tried out; `metrics` makes the page for Prometheus, `keys`
    what is told of clients' keys. Without `briefing` no lists of addresses are looked up, without `see` no statistics
    are shown, without `self_tests` none are offered, without `remote` nobody gets letters, without `withdrawing` no
    nomination is taken back, without `others` no other list is asked; `events` has the places for who watches tests.
    Without `files` no zone can be copied, without a `desk` there is no operators' side, without `ownership` nobody
    shows that an address is his (`texts` asks for TXT records). Without `proofs` no listing can be proven, without
    `hosts` no host name's addresses are looked for. `tally` counts what is refused by a limit. Without `proving` there
    is no transparency log to see.
    """
    app = _App(
        title=settings.service.name,
        version=version(DISTRIBUTION),
        openapi_url=None,  # a route below, which says how long it may be kept
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        form_limits={"max_fields": 12, "max_files": 1, "max_part_size": most_bytes(settings)},
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    pages = Pages(settings, zones)
    faults = Faults(pages)
    faults.handle(app)
    app.add_middleware(Conditional, within=("/api/", "/ip/", "/log/"))
    holders = Holders(lambda key: doors.reporter_of(key).name)
    app.add_middleware(
        Guards,
        settings=settings,
        clock=clock,
        faults=faults,
        holders=holders,
        tally=Tally() if tally is None else tally,
    )
    events = Events(settings.web, clock) if events is None else events
    if proofs is not None:
        proven = ProofDoor(proofs)
        if proofs.on:
            app.include_router(proven.api)
        app.include_router(proven.pages)  # else the page of a host name would look for ADDR.proof in DNS
    site = Site(doors, views, settings, clock, codes, origins, pages, zones, trials, hosts, events)
    app.include_router(Interface(doors, views, settings, clock, codes, origins, events, others).router)
    app.include_router(site.router)
    app.include_router(WellKnown(settings, clock).router)
    if see is not None:
        told = StatisticsDoor(see, zones, pages)
        app.include_router(told.api)
        app.include_router(told.pages)
    served = ZonesDoor(zones, settings, pages, see, files)
    app.include_router(served.api)
    app.include_router(served.pages)
    nominations = NominationDoor(doors, settings, clock, pages, held=site.held)
    app.include_router(nominations.router)
    app.include_router(ReportedDoor(doors, views, withdrawing).api)
    if briefing is not None:
        app.include_router(LookupsDoor(briefing, codes, origins, settings.web.base_url).api)
    if self_tests is not None:
        door = SelfTestDoor(self_tests, views, settings, clock, pages, events)
        app.include_router(door.api)
        app.include_router(door.pages)
    if remote is not None:
        app.include_router(RemoteDoor(remote, doors, settings, clock).api)
    if settings.publish.to:
        app.router.routes.append(table_route(settings, settings.service.state_dir / FOLDER))
    if proving is not None:
        app.include_router(LogDoor(proving, pages, StampFolder(settings)).router)
    if files is not None:
        app.include_router(FeedDoor(files, settings.copies.feed_seconds).router)
    if ownership is not None:
        app.include_router(ControlDoor(ownership, doors, origins, texts, pages, settings.web.base_url).router)
    if watching is not None:
        watch = WatchDoor(watching, settings, clock, texts, pages)
        app.include_router(watch.api)
        app.include_router(watch.pages)
    if desk is not None:
        operators_side(app, desk, settings, clock, pages, faults)
    app.mount("/static", _Kept(directory=STATIC))

    @app.get(f"{API}/openapi.json", include_in_schema=False)
    def description() -> JSONResponse:
        """The interface for programs, described (OpenAPI)."""
        return JSONResponse(app.openapi(), headers={"Cache-Control": "public, max-age=300"})

    @app.api_route(PAGE, methods=["GET", "HEAD"], include_in_schema=False)
    def manual() -> Response:
        """The same for people, with each kind of problem."""
        return pages.render("api.html", operations=operations(app.openapi(), settings.web.base_url), reasons=REASONS)

    @app.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
    async def healthz() -> PlainTextResponse:
        """The process is up."""
        return PlainTextResponse("ok\n")

    def trusted(request: Request) -> bool:
        """Whether this is somebody who may see what the node counts and how it does."""
        return request.state.sure and any(request.state.visitor in network for network in settings.web.metrics_from)

    @app.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
    def metrics_page(request: Request) -> PlainTextResponse:
        """What this process has counted, for those who may see it."""
        if settings.web.unnamed_proxy:
            return PlainTextResponse(f"{settings.web.unnamed_proxy}\n", 403)
        if not trusted(request):
            return PlainTextResponse("not for you\n", 403)
        return PlainTextResponse(metrics(), media_type=TEXT_FORMAT)

    @app.get(f"{API}/keys", include_in_schema=False)
    def keys_document(request: Request) -> Response:
        """How clients' keys are used on this node, for those who may see metrics."""
        if settings.web.unnamed_proxy or not trusted(request):
            sentence = settings.web.unnamed_proxy or "This is for the operators of this list alone (web.metrics_from)."
            return problem(Fault(403, "not-for-you", sentence), request.scope)
        try:
            return JSONResponse(keys(), headers={"Cache-Control": "no-store"})
        except DnsblError as error:
            return problem(Fault(404, "no-keys", str(error)), request.scope)

    @app.api_route("/readyz", methods=["GET", "HEAD"], include_in_schema=False)
    def readyz(request: Request) -> JSONResponse:
        """The store answers, and all parts of this node are at work. Whether testing is stopped, and what waits for an
        operator's word, is told beside it: that makes no node unfit. Who may not see metrics is told no details."""
        known = not settings.web.unnamed_proxy and trusted(request)
        parts = health()
        down = [one for one in parts if not one.up]
        document: dict[str, Any] = {"ready": not down}
        try:
            views.look_up(IPv4Address("127.0.0.1"))
            still, unmanned = views.standstill(), "worker" in views.unmanned()
        except DnsblError as error:
            _log.warning("not ready: %s", error)
            trouble = error.trouble if isinstance(error, StoreUnavailable) else Trouble.AWAY
            reason = _UNREADY.get(trouble, "the store does not answer")
            document |= {"ready": False, "reason": f"{error}" if known and trouble is Trouble.VERSION else reason}
            still, unmanned = without_store(settings, clock.now()), None
        document |= _testing(still, unmanned, known=known)
        if down:
            document.setdefault("reason", "; ".join(one.sentence if known else f"{one.part} is down" for one in down))
            document["down"] = [one.row() if known else {"part": one.part} for one in down]
        if known and (held := [one.why for one in parts if one.up and one.why]):
            document["held"] = held
        return JSONResponse(document, 200 if document["ready"] else 503)

    return app


def _testing(still: Standstill | None, unmanned: bool | None, *, known: bool) -> dict[str, str]:
    """How testing goes, and since when and why not, to who may know it; `unmanned` None: nobody knows."""
    if still is None and unmanned is None:
        return {}
    if still is None or still.fault:
        said = "waits for a worker" if unmanned or still else "goes on"
    else:
        said = "waits for the end of quiet hours" if still.planned else "stopped"
    since = {"since": f"{still.stop.at:%Y-%m-%dT%H:%M:%SZ}"} if still and still.stop else {}
    return {"testing": said} | since | ({"why": still.sentence} if still and known else {})


_UNREADY = {
    Trouble.VERSION: "the store is of another version than this program",
    Trouble.REFUSED: "the store refuses what it is asked; the log says more",
    Trouble.FULL: "the disk of the store is full",
    Trouble.READ_ONLY: "the store is read-only",
    Trouble.DAMAGED: "the store is damaged",
    Trouble.FAILING: "the disk of the store gives errors",
    Trouble.BUSY: "the store is too busy",
}
