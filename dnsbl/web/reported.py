"""What a reporter has nominated, for his own programs: with his key and for nobody else.

Holds no rule: reads whose key came, calls one verb, shows the answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from dnsbl.casework.doors import Doors
from dnsbl.casework.views import Views
from dnsbl.errors import Refused
from dnsbl.model import Door, Refusal, RunState
from dnsbl.web.api import ASK_AGAIN, Key
from dnsbl.web.faults import API, problems
from tester.verdict import Verdict

#: Nominations of one answer.
MOST = 100


class ReportedShape(BaseModel):
    """One nomination that was taken, and what became of it."""

    number: int
    address: str
    received: datetime
    door: Door
    evidence: str | None = Field(
        description="SHA-256 of the message that was shown, in hex; null where there was none."
    )
    counts: bool = Field(description="False where an operator has found its source to be bad.")
    run_id: str | None = Field(description="The test that it has led to, or shares with others, as /runs/ID tells it.")
    state: RunState | None = Field(description="How far that test is; null before it begins.")
    verdict: Verdict | None = Field(description="What the test has come to; null before that.")


class ReportedPageShape(BaseModel):
    """Nominations of one account, the newest first."""

    nominations: list[ReportedShape]
    before: int | None = Field(description="What to ask for as `before` to have those behind them; null at the end.")


class ReportedDoor:
    """The route."""

    def __init__(self, doors: Doors, views: Views) -> None:
        self._doors = doors
        self._views = views
        self.api = APIRouter(prefix=f"{API}/nominations")
        self.api.get(
            "",
            response_model=ReportedPageShape,
            responses=problems(
                s401="A key is needed, and there is none, or none of ours.",
                s403="Nothing is taken from this account.",
                s422="Not of the documented form.",
            ),
            openapi_extra={"x-needs-key": True},
        )(self.nominated)

    def nominated(
        self,
        response: Response,
        before: Annotated[
            int | None, Query(ge=1, le=2**63 - 1, description="Those behind the one of this number.")
        ] = None,
        most: Annotated[int, Query(ge=1, le=MOST, description="At most so many.")] = MOST,
        key: Key = None,
    ) -> ReportedPageShape:
        """What your account has nominated, at every door, and what became of it: the newest first."""
        if key is None:
            raise Refused(Refusal.KEY_NEEDED, "An account's nominations are shown to it alone: send your key along.")
        found = self._views.nominated_by(self._doors.reporter_of(key.credentials).name, before=before, most=most)
        response.headers["Cache-Control"] = ASK_AGAIN
        rows = [
            ReportedShape(
                number=each.id,
                address=str(each.address),
                received=each.received,
                door=each.door,
                evidence=each.evidence,
                counts=not each.void,
                run_id=each.run,
                state=run.state if run is not None else None,
                verdict=run.verdict if run is not None else None,
            )
            for each, run in found
        ]
        return ReportedPageShape(nominations=rows, before=rows[-1].number if len(rows) == most else None)
