"""/log: the transparency log, for people; below it, for programs, its head, tiles and leaves (c2sp.org/tlog-tiles),
and stamps of heads.

Holds no key and signs nothing. What is below never changes, but for the head, so others may keep it for good.
"""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from dnsbl.casework.proving import Proving
from dnsbl.log import note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.tiles import Tile
from dnsbl.serving.stamped import HEAD, StampFolder
from dnsbl.web.render import Pages

#: What may be kept of the head, and of all else.
_FOR_NOW, _FOR_GOOD = "public, max-age=5", "public, max-age=31536000, immutable"

#: Days whose stamps the page leads to.
_STAMPS = 7


class LogDoor:
    """The routes."""

    def __init__(self, proving: Proving, pages: Pages, stamps: StampFolder) -> None:
        self.router = APIRouter(prefix="/log", include_in_schema=False)
        self._proving = proving
        self._stamps = stamps
        self._render = pages.render
        self.router.add_api_route("", self.page, methods=["GET", "HEAD"], response_class=HTMLResponse)
        self.router.add_api_route("/checkpoint", self.checkpoint, methods=["GET"])
        self.router.add_api_route("/stamps/{day}/{name}", self.stamp, methods=["GET"])
        self.router.add_api_route("/{path:path}", self.tile, methods=["GET"])

    def page(self) -> Response:
        """What it is, how far it has come, and by which keys it is known."""
        signed = self._proving.newest()
        head = Checkpoint.read(note.parts(signed)[0]) if signed else None
        stamps = [(day, self._stamps.numbers(day)) for day in self._stamps.days(_STAMPS)]
        return self._render("log.html", head=head, signed=signed, keys=self._proving.verifiers(), stamps=stamps)

    def checkpoint(self) -> PlainTextResponse:
        """The newest head."""
        signed = self._proving.newest()
        if signed is None:
            raise HTTPException(404)
        return PlainTextResponse(signed, headers={"Cache-Control": _FOR_NOW})

    def stamp(self, day: str, name: str) -> Response:
        """The head that was stamped on a day, or what an authority has answered."""
        found = self._stamps.read(day, name)
        if found is None:
            raise HTTPException(404)
        if name == HEAD:
            return PlainTextResponse(found, headers={"Cache-Control": _FOR_GOOD})
        return Response(found, media_type="application/timestamp-reply", headers={"Cache-Control": _FOR_GOOD})

    def tile(self, path: str) -> Response:
        """A tile, or a bundle of leaves, of the head's tree."""
        try:
            found = self._proving.content(Tile.read(path))
        except ValueError:
            found = None
        if found is None:
            raise HTTPException(404)
        return Response(found, media_type="application/octet-stream", headers={"Cache-Control": _FOR_GOOD})
