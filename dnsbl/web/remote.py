"""Letters for remote testers, for programs: accounts of reporters ask for them, send them, and see what came back.

Holds no rule: reads what came, calls one verb, shows the answer. The proofs of letters are told to who asked for them
and to nobody else, once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from dnsbl.casework.doors import Doors
from dnsbl.casework.remote import Lent, RemoteTests, Watched
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.model import Nomination, ReporterAccount
from dnsbl.rules import intake
from dnsbl.rules.discretion import discretion
from dnsbl.rules.remote import Grade
from dnsbl.settings import Settings
from dnsbl.vocabulary import Door, Refusal, RunState
from dnsbl.web.api import POSTED, Key, Suspect, octets
from dnsbl.web.faults import API, KEYED, problems
from tester.verdict import Finding

#: What a list does with letters that come back, by the grade of their tester.
_SHOWS = {
    Grade.PROVEN: "One that comes back from this address lists it, as a test of the list's own would.",
    Grade.UNCONFIRMED: "One that comes back from this address lists it as unconfirmed at most.",
}
_LOOK = " The list then tests it itself."


class RemoteSenderShape(BaseModel):
    """Whose letters they are, for their text. The name in EHLO is the tester's own."""

    service: str
    website: str
    contact: str
    collector_domain: str = Field(description="Of the recipients.")
    bounce_domain: str = Field(description="Of the senders; a tester may take a domain of his own instead.")
    wording: int


class RemoteLetterShape(BaseModel):
    """One letter: one form that is to be offered once."""

    vector: str = Field(description="The form, by its id in the catalogue of python -m tester.")
    recipient: str = Field(description="Local part of the recipient.")
    sender: str = Field(description="Local part of the sender.")
    proof: str = Field(description="What the text must hold behind its label, and nothing before the text may.")


class RemoteTestShape(BaseModel):
    """Letters for one address, and what they are good for."""

    id: str
    address: str
    port: int
    profile: str
    grade: Grade
    shows: str = Field(description="What the list does where a letter comes back.")
    nomination: str = Field(description="The reference that the letters name.")
    not_before: int = Field(description="Epoch seconds from which on they count.")
    not_after: int = Field(description="Epoch seconds after which they count no more.")
    sender: RemoteSenderShape
    letters: list[RemoteLetterShape]
    status_url: str


class RemoteBackShape(BaseModel):
    """One message at the collector that came for a letter."""

    recipient: str
    finding: Finding
    peer: str = Field(description="The address that brought it.")
    received: datetime


class RemoteStandingShape(BaseModel):
    """How a remote test stands, for its tester."""

    id: str
    address: str
    state: RunState
    explanation: str
    back: list[RemoteBackShape]
    listed: list[str] = Field(description="The kind that tests list the address under now, if any.")


class RemoteDoor:
    """The routes."""

    def __init__(self, remote: RemoteTests, doors: Doors, settings: Settings, clock: Clock) -> None:
        self._remote = remote
        self._doors = doors
        self._settings = settings
        self._clock = clock
        self._discreet = discretion(settings)
        self.api = APIRouter(prefix=f"{API}/remote-tests")
        self.api.post(
            "",
            status_code=201,
            response_model=RemoteTestShape,
            responses=problems(s401=KEYED, **POSTED),
            openapi_extra={"x-needs-key": True},
        )(self.ask)
        self.api.get(
            "/{run}",
            response_model=RemoteStandingShape,
            responses=problems(
                s401=KEYED,
                s403="Nothing is taken from this account.",
                s404="You have no such test.",
                s422="Not of the documented form.",
            ),
            openapi_extra={"x-needs-key": True},
        )(self.see)

    def ask(self, request: Request, response: Response, wish: Suspect, key: Key = None) -> RemoteTestShape:
        """Have letters for one address, to offer to it from where you stand. The evidence of spam is what provokes the
        test, as for a nomination; of a trusted account a reason will do. Each letter counts where it comes back from
        that very address in time. Send this only for addresses that you have a reason to test."""
        account = self._account(key)
        lent = self._remote.ask(self._nomination(wish, account), came_from=request.state.visitor)
        shape = self._shape(lent)
        response.headers["Location"] = shape.status_url
        return shape

    def see(self, run: Annotated[str, PathParameter(max_length=64)], key: Key = None) -> RemoteStandingShape:
        """What of these letters has come back, for the account that has them."""
        return self._standing(self._remote.see(run, self._account(key).name))

    def _account(self, key: Key) -> ReporterAccount:
        """Whose key came. Raises Refused."""
        if key is None:
            raise Refused(Refusal.KEY_NEEDED, "Letters are given to accounts alone: send your key along.")
        return self._doors.reporter_of(key.credentials)

    def _nomination(self, wish: Suspect, account: ReporterAccount) -> Nomination:
        """What provokes the test. Raises Refused."""
        cases, total = intake.nominations(
            wish.address,
            door=Door.API,
            nominator=f"reporter {account.name}",
            reason=wish.reason,
            evidence=octets(wish),
            settings=self._settings,
            now=self._clock.now(),
            pick=wish.pick,
            at=intake.home(self._settings, reporter=account.name, account=True),
            account=account,
        )
        if total > 1:
            raise Refused(Refusal.NOT_MAIL, f"One message is needed, and these are {total}.")
        if (found := cases[0].nomination) is None:
            assert cases[0].refused is not None
            raise cases[0].refused
        return found

    def _shape(self, lent: Lent) -> RemoteTestShape:
        service, run, first = self._settings.service, lent.run, lent.letters[0]
        look = _LOOK if self._settings.remote.confirm and lent.grade is Grade.UNCONFIRMED else ""
        return RemoteTestShape(
            id=run.id,
            address=str(run.address),
            port=run.port,
            profile=run.profile,
            grade=lent.grade,
            shows=_SHOWS[lent.grade] + look,
            nomination=lent.provocation,
            not_before=first.not_before,
            not_after=first.not_after,
            sender=RemoteSenderShape(
                service=service.name,
                website=service.website,
                contact=service.contact,
                collector_domain=lent.guise.collector_domain,
                bounce_domain=lent.guise.bounce_domain,
                wording=lent.guise.wording,
            ),
            letters=[
                RemoteLetterShape(vector=one.vector, recipient=one.recipient, sender=one.sender, proof=proof)
                for one, proof in zip(lent.letters, lent.proofs, strict=True)
            ],
            status_url=f"{self._settings.web.base_url}{API}/remote-tests/{run.id}",
        )

    def _standing(self, found: Watched) -> RemoteStandingShape:
        run = found.run
        return RemoteStandingShape(
            id=run.id,
            address=str(run.address),
            state=run.state,
            explanation=self._discreet(run.explanation),
            back=[
                RemoteBackShape(recipient=one.token, finding=one.finding, peer=str(one.peer), received=one.received)
                for one in found.returns
            ],
            listed=[listing.kind for listing in found.listings],
        )
