"""What programs are told: the JSON forms of a standing and of a run, and the status of each refusal.

Pure, and free of any web framework: the API and the command line give the same documents. Times are RFC 3339 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from dnsbl.addresses import Address
from dnsbl.model import JobReason, Reason, Refusal, RunReport, RunState, Standing, State
from tester.smtp import DELIVERED, Flag, Outcome
from tester.verdict import Verdict

#: What DNS answers about an address that is listed under these kinds: zone -> A records, see `Zones.codes_of`.
Codes = Callable[[Address, Iterable[str]], dict[str, list[str]]]

#: The HTTP status of each refusal; what is not named is a request that was understood and not granted (422).
STATUS: Mapping[Refusal, int] = {
    Refusal.MALFORMED_ADDRESS: 400,
    Refusal.EXCLUDED: 403,
    Refusal.ALREADY_LISTED: 409,
    Refusal.NOT_LISTED: 409,
    Refusal.TOO_LARGE: 413,
    Refusal.RESTING: 429,
    Refusal.TOO_MANY: 429,
}


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("This text holds half a character (a lone surrogate); send it as it was received") from None
    return text


#: Text from outside that can be written down again: JSON and some encodings can name halves of characters.
Text = Annotated[str, AfterValidator(_whole)]


class ListingShape(BaseModel):
    """One active listing that covers the address."""

    kind: str = Field(description="Which list: relay, multihop, or an operator's kind.")
    network: str
    since: datetime
    expires: datetime | None = Field(description="When it ends by itself; null when it does not.")
    reason: Reason
    run: str | None = Field(description="The test whose returned letter proves it; see runs/ID.")


class HostShape(BaseModel):
    """Where an address stands."""

    address: str
    state: State
    listings: list[ListingShape] = Field(description="Narrowest first; empty when the address is not listed.")
    last_verdict: Verdict | None
    next_test: datetime | None
    removal_after: datetime | None = Field(description="From when a request for removal is taken; null: at once.")
    zones: dict[str, list[str]] = Field(description="What DNS answers: zone -> A records.")


class AttemptShape(BaseModel):
    """One form that was tried, and how it ended."""

    vector: str
    outcome: Outcome
    reply: str = Field(description="The deciding reply, escaped to printable ASCII.")


class RunShape(BaseModel):
    """One test."""

    run_id: str
    address: str
    port: int
    reason: JobReason
    profile: str
    state: RunState
    started: datetime
    verdict: Verdict | None
    explanation: str
    flags: list[Flag] = Field(description="Remarks that decide nothing, such as TESTER_SPECIFIC.")
    output_addresses: list[str] = Field(description="Who delivered our letters to the collector.")
    attempts: list[AttemptShape]


def standing_shape(standing: Standing, codes: Codes) -> dict[str, Any]:
    """The document of `lookup --json` and of GET hosts/ADDRESS."""
    shape = HostShape(
        address=str(standing.address),
        state=standing.state,
        listings=[
            ListingShape(
                kind=listing.kind,
                network=str(listing.network),
                since=listing.since,
                expires=listing.expires,
                reason=listing.reason,
                run=listing.run,
            )
            for listing in standing.listings
        ],
        last_verdict=standing.last_verdict,
        next_test=standing.next_test,
        removal_after=standing.removal_after,
        zones=codes(standing.address, standing.kinds),
    )
    return shape.model_dump(mode="json")


def run_shape(report: RunReport) -> dict[str, Any]:
    """The document of GET runs/ID, and what `test --json` adds to the standing."""
    run = report.run
    shape = RunShape(
        run_id=run.id,
        address=str(run.address),
        port=run.port,
        reason=run.reason,
        profile=run.profile,
        state=run.state,
        started=run.started,
        verdict=run.verdict,
        explanation=run.explanation,
        flags=sorted(report.flags),
        output_addresses=output_addresses(report),
        attempts=[
            AttemptShape(vector=fate.letter.vector, outcome=fate.folded, reply=fate.reply) for fate in report.letters
        ],
    )
    return shape.model_dump(mode="json")


def output_addresses(report: RunReport) -> list[str]:
    """Who delivered our letters to the collector, each once, in the order of arrival."""
    return list(dict.fromkeys(str(back.peer) for back in report.returns if back.finding.value in DELIVERED))
