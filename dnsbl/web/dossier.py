"""What the public page shows of a run: attempts, conversations, and where the letter came out; bounded and redacted.

Pure. Everything here is escaped to printable ASCII once (the template escapes for HTML on top), and put through
`rules.discretion`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from dnsbl.model import Run, RunReport
from dnsbl.rules.causes import cause_of
from dnsbl.rules.discretion import CHARACTERS, discretion, redact
from dnsbl.settings import Settings
from dnsbl.vocabulary import LENT
from dnsbl.web import words
from dnsbl.web.picture import Picture, picture
from dnsbl.web.shapes import output_addresses
from tester import vectors
from tester.cause import Advice, Cause, Sure, advice
from tester.paths import path
from tester.received.line import hops
from tester.records import dataclass
from tester.smtp import Outcome, Transcript, escape

#: Conversations of a run, lines of a conversation, and Received fields that are shown.
CONVERSATIONS, LINES, FIELDS = 8, 400, 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempted:
    """One form that was tried."""

    vector: str
    where: str  #: the way in, where there are several; else ""
    meaning: str  #: what the form shows
    outcome: Outcome
    ended: str  #: the outcome in words
    reply: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line on the wire."""

    at: float  #: seconds from the connection's start
    kind: str  #: ">" sent by us, "<" received, "!" a remark of ours
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """One connection."""

    target: str
    port: int
    lines: tuple[Line, ...]
    cut: bool  #: there were more lines
    tls: str = ""  #: what its encryption and the server's certificate say, information alone; "": clear text


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A letter of ours at our collector."""

    peer: str
    received: datetime
    finding: str  #: in words
    chain: tuple[str, ...]  #: its Received fields, newest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Dossier:
    """One run, ready to be shown."""

    run: Run
    verdict: str  #: in words, or ""
    attempts: tuple[Attempted, ...]  #: forms that were tried
    untried: tuple[str, ...]  #: those that were not, each once
    conversations: tuple[Conversation, ...]
    arrivals: tuple[Arrival, ...]
    outputs: tuple[str, ...]
    picture: Picture | None = None  #: the way of the letter that came back
    cause: Cause | None = None  #: why it relays; None where no letter came back
    sure: Sure | None = None  #: how sure that is
    why: tuple[str, ...] = ()  #: the reasons that led there, sentences
    advice: tuple[Advice, ...] = ()  #: what closes it
    lent: bool = False  #: its letters were sent by a remote tester
    canaries: tuple[tuple[str, str], ...] = ()  #: flag and meaning of what it does to bytes by themselves


def dossier(report: RunReport, settings: Settings) -> Dossier:
    """All that the page shows of a run."""
    theirs, found = discretion(settings), cause_of(report)
    held = [Transcript.from_json(document) for document in report.transcripts[:CONVERSATIONS]]
    attempts = tuple(_attempts(report, theirs))
    return Dossier(
        run=report.run,
        verdict=words.VERDICT[report.run.verdict] if report.run.verdict else "",
        attempts=tuple(one for one in attempts if one.outcome is not Outcome.UNTRIED),
        untried=tuple(dict.fromkeys(one.vector for one in attempts if one.outcome is Outcome.UNTRIED)),
        conversations=tuple(_conversations(held, theirs)),
        arrivals=tuple(_arrivals(report, theirs)),
        outputs=tuple(output_addresses(report)),
        picture=picture(report, held, found, theirs),
        cause=found.cause if found else None,
        sure=found.sure if found else None,
        why=tuple(theirs(sentence) for sentence in found.reasons) if found else (),
        advice=advice(found.cause, found.software) if found else (),
        lent=report.run.reason in LENT,
        canaries=tuple((flag.value, meaning) for flag, meaning in words.CANARY.items() if flag in report.flags),
    )


def _attempts(report: RunReport, theirs: Callable[[str], str]) -> Iterator[Attempted]:
    for fate in report.letters:
        vector, outcome = fate.letter.vector, fate.folded
        if report.run.reason in LENT and outcome is Outcome.UNTRIED:
            continue  # nobody knows what became of it but who had it
        where = path(fate.letter.address, fate.letter.port).name if len(report.paths) > 1 else ""
        known = vectors.CATALOGUE.get(vector)
        yield Attempted(
            vector=vector,
            where=where,
            meaning=known.fault if known else "",
            outcome=outcome,
            ended=words.OUTCOME[outcome],
            reply=theirs(fate.answer),
        )


def _conversations(held: Sequence[Transcript], theirs: Callable[[str], str]) -> Iterator[Conversation]:
    for transcript in held:
        lines = tuple(islice(_lines(transcript, theirs), LINES + 1))
        yield Conversation(
            target=transcript.target,
            port=transcript.port,
            lines=lines[:LINES],
            cut=len(lines) > LINES,
            tls=theirs(_tls(transcript.tls)),
        )


def _tls(facts: Mapping[str, str]) -> str:
    """The facts of an encrypted connection that people read, in one line; the certificate is nobody's evidence."""
    names = {"version": "", "subject": "certificate of ", "names": "for ", "expires": "until "}
    return ", ".join(f"{word}{facts[key]}" for key, word in names.items() if facts.get(key))


def _lines(transcript: Transcript, theirs: Callable[[str], str]) -> Iterator[Line]:
    for at, kind, data in _turns(transcript):
        clean = theirs if kind == "<" else redact
        for raw in filter(None, data.split(b"\n")):
            yield Line(at=at, kind=kind, text=clean(escape(raw.removesuffix(b"\r")[:2000]))[:CHARACTERS])


def _turns(transcript: Transcript) -> Iterator[tuple[float, str, bytes]]:
    """What was said, one side at a time: how the bytes were cut into pieces must not hide a proof from `redact`."""
    at, kind, data = 0.0, "", bytearray()
    for event in transcript.events:
        if event.kind != kind:
            if data:
                yield at, kind, bytes(data)
            at, kind, data = event.at, event.kind, bytearray()
        elif kind == "!":
            data += b"\n"
        data += event.data
    if data:
        yield at, kind, bytes(data)


def _arrivals(report: RunReport, theirs: Callable[[str], str]) -> Iterator[Arrival]:
    for back in report.returns:
        if back.finding in words.FINDING:
            yield Arrival(
                peer=str(back.peer),
                received=back.received,
                finding=words.FINDING[back.finding],
                chain=tuple(theirs(hop.raw) for hop in hops(back.message, most=FIELDS)),
            )
