"""/statistics and /api/v1/statistics: what has happened, from one snapshot of counts, as charts and as numbers.

Holds no rule and counts nothing: each answer is some rows of the store, however long the list's past is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from dnsbl.dns.zones import Zone
from dnsbl.rules.statistics import Statistics, document
from dnsbl.web.faults import API, problems
from dnsbl.web.figures import figures, lead
from dnsbl.web.render import Pages

#: The spans of the page, in days, by their names in its links; the first is shown to who names none.
SPANS = {"month": 30, "year": 364}
#: How long an answer may be kept: seconds.
KEPT = 60

#: Gives the counts of so many days.
See = Callable[[int], Statistics]


class StatisticsShape(BaseModel):
    """The counts of some days, all of one moment."""

    at: datetime = Field(description="The moment that the counts are of.")
    late: bool = Field(description="Whether that is more than an hour ago: counting is behind, or stands still.")
    since: date | None = Field(description="The first day of which anything was counted; null where nothing was.")
    days: list[date] = Field(description="Each day, UTC; the last one is not over.")
    listed: dict[str, list[int]] = Field(description="By kind: what stood on the list at the end of each day.")
    zones: dict[str, int] = Field(description="By origin: the entries that a zone answers for now.")
    answers: dict[str, list[int]] = Field(
        description="By kind: answers of each day, as name servers beside the scheduler count them; the empty name is "
        "what was not listed."
    )
    verdicts: dict[str, int] = Field(description="Tests that were judged in these days, by verdict.")
    tests: dict[str, int] = Field(description="The same by why they were made.")
    causes: dict[str, int] = Field(description="Relays that tests have listed, by why they relay.")
    forms: dict[str, int] = Field(description="The same by the first form whose letter came back.")
    software: dict[str, int] = Field(description="The same by program.")
    countries: dict[str, int] = Field(
        description="What tests have listed, by country; empty where the operator names none."
    )
    ended: dict[str, int] = Field(description="Listings that have ended, by reason.")
    removed: dict[str, int] = Field(
        description="Listings of what was tested that have ended, by how long they stood: up to the named time."
    )
    doors: dict[str, int] = Field(description="Nominations, by where they came in.")
    shown: dict[str, int] = Field(description="Nominations, by what came with them.")


class StatisticsDoor:
    """The routes. `see` gives the counts, `zones` what is served."""

    def __init__(self, see: See, zones: Callable[[], Iterable[Zone]], pages: Pages) -> None:
        self._see = see
        self._zones = zones
        self._render = pages.render
        self.pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        self.pages.add_api_route("/statistics", self.page, methods=["GET", "HEAD"])
        self.api = APIRouter(prefix=API)
        self.api.get(
            "/statistics",
            response_model=StatisticsShape,
            responses=problems(s422="Not of the documented form."),
        )(self.statistics)

    def page(self, span: str = "") -> Response:
        """The charts of a month, or a year."""
        chosen = span if span in SPANS else next(iter(SPANS))
        seen = self._see(SPANS[chosen])
        return self._render(
            "statistics.html",
            headers={"Cache-Control": f"public, max-age={KEPT}"},
            seen=seen,
            lead=lead(seen),
            figures=figures(seen, kinds_of(self._zones())),
            spans=SPANS,
            chosen=chosen,
        )

    def statistics(
        self,
        response: Response,
        days: Annotated[
            int, Query(ge=1, le=366, description="So many days up to now, 1 to 366, as far as any were counted.")
        ] = 30,
    ) -> Any:
        """The same numbers as the page of statistics, day by day."""
        response.headers["Cache-Control"] = f"public, max-age={KEPT}"
        return document(self._see(days), kinds_of(self._zones()))


def kinds_of(zones: Iterable[Zone]) -> dict[str, list[str]]:
    """By origin, the kinds that each zone answers for at its origin or below it; without zones that have ended, and
    those of other people's data alone."""
    return {
        zone.origin: sorted({kind for view in zone.views.values() for kind in view.kinds})
        for zone in zones
        if zone.listing and not zone.ended
    }
