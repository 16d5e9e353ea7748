"""What programs are told: the JSON forms of a standing and of a run, and the status of each refusal.

Pure, and free of any web framework: the API and the command line give the same documents. Times are RFC 3339 UTC.
Over 400 lines, since both look up here what a field means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

from dnsbl.addresses import Address
from dnsbl.model import PathReport, RunReport, Standing
from dnsbl.rules.causes import cause_of, hint_of
from dnsbl.rules.headway import Headway, HeadwayPhase, headway
from dnsbl.rules.intake import Taken
from dnsbl.rules.others import Ailment, Opinion
from dnsbl.settings import Settings
from dnsbl.vocabulary import JobReason, Reason, Refusal, RunState, State
from tester.cause import Cause, Explained, Software, Sure, advice
from tester.received.chain import Reading
from tester.smtp import Flag, Outcome, Transcript
from tester.verdict import CAME_BACK, Verdict

#: The names of the zones that are served now, see `Zones.origins`.
Origins = Callable[[], Sequence[str]]
#: What DNS answers about an address that is listed under these kinds: zone -> A records, see `Zones.codes_of`.
Codes = Callable[[Address, Iterable[str]], dict[str, list[str]]]

#: The HTTP status of each refusal; what is not named is a request that was understood and not granted (422).
STATUS: Mapping[Refusal, int] = {
    Refusal.MALFORMED_ADDRESS: 400,
    Refusal.KEY_NEEDED: 401,
    Refusal.UNKNOWN_KEY: 401,
    Refusal.EXCLUDED: 403,
    Refusal.SUSPENDED: 403,
    Refusal.TEST_BEGUN: 409,
    Refusal.ALREADY_LISTED: 409,
    Refusal.ALREADY_WATCHED: 409,
    Refusal.NOT_LISTED: 409,
    Refusal.NOT_EXCLUDED: 409,
    Refusal.TOO_LARGE: 413,
    Refusal.RESTING: 429,
    Refusal.TOO_MANY: 429,
}


#: What is said of a text that cannot be written down again.
HALF = "this text holds half a character (a lone surrogate); send it as it was received"


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(HALF) from None
    return text


#: Text from outside that can be written down again: JSON and some encodings can name halves of characters.
Text = Annotated[str, AfterValidator(_whole)]


#: How the interface's description names an address: whatever is of this form is taken.
ADDRESS: dict[str, Any] = {
    "anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}],
    "examples": ["192.0.2.1", "2001:db8::1"],
}
#: An address from outside. What people paste in its place is understood too: a reversed name under a zone, `[ip]:25`.
AddressText = Annotated[Text, WithJsonSchema(ADDRESS)]
#: The same, or nothing.
PerhapsAddressText = Annotated[Text, WithJsonSchema(ADDRESS | {"anyOf": [*ADDRESS["anyOf"], {"const": ""}]})]


class ListingShape(BaseModel):
    """One active listing that covers the address."""

    kind: str = Field(description="Which list: relay, multihop, relay-output, or an operator's kind.")
    network: str
    since: datetime
    expires: datetime | None = Field(description="When it ends by itself; null when it does not.")
    reason: Reason
    run: str | None = Field(description="The test whose returned letter proves it; see runs/ID.")


class OpinionShape(BaseModel):
    """What another list says of the address, as information: nothing of this list rests on it."""

    zone: str
    listed: bool | None = Field(description="null where it cannot be told; `trouble` says why.")
    codes: list[str] = Field(description="The A records by which it is listed.")
    text: str = Field(description="The list's own words about it, escaped to printable ASCII.")
    trouble: Ailment | None
    sentence: str


class ForthcomingShape(BaseModel):
    """What the address will be listed as, unless the relays whose output it is are closed until then."""

    kind: str
    since: datetime
    due: datetime = Field(description="When it will be listed.")


class ExceptionShape(BaseModel):
    """What leaves the address out of every listing that is wider than this network."""

    network: str
    since: datetime


class HostShape(BaseModel):
    """Where an address stands."""

    address: str
    state: State
    listings: list[ListingShape] = Field(description="Narrowest first; empty when the address is not listed.")
    forthcoming: list[ForthcomingShape] = Field([], description="The first to come first; of outputs of relays alone.")
    inputs: list[str] = Field([], description="The relays that it is an output of.")
    last_verdict: Verdict | None
    next_test: datetime | None
    ahead: int = Field(
        description="Tests that run in its network while its own, which is due, waits for a place there."
    )
    waits: str = Field(
        description="Why its test is put off by what strangers may have us send in an hour; empty: it is not."
    )
    removal_after: datetime | None = Field(
        description="From when a request for removal from your network is taken; null: at once."
    )
    clears_by: datetime | None = Field(
        None, description="By when every cache has let go of the last listing that has ended; null where none has."
    )
    zones: dict[str, list[str]] = Field(description="What DNS answers: zone -> A records.")
    exception: ExceptionShape | None = Field(None, description="What leaves it out of wider listings, or null.")
    proof: str | None = Field(
        None, description="Where the proof of its listing is, out of the transparency log; null where there is none."
    )
    paths: list[PathShape] = Field(
        description="What each way into a host that a test has listed has last come to; empty for any other address."
    )
    others: list[OpinionShape] | None = Field(
        None, description="What other lists say of it; null unless they were asked, at a list that asks any."
    )


class AttemptShape(BaseModel):
    """One form that was tried, where, and how it ended."""

    vector: str
    address: str
    port: int
    outcome: Outcome
    reply: str = Field(description="The deciding reply, escaped to printable ASCII.")


class CauseShape(BaseModel):
    """Why the host relays: an explanation for its owner, on which nothing rests."""

    name: Cause = Field(description="A short name; unknown where nothing tells.")
    sure: Sure
    reasons: list[str]
    software: Software
    advice: list[str] = Field(description="What closes it: in general, for its software, for what may stand before it.")


class PathShape(BaseModel):
    """One way into the host, and what it came to."""

    address: str
    port: int
    tls: Literal["starttls", "implicit"] = Field(description="How TLS comes about on it, where it does.")
    verdict: Verdict | None = Field(description="null while it is not judged.")
    explanation: str


class CertificateShape(BaseModel):
    """What a server's TLS says, as information alone: nothing is verified, and nothing rests on it."""

    version: str = Field(description="Of TLS.")
    subject: str
    names: str
    expires: datetime | None
    sha256: str


class TestedPathShape(PathShape):
    """One way into the host in one test."""

    certificate: CertificateShape | None = Field(None, description="null where no connection was encrypted.")


class ProgressShape(BaseModel):
    """How far a test is. All but `accepted` only grow."""

    phase: HeadwayPhase
    forms: int = Field(description="Letters that are to be offered, as far as it is known; 0 before it begins.")
    tried: int
    accepted: int = Field(description="Those that were accepted and have come to nothing yet.")
    back: int = Field(description="Those that have come back.")
    sentence: str = Field(description="The same for people; empty when it is over.")


class ForgottenShape(BaseModel):
    """That a test's transcript was deleted, since it is kept no longer."""

    at: datetime
    sha256: str = Field(description="Of its transcripts, in order, a line feed behind each; the journal bears it too.")


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
    explanation: str = Field(description="Why that verdict; while the test goes on, how far it is.")
    progress: ProgressShape
    flags: list[Flag] = Field(description="Remarks that decide nothing, such as TESTER_SPECIFIC.")
    output_addresses: list[str] = Field(description="Who delivered our letters to the collector.")
    cause: CauseShape | None = Field(description="Null where no letter came back, and while the test goes on.")
    attempts: list[AttemptShape]
    paths: list[TestedPathShape] = Field(description="The ways into the host that were tested, its mail port first.")
    forgotten: ForgottenShape | None = Field(
        None, description="Set once the transcript, and with it the attempts that came to nothing, was deleted."
    )


class LineShape(BaseModel):
    """One Received line of the evidence, as it was read. Texts are escaped to printable ASCII."""

    number: int = Field(description="From the top, beginning with 1.")
    reading: Reading
    why: str
    address: str | None = Field(description="The client's address, as the server saw it.")
    name: str = Field(description="The name that the server found for it.")
    helo: str = Field(description="What the client called itself.")
    by: str = Field(description="Who wrote the line.")
    protocol: str
    possible: bool = Field(description="Whether this line can be named in `pick`.")
    trusted: bool = Field(description="Whether the reporter's own system wrote it; every other one is a claim.")


class TraceShape(BaseModel):
    """How a message's Received lines were read."""

    line: int | None = Field(description="The line that was used, or would be; null when none tells.")
    sure: bool = Field(description="Whether nobody needs to say which line is meant.")
    lines: list[LineShape]


class NominatedShape(BaseModel):
    """What came of one message of the evidence."""

    message: str = Field(
        description='Which message of the file, such as "message 2 of 3"; empty when it is the only one.'
    )
    address: str | None = Field(description="Who is nominated, or would be.")
    result: str = Field(description='"queued", or the named reason why it is not; of a dry run "read".')
    detail: str = Field(description="The reason as a sentence, or empty.")
    report: str = Field(description='What kind of abuse report it was attached to: "ARF", "X-ARF" or none.')
    source: str | None = Field(description="The source that this report names.")
    trace: TraceShape | None = Field(description="How its Received lines were read; null when it has none.")
    hint: CauseShape | None = Field(
        description="What its trace looks like, if it looks like a known fault: a hint, on which nothing rests."
    )


def nominated_shape(taken: Taken) -> NominatedShape:
    """One row of `nominations` in the answer of POST nominations and of `nominate --json`."""
    case = taken.case
    suspect = case.nomination.address if case.nomination else case.line.hop.address if case.line else None
    lines = [
        LineShape(
            number=step.number,
            reading=step.reading,
            why=step.why,
            address=str(step.hop.address) if step.hop.address else None,
            name=step.hop.name,
            helo=step.hop.helo,
            by=step.hop.by,
            protocol=step.hop.protocol,
            possible=step.possible,
            trusted=step.trusted,
        )
        for step in (case.trace.steps if case.trace else ())
    ]
    return NominatedShape(
        message=case.where,
        address=str(suspect) if suspect else None,
        result=taken.refused.reason if taken.refused is not None else "queued" if taken.job is not None else "read",
        detail="" if taken.refused is None else str(taken.refused),
        report=case.report,
        source=str(case.source) if case.source else None,
        trace=TraceShape(line=case.line.number if case.line else None, sure=case.trace.sure, lines=lines)
        if case.trace
        else None,
        hint=cause_shape(found) if (found := hint_of(case)) else None,
    )


def proofs_at(settings: Settings) -> str:
    """What the addresses of proofs begin with; "" where no transparency log is kept."""
    return f"{settings.web.base_url}/ip/" if settings.tlog.origin else ""


def standing_shape(
    standing: Standing,
    codes: Codes,
    theirs: Callable[[str], str] = str,
    *,
    proofs: str = "",
    others: Sequence[Opinion] | None = None,
) -> dict[str, Any]:
    """The document of `lookup --json` and of GET hosts/ADDRESS; what comes of strangers is put through `theirs`.
    `proofs` is what the addresses of proofs begin with, where there are any; `others` is what other lists say, where
    they were asked."""
    left = standing.exception
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
        forthcoming=[
            ForthcomingShape(kind=coming.kind, since=coming.since, due=coming.due) for coming in standing.forthcoming
        ],
        inputs=[str(each.input.network_address) for each in standing.inputs],
        last_verdict=standing.last_verdict,
        next_test=standing.next_test,
        ahead=standing.ahead,
        waits=standing.waits,
        removal_after=standing.removal_after,
        clears_by=standing.clears_by,
        zones=codes(standing.address, standing.kinds),
        exception=ExceptionShape(network=str(left.network), since=left.since) if left else None,
        proof=f"{proofs}{standing.address}.proof" if proofs and standing.proven else None,
        paths=[PathShape(**path_facts(one, theirs)) for one in standing.paths],
        others=None if others is None else [_opinion(one, theirs) for one in others],
    )
    return shape.model_dump(mode="json")


def _opinion(one: Opinion, theirs: Callable[[str], str]) -> OpinionShape:
    return OpinionShape(
        zone=one.zone,
        listed=one.listed,
        codes=list(one.codes),
        text=theirs(one.text),
        trouble=one.trouble,
        sentence=one.sentence,
    )


def path_facts(one: PathReport, theirs: Callable[[str], str] = str) -> dict[str, Any]:
    """What a way in has come to; what comes of strangers is put through `theirs`."""
    return {
        "address": str(one.path.address),
        "port": one.path.port,
        "tls": one.path.encrypted,
        "verdict": one.verdict,
        "explanation": theirs(one.explanation),
    }


def ways_in(
    paths: Iterable[PathReport], transcripts: Iterable[str], theirs: Callable[[str], str] = str
) -> list[TestedPathShape]:
    """The ways in of one test, with what the TLS of its conversations (JSON documents) has shown of each."""
    shown: dict[tuple[str, int], Mapping[str, str]] = {}
    for document in transcripts:
        held = Transcript.from_json(document)
        if held.tls:
            shown[held.target, held.port] = held.tls
    return [
        TestedPathShape(
            **path_facts(one, theirs),
            certificate=_certificate(shown.get((str(one.path.address), one.path.port)), theirs),
        )
        for one in paths
    ]


def _certificate(tls: Mapping[str, str] | None, theirs: Callable[[str], str]) -> CertificateShape | None:
    if tls is None:
        return None
    expires = tls.get("expires")
    return CertificateShape(
        version=tls.get("version", ""),
        subject=theirs(tls.get("subject", "")),
        names=theirs(tls.get("names", "")),
        expires=datetime.fromisoformat(expires) if expires else None,
        sha256=tls.get("certificate_sha256", ""),
    )


def run_shape(report: RunReport, theirs: Callable[[str], str] = str) -> dict[str, Any]:
    """The document of GET runs/ID, and what `test --json` adds to the standing; what comes of strangers is put through
    `theirs`."""
    run = report.run
    far = headway(report.letters, run.state, working=report.working)
    over = far.phase is HeadwayPhase.DONE
    shape = RunShape(
        run_id=run.id,
        address=str(run.address),
        port=run.port,
        reason=run.reason,
        profile=run.profile,
        state=run.state,
        started=run.started,
        verdict=run.verdict,
        explanation=run.explanation if over else far.sentence,
        progress=progress_shape(far),
        flags=sorted(report.flags),
        output_addresses=output_addresses(report),
        cause=cause_shape(found) if over and (found := cause_of(report)) else None,
        attempts=[
            AttemptShape(
                vector=fate.letter.vector,
                address=str(fate.letter.address),
                port=fate.letter.port,
                outcome=fate.folded,
                reply=theirs(fate.answer),
            )
            for fate in report.letters
        ],
        paths=ways_in(report.paths, report.transcripts, theirs),
        forgotten=ForgottenShape(at=run.forgotten, sha256=run.digest or "") if run.forgotten else None,
    )
    return shape.model_dump(mode="json")


def progress_shape(far: Headway) -> ProgressShape:
    """How far a test is."""
    return ProgressShape(
        phase=far.phase,
        forms=far.forms,
        tried=far.tried,
        accepted=far.accepted,
        back=far.back,
        sentence=far.sentence,
    )


def cause_shape(found: Explained) -> CauseShape:
    """Why a host relays, and what closes it."""
    return CauseShape(
        name=found.cause,
        sure=found.sure,
        reasons=list(found.reasons),
        software=found.software,
        advice=[one.change for one in advice(found.cause, found.software)],
    )


def output_addresses(report: RunReport) -> list[str]:
    """Who delivered our letters to the collector, each once, in the order of arrival."""
    return list(dict.fromkeys(str(back.peer) for back in report.returns if back.finding in CAME_BACK))
