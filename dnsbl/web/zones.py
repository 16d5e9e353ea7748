"""/zones and /feeds: what zones there are, what they say and hold, how they are copied; /api/v1/zones for programs.

Holds no rule. Told is only what this list really offers: files where it makes them, transfers where it lets anybody
have them, and sizes from the snapshot that statistics are of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from dnsbl.dns.zones import NEVER, TEST_POINT, Zone
from dnsbl.rules.statistics import Statistics, in_zones
from dnsbl.serving.copies import ZoneFile, ZoneFiles
from dnsbl.settings import Settings
from dnsbl.web.faults import API, problems
from dnsbl.web.feeds import FeedDoor
from dnsbl.web.render import Pages
from dnsbl.web.statistics import See, kinds_of
from dnsbl.web.uses import Meaning, meanings
from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneFacts:
    """What is told of one zone."""

    zone: Zone
    meanings: tuple[Meaning, ...]
    entries: int | None  #: None where nobody has counted
    file: ZoneFile | None  #: the copy that is offered


class AnswerShape(BaseModel):
    """One answer of a zone."""

    origin: str = Field(description="The name below which it is given: the zone's, or a sublist's.")
    kind: str
    code: str = Field(description="The A record.")
    ttl: int = Field(description="Seconds that caches keep it.")


class ZoneShape(BaseModel):
    """One zone."""

    origin: str
    purpose: str = Field(description="What it is for, in the operator's words.")
    answers: list[AnswerShape]
    sublists: list[str] = Field(description="The names below which one kind alone is answered.")
    entries: int | None = Field(description="Listings that it answers for; null where nobody has counted.")
    negative_ttl: int = Field(description='Seconds that caches keep "not listed".')
    listed: str = Field(description="The address that is always listed (RFC 5782 5); empty once the zone has ended.")
    never: str = Field(description="The address that never is.")
    serial: int | None = Field(description="Of the copy that is offered; null where none is.")
    file: str | None = Field(description="Where that is; null where none is.")
    retires: date | None = Field(description="The day from which it lists nothing.")


class ZonesShape(BaseModel):
    """All zones."""

    at: datetime | None = Field(description="The moment that the sizes are of; null where nobody has counted.")
    zones: list[ZoneShape]


class ZonesDoor:
    """The routes. `see` gives the counts, `files` the copies, where there are any."""

    def __init__(
        self,
        zones: Callable[[], Iterable[Zone]],
        settings: Settings,
        pages: Pages,
        see: See | None = None,
        files: ZoneFiles | None = None,
    ) -> None:
        self._zones = zones
        self._settings = settings
        self._see = see
        self._files = files
        self._index = FeedDoor(files, settings.copies.feed_seconds).index if files is not None else None
        self._render = pages.render
        self.pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        self.pages.add_api_route("/zones", self.zones, methods=["GET", "HEAD"])
        self.pages.add_api_route("/feeds", self.feeds, methods=["GET", "HEAD"])
        self.api = APIRouter(prefix=API)
        self.api.get("/zones", response_model=ZonesShape, responses=problems())(self.document)

    def zones(self) -> Response:
        """What zones there are."""
        seen = self._seen()
        return self._render("zones.html", at=seen.at if seen else None, facts=self._facts(seen))

    def feeds(self, request: Request) -> Response:
        """How the list is copied: for people, and the files alone for programs."""
        if self._index is not None and "text/html" not in request.headers.get("accept", ""):
            return self._index()
        return self._render(
            "feeds.html",
            files=[facts.file for facts in self._facts(None) if facts.file is not None],
            transfers=bool(self._settings.dns.transfer),
            table=bool(self._settings.publish.to),
        )

    def document(self) -> Any:
        """The zones, what they answer, and how large they are."""
        seen = self._seen()
        return {"at": seen.at if seen else None, "zones": [_shape(facts) for facts in self._facts(seen)]}

    def _seen(self) -> Statistics | None:
        seen = self._see(1) if self._see is not None else None
        return seen if seen is not None and not seen.empty else None

    def _facts(self, seen: Statistics | None) -> list[ZoneFacts]:
        zones = list(self._zones())
        entries = in_zones(seen, kinds_of(zones)) if seen is not None else {}
        offered = set(self._files.names()) if self._files is not None else set()
        return [
            ZoneFacts(
                zone=zone,
                meanings=() if zone.ended else tuple(meanings(zone)),
                entries=entries.get(zone.origin),
                file=self._files.whole(zone.origin) if self._files is not None and zone.origin in offered else None,
            )
            for zone in zones
        ]


def _shape(facts: ZoneFacts) -> dict[str, Any]:
    zone = facts.zone
    return {
        "origin": zone.origin,
        "purpose": zone.use,
        "answers": [
            {"origin": one.origin, "kind": one.kind, "code": one.code, "ttl": one.ttl} for one in facts.meanings
        ],
        "sublists": facts.zone.sublists,
        "entries": facts.entries,
        "negative_ttl": zone.negative_ttl,
        "listed": "" if zone.ended else str(TEST_POINT),
        "never": str(NEVER),
        "serial": facts.file.serial if facts.file is not None else None,
        "file": f"/feeds/{zone.origin}.jsonl" if facts.file is not None else None,
        "retires": zone.retires,
    }
