"""What a reporter has nominated, for his own programs: with his key and for nobody else. He takes back his mistakes.

Holds no rule: reads whose key came, calls one verb, shows the answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from dnsbl.casework.doors import Doors
from dnsbl.casework.views import Views
from dnsbl.casework.withdrawing import Withdrawing
from dnsbl.errors import Refused
from dnsbl.vocabulary import Door, Refusal, RunState
from dnsbl.web.api import ASK_AGAIN, Key
from dnsbl.web.faults import API, KEYED, problems
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
    counts: bool = Field(description="False where it was withdrawn, or an operator has found its source to be bad.")
    withdrawn: datetime | None = Field(None, description="When it was withdrawn; null where it was not.")
    run_id: str | None = Field(description="The test that it has led to, or shares with others, as /runs/ID tells it.")
    state: RunState | None = Field(description="How far that test is; null before it begins.")
    verdict: Verdict | None = Field(description="What the test has come to; null before that.")


class ReportedPageShape(BaseModel):
    """Nominations of one account, the newest first."""

    nominations: list[ReportedShape]
    before: int | None = Field(description="What to ask for as `before` to have those behind them; null at the end.")


class ReportedDoor:
    """The routes."""

    def __init__(self, doors: Doors, views: Views, withdrawing: Withdrawing | None = None) -> None:
        """Without `withdrawing` none is taken back."""
        self._doors = doors
        self._views = views
        self.api = APIRouter(prefix=f"{API}/nominations")
        self.api.get(
            "",
            response_model=ReportedPageShape,
            responses=problems(
                s401=KEYED,
                s403="Nothing is taken from this account.",
                s422="Not of the documented form.",
            ),
            openapi_extra={"x-needs-key": True},
        )(self.nominated)
        if withdrawing is None:
            return
        self._withdrawing = withdrawing
        self.api.delete(
            "/{number}",
            status_code=204,
            responses=problems(
                s401=KEYED,
                s403="Nothing is taken from this account, or the request came from a page of another site.",
                s404="Your account has made no such nomination.",
                s409="Its test has begun, or is over.",
                s422="Not of the documented form.",
            ),
            openapi_extra={"x-needs-key": True},
        )(self.withdraw)

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
        found = self._views.nominated_by(self._name(key), before=before, most=most)
        response.headers["Cache-Control"] = ASK_AGAIN
        rows = [
            ReportedShape(
                number=each.id,
                address=str(each.address),
                received=each.received,
                door=each.door,
                evidence=each.evidence,
                counts=each.counts,
                withdrawn=each.withdrawn,
                run_id=each.run,
                state=run.state if run is not None else None,
                verdict=run.verdict if run is not None else None,
            )
            for each, run in found
        ]
        return ReportedPageShape(nominations=rows, before=rows[-1].number if len(rows) == most else None)

    def withdraw(
        self,
        number: Annotated[int, PathParameter(ge=1, le=2**63 - 1, description="Of your nomination.")],
        key: Key = None,
    ) -> None:
        """Take back a nomination of yours that was a mistake, before its test begins: nobody is tested for its sake,
        and it counts for nothing."""
        name = self._name(key)
        self._withdrawing.withdraw(number, reporter=name, actor=f"{Door.API} reporter {name}")

    def _name(self, key: Key) -> str:
        """Whose key came. Raises Refused."""
        if key is None:
            raise Refused(Refusal.KEY_NEEDED, "An account's nominations are its own affair: send your key along.")
        return self._doors.reporter_of(key.credentials).name
