"""The way a message came, machine by machine, as whoever reports it is shown it: who handed it to whom, what is sure of
that and why, and which one could be reported.

Pure, and the same for the page and the command line. Decides nothing: `intake` has read the lines and chosen, this
puts it into words. What stands in a message is from strangers: bounded here, and escaped by whoever shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from dnsbl.errors import Refused
from dnsbl.rules import intake, targets
from dnsbl.rules.evidence.mime import readable
from dnsbl.settings import Settings
from tester.received.chain import Reading, Step, Trace
from tester.received.fields import fields
from tester.received.line import hops
from tester.records import dataclass

#: Characters of a name, of a line and of a subject that are shown.
NAME, LINE, SUBJECT = 100, 400, 120


class Belief(StrEnum):
    """How far a station of the way is to be believed."""

    OWN = "own"  # a machine of the reporter's own mail system
    SURE = "sure"  # the reporter's own server saw it
    DOUBTFUL = "doubtful"  # the same, but it may only have passed the message on
    CLAIMED = "claimed"  # strangers say so
    NOTHING = "nothing"  # tells of nobody who could be reported


@dataclass(frozen=True, kw_only=True, slots=True)
class Station:
    """One machine on the way, newest first."""

    number: int  #: of the Received line that tells of it, from the top; 0: the one that wrote the topmost
    who: str  #: its address, or what it is called where none is told
    belief: Belief
    tag: str  #: that belief in a few words
    told: str  #: a sentence
    line: str  #: what the line says
    possible: bool  #: whether it may be picked


@dataclass(frozen=True, kw_only=True, slots=True)
class Gist:
    """What of a message tells its reader that it is the right one."""

    subject: str
    domain: str  #: of its From; the mailbox itself is nobody's business
    received: datetime | None  #: when its reader's system took it in, else when it was sent
    lines: int  #: Received lines that are looked at
    octets: int


def trail(trace: Trace, settings: Settings) -> tuple[Station, ...]:
    """The machines that a message has passed, the reporter's own first."""
    return tuple(_stations(trace, settings))


def gist(message: bytes) -> Gist:
    """What to show of a message. Never raises."""
    header: dict[str, str] = {}
    for name, value in fields(message):
        header.setdefault(name, value.decode("utf-8", "replace"))
    chain = hops(message)
    sender = header.get("from", "")
    return Gist(
        subject=_cut(readable(header.get("subject", "")), SUBJECT),
        domain=_cut(sender.rpartition("@")[2].partition(">")[0].strip(), NAME) if "@" in sender else "",
        received=intake.sent_at(message, chain),
        lines=len(chain),
        octets=len(message),
    )


def _stations(trace: Trace, settings: Settings) -> Iterator[Station]:
    if trace.steps and trace.steps[0].hop.by:
        yield Station(
            number=0,
            who=_cut(trace.steps[0].hop.by, NAME),
            belief=Belief.OWN,
            tag="trusted: your own system",
            told="It wrote the topmost line, and the message lay in your mailbox there.",
            line="",
            possible=False,
        )
    writer = "your server"
    for step in trace.steps:
        belief, tag, told = _words(step, trace, writer, settings)
        yield Station(
            number=step.number,
            who=_who(step),
            belief=belief,
            tag=tag,
            told=told,
            line=_cut(step.hop.raw, LINE),
            possible=step.possible and belief is not Belief.NOTHING,
        )
        writer = _who(step)


def _who(step: Step) -> str:
    hop = step.hop
    return str(hop.address) if hop.address else _cut(hop.name or hop.helo, NAME) or "an unnamed machine"


def _words(step: Step, trace: Trace, writer: str, settings: Settings) -> tuple[Belief, str, str]:
    hop = step.hop
    by = _cut(hop.by, NAME) or "your server"
    called = f", and called itself {_cut(hop.helo, NAME)}" if hop.helo and hop.helo != hop.name else ""
    if step.reading is Reading.PASSED:
        return Belief.OWN, "trusted: inside your own system", f"Passed: {step.why}."
    if step.reading is Reading.SILENT:
        return Belief.NOTHING, "cannot be tested", "This line names no address, so nothing below it can be trusted."
    if hop.address is None or not (step.possible or trace.used is None):
        return Belief.NOTHING, "cannot be tested", f"Said by {writer}; it names no address that can be reached."
    if why := _why_not(step, settings):
        return Belief.NOTHING, "cannot be tested", why
    if step.reading is Reading.USED and trace.sure:
        return Belief.SURE, "sure: your server saw it", f"It handed the message to {by}{called}."
    if step.reading is Reading.USED:
        told = f"It handed the message to {by}{called}; {trace.doubt}."
        return Belief.DOUBTFUL, "not sure: it may only have passed it on", told
    tag = f"not sure: said by {writer}"
    return Belief.CLAIMED, tag, f"True only if {writer} is yours, or tells the truth: such lines can be forged."


def _why_not(step: Step, settings: Settings) -> str:
    """Why nobody may have this station tested, as a sentence, or ""."""
    try:
        targets.target(str(step.hop.address), settings)
    except Refused as refused:
        return str(refused)
    return ""


def _cut(text: str, most: int) -> str:
    """In one line, with nothing that turns a reader's text around."""
    clean = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * most]).split())
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
