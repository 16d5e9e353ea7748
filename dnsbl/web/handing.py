"""Hands out the published table: files that were signed once, whole, in part, or not again to who has them.

Holds no key and makes no file: `serving.publisher` or `serving.follower` has made the folder. Only networks of
`publish.to` get anything. Ranges (RFC 9110 14) let what was cut off be continued; all files but the head never change.
"""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from dnsbl.clock import Clock
from dnsbl.dns.listed.published import HEAD, MOST_HEAD, NAMES
from dnsbl.settings import Settings
from dnsbl.web.conditional import holds
from dnsbl.web.faults import Faults
from dnsbl.web.guards import TABLE, Guards
from dnsbl.web.render import Pages

#: Seconds for which others may keep a file that never changes.
_FOR_GOOD = "public, max-age=86400, immutable"


def table_route(settings: Settings, folder: Path) -> Route:
    """The files of this folder, below /table/."""

    def handed(request: Request) -> Response:
        """One file, for those who may have it."""
        if settings.web.unnamed_proxy:
            return PlainTextResponse(f"{settings.web.unnamed_proxy}\n", 403)
        visitor = request.state.visitor
        if not request.state.sure or not any(visitor in network for network in settings.publish.to):
            return PlainTextResponse("publish.to does not name your network\n", 403)
        name = request.path_params["name"]
        path = folder / name
        if not NAMES.fullmatch(name):
            return PlainTextResponse("there is no such file\n", 404)
        try:
            stat = path.stat()
            body = path.read_bytes()[:MOST_HEAD] if name == HEAD else b""
        except OSError:
            return PlainTextResponse("there is no such file now\n", 404)
        etag = f'"{stat.st_mtime_ns:x}"' if name == HEAD else f'"{name}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache" if name == HEAD else _FOR_GOOD}
        if holds(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        if name == HEAD:
            return Response(body, media_type="text/plain", headers=headers)
        return FileResponse(path, media_type="application/gzip", stat_result=stat, headers=headers)

    return Route(f"{TABLE}{{name}}", handed, methods=["GET"], include_in_schema=False)


def create_table_app(settings: Settings, folder: Path, clock: Clock) -> Starlette:
    """Nothing but the table, behind the same guards as the pages."""
    app = Starlette(routes=[table_route(settings, folder)])
    app.add_middleware(Guards, settings=settings, clock=clock, faults=Faults(Pages(settings)))
    return app
