"""/feeds/ZONE.jsonl: a zone for whoever keeps a copy, whole or what has changed; conditional, and in ranges.

The files are made elsewhere (`serving.copies`). A copy is fetched with If-None-Match, or goes on where it broke off
with Range and If-Range (RFC 9110 13 and 14); `?after=SERIAL` asks for what has changed since, where that is known: the
head then has `since`, and otherwise the whole file comes.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from dnsbl.serving.copies import ZoneFile, ZoneFiles
from dnsbl.web.conditional import holds

#: JSON lines have no registered type; this one is what their makers name.
TYPE = "application/jsonl"


class FeedDoor:
    """The routes. `seconds` is how long a file stays as it is at least."""

    def __init__(self, files: ZoneFiles, seconds: float) -> None:
        self.router = APIRouter(prefix="/feeds", include_in_schema=False)
        self._files = files
        self._seconds = int(seconds)
        self.router.add_api_route("/{zone}.jsonl", self.feed, methods=["GET", "HEAD"])

    def index(self) -> JSONResponse:
        """Which files there are."""
        found = [file for name in self._files.names() if (file := self._files.whole(name)) is not None]
        rows = [
            {
                "zone": file.zone,
                "file": f"/feeds/{file.zone}.jsonl",
                "serial": file.serial,
                "made": f"{file.made:%Y-%m-%dT%H:%M:%SZ}",
                "not_after": f"{file.not_after:%Y-%m-%dT%H:%M:%SZ}",
            }
            for file in found
        ]
        return JSONResponse({"feeds": rows})

    def feed(self, zone: str, request: Request, after: Annotated[int | None, Query(ge=0, lt=2**32)] = None) -> Response:
        """The file, 304 for who has it, or what has changed."""
        file = self._files.whole(zone.lower())
        if file is None:
            raise HTTPException(404)
        headers = self._headers(file)
        if after is not None and (lines := self._files.changed(file.zone, after)) is not None:
            headers = {"Cache-Control": headers["Cache-Control"]}
            return StreamingResponse(map(str.encode, lines), media_type=TYPE, headers=headers)
        if _has(request, file):
            return Response(status_code=304, headers=headers)
        return FileResponse(file.path, media_type=TYPE, headers=headers)

    def _headers(self, file: ZoneFile) -> dict[str, str]:
        return {
            "ETag": file.etag,
            "Last-Modified": format_datetime(file.made.astimezone(UTC).replace(microsecond=0), usegmt=True),
            "Cache-Control": f"public, max-age={self._seconds}",
        }


def _has(request: Request, file: ZoneFile) -> bool:
    """Whether whoever asks has this very file (RFC 9110 13.1.2 and 13.1.3)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return holds(tags, file.etag)
    since = request.headers.get("if-modified-since")
    if since is None or "range" in request.headers:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False
    return file.made.replace(microsecond=0) <= (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
