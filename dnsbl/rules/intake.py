"""Text from any door -> Nomination, or Refused with one clear sentence. Pure: the caller brings bytes and the time.

Holds what can be said without the store: form of the address, special-purpose space, our own addresses, and
whether the evidence is a mail, fresh enough, whose Received lines name the address as who handed it in. Rest periods,
exclusions and present listings are the store's knowledge and are checked in `casework`.

Evidence can be forged, and a Received chain can be read in more than one way. Where more than one line could be the
hand-over, the person is asked and nobody is nominated. The worst a forgery achieves is one rate-limited test, since
only a returned letter lists.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from dnsbl.addresses import Address
from dnsbl.errors import Refused, capital
from dnsbl.model import Job, Nomination, ReporterAccount
from dnsbl.rules.evidence import Exhibit, exhibits
from dnsbl.rules.targets import target, worded
from dnsbl.settings import Settings
from dnsbl.vocabulary import TRUSTED, Door, Refusal, Tier
from tester.received.chain import Home, Reading, Step, Trace, organisation, trace
from tester.received.fields import fields
from tester.received.line import Hop, hops, plain
from tester.records import dataclass

#: A host's name in full, as somebody says which server is his.
_HOST = re.compile(r"^(?:[a-z0-9_-]{1,63}\.){1,8}[a-z0-9-]{2,63}$")
#: An envelope sender that a forwarder has rewritten (SRS; the forms of Microsoft 365 and Gmail), lower case.
_REWRITTEN = re.compile(r"<?(?:srs[01][=+-]|bounces\+srs=|[^@<>\s]{1,64}\+caf_=)[^@<>\s]{0,200}@([^@<>\s]{1,253})")
#: Fields in which a mailing list names itself, and a host's name in them.
_OF_LISTS = frozenset(("list-id", "list-post", "list-help", "mailing-list", "x-mailing-list", "x-beenthere"))
#: Those of them that only programs for lists write; a newsletter has the others, too.
_BY_LISTS = frozenset(("list-post", "mailing-list", "x-mailing-list", "x-beenthere"))
#: Fields in which servers name the mailbox that they deliver to (RFC 9228), above their own line, and one that they
#: pass mail on from; and a mailbox in them.
_OF_MAILBOXES = frozenset(("delivered-to", "envelope-to", "x-delivered-to", "x-envelope-to", "x-original-to"))
_OF_SOURCES = frozenset(
    (
        "x-forwarded-for",
        "x-ms-exchange-inbox-rules-loop",
        "x-redirected-from",
        "x-sieve-redirected-from",
        "x-simplelogin-envelope-to",
    )
)
_MAILBOX = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9_-]{1,63}\.){1,8}[a-z0-9-]{2,63}", re.ASCII)
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.){1,8}[a-z0-9-]{2,63}")
#: Messages taken from one file at the other doors: each is a test that somebody unknown asks for.
STRANGERS_MOST = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """What came of one message of the evidence (or of a request without any): a nomination, or why there is none."""

    where: str  #: which message of the file: "", "message 2 of 3", "attached message"
    nomination: Nomination | None
    refused: Refused | None  #: set where there is no nomination
    trace: Trace | None  #: how its Received lines were read, where it has any
    line: Step | None  #: the line that was used, or would be
    message: bytes = b""  #: what is kept of it
    report: str = ""  #: what kind of abuse report it was attached to, or ""
    source: Address | None = None  #: the source that this report names

    @property
    def asks(self) -> bool:
        """Whether this message is taken as soon as somebody says which line is meant."""
        return self.refused is not None and self.refused.reason == Refusal.WHICH_LINE


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What became of one message of the evidence: a test that is queued, or why there is none."""

    case: Intake
    job: Job | None
    refused: Refused | None


def home(
    settings: Settings, *, reporter: str = "", visitor: Address | None = None, account: bool = False, mine: str = ""
) -> Home:
    """The mail hosts that are registered for who reports: this list's own, those of that reporter or network, and the
    one whose name he has just given (`mine`; what is no host's name is left out).

    Raises Refused when there is no reporter of this name, in the settings or (`account`) among the accounts.
    """
    terms = settings.policy
    rows = [row for row in terms.reporters if row.covers(reporter, visitor)]
    if reporter and not rows and not account:
        raise Refused(
            Refusal.UNKNOWN_REPORTER, f"policy.reporters names no {reporter[:40]!r}, and no account is called so."
        )
    return Home(
        networks=(*terms.own_networks, *(network for row in rows for network in row.networks)),
        names=(*terms.own_names, *(name for row in rows for name in row.names), *_HOST.findall(mine.strip().lower())),
        outside=settings.tester.lab_networks,
    )


def nominations(
    address: str,
    *,
    door: Door,
    nominator: str,
    reason: str,
    evidence: bytes | None,
    settings: Settings,
    now: datetime,
    pick: int | None = None,
    at: Home | None = None,
    account: ReporterAccount | None = None,
) -> tuple[tuple[Intake, ...], int]:
    """Read a request: an Intake for each message of the evidence, and how many messages there are. Raises Refused.

    An empty `address` is taken from the line of the Received chain where the mail was handed to the hosts of `at`
    (those of the settings, if None). `pick` is the number of another line, counted from the top, and goes with one
    message only. A typed address must be what some line says that its server saw, and not inside.

    Operators (Door.CLI) and trusted reporters, by the `account` of whoever nominates, may give a reason in place of
    evidence; others need evidence when `policy.require_evidence`.
    """
    believed = door in TRUSTED or (account is not None and account.tier is Tier.TRUSTED)
    typed = target(address, settings) if address.strip() else None
    words = worded(reason)

    def nominated(suspect: Address, shown: bytes | None) -> Nomination:
        return Nomination(
            address=suspect,
            door=door,
            nominator=nominator[:100],
            reason=words,
            evidence=shown,
            reporter=account.name if account is not None else "",
        )

    terms = settings.policy
    if evidence is None:
        if typed is None:
            raise Refused(Refusal.NO_EVIDENCE, "An IP address or a spam message is needed.")
        if terms.require_evidence and not believed:
            raise Refused(Refusal.NO_EVIDENCE, "Show the spam: paste the whole message with all its headers.")
        if believed and not words:
            ways = " (--evidence) or a reason (--reason)" if door is Door.CLI else " or a reason"
            raise Refused(Refusal.NO_EVIDENCE, f"Give a spam message{ways} for this test.")
        return (Intake(where="", nomination=nominated(typed, None), refused=None, trace=None, line=None),), 1
    known = door in TRUSTED or account is not None
    most = terms.evidence_messages if known else min(terms.evidence_messages, STRANGERS_MOST)
    found, total = exhibits(evidence, most=most)
    if pick is not None and total > 1:
        raise Refused(Refusal.WHICH_LINE, f"A line can be picked in one message only, and these are {total}.")
    cases: list[Intake] = []
    for exhibit in found:
        trace, line, refused, suspect = None, None, exhibit.fault, None
        if refused is None:
            try:
                trace = _trace(exhibit.message, at if at is not None else home(settings), settings, now)
                trace = _doubted(trace, exhibit)
                line = _line(exhibit, trace, typed, pick)
                suspect = target(str(line.hop.address), settings)
            except Refused as error:
                refused = error
        kept = exhibit.message[: terms.evidence_bytes]
        cases.append(
            Intake(
                where=exhibit.where,
                nomination=nominated(suspect, kept) if suspect is not None else None,
                refused=refused,
                trace=trace,
                line=line or (trace.used if trace else None),
                message=kept,
                report=exhibit.report,
                source=exhibit.source,
            )
        )
    return tuple(cases), total


def trapped(message: bytes, *, nominator: str, reason: str, settings: Settings, now: datetime) -> Intake:
    """What a message that came to a spamtrap nominates; our own Received line is its topmost, and so beyond doubt.

    Who handed it in is taken from the chain as it is: a trap opens nothing, asks nobody and believes no report.
    """
    line, refused, suspect = None, None, None
    try:
        trace = _trace(message, home(settings), settings, now)
        if trace.used is None:
            raise Refused(Refusal.NOT_IN_EVIDENCE, "The Received lines do not tell who handed the message in.")
        line = trace.used
        suspect = target(str(line.hop.address), settings)
    except Refused as error:
        refused = error
    kept = message[: settings.policy.evidence_bytes]
    found = (
        Nomination(address=suspect, door=Door.TRAP, nominator=nominator[:100], reason=worded(reason), evidence=kept)
        if suspect
        else None
    )
    return Intake(where="", nomination=found, refused=refused, trace=None, line=line, message=kept)


def nomination(
    address: str,
    *,
    door: Door,
    nominator: str,
    reason: str,
    evidence: bytes | None,
    settings: Settings,
    now: datetime,
) -> Nomination:
    """The same for a request that is about one message. Raises Refused."""
    cases, total = nominations(
        address, door=door, nominator=nominator, reason=reason, evidence=evidence, settings=settings, now=now
    )
    if total > 1:
        raise Refused(Refusal.NOT_MAIL, f"One message is needed, and these are {total}.")
    if cases[0].nomination is None:
        assert cases[0].refused is not None
        raise cases[0].refused
    return cases[0].nomination


def _trace(message: bytes, at: Home, settings: Settings, now: datetime) -> Trace:
    """The Received chain of a message that may be evidence, walked. Raises Refused."""
    chain = hops(message)
    if not chain:
        raise Refused(Refusal.NOT_MAIL, "This message has no Received lines; hand it in with all its headers.")
    sent = sent_at(message, chain)
    days = settings.policy.evidence_days
    if sent is not None and now - sent > timedelta(days=days):
        raise Refused(Refusal.TOO_OLD, f"This message is older than {days:g} days.")
    return trace(chain, at)


def _line(exhibit: Exhibit, trace: Trace, typed: Address | None, pick: int | None) -> Step:
    """The line that the nomination rests on. Raises Refused; WHICH_LINE where the person must say."""
    if pick is not None:
        return _picked(trace, pick, typed)
    if typed is not None:
        return _named(trace, typed)
    if trace.used is None:
        silent = next((step for step in trace.steps if step.reading is Reading.SILENT), None)
        where = f"line {silent.number} {silent.why}" if silent else "they name no public sender"
        raise Refused(Refusal.NOT_IN_EVIDENCE, f"The Received lines do not tell who handed the message in: {where}.")
    if exhibit.source is not None and plain(exhibit.source) != trace.used.hop.address:
        other = next((step for step in trace.possible if step.hop.address == plain(exhibit.source)), None)
        if other is not None and not trace.sure:
            return other
        raise Refused(
            Refusal.WHICH_LINE,
            f"The report names {exhibit.source} as its source, and line {trace.used.number} of the message "
            f"{trace.used.hop.address}: say which line is meant.",
        )
    if exhibit.source is not None or trace.sure:
        return trace.used
    raise Refused(
        Refusal.WHICH_LINE,
        f"{_counted(trace.possible)} could be the hand-over, since {trace.doubt}: say which is meant.",
    )


def _doubted(trace: Trace, exhibit: Exhibit) -> Trace:
    """The trace with every doubt about its used line: its own, that of the file, or that of the message's header. A
    report that names its source leaves none but the trace's own."""
    if trace.used is None or exhibit.source is not None:
        return trace
    doubt = exhibit.doubt or trace.doubt or _sent_on(exhibit.message, trace.used, trace.possible)
    return replace(trace, sure=not doubt, doubt=doubt)


def _picked(trace: Trace, pick: int, typed: Address | None) -> Step:
    """The line of this number. Raises Refused."""
    picked = trace.pick(pick)
    if picked is None:
        could = _counted(trace.possible) or "none"
        raise Refused(Refusal.WHICH_LINE, f"Line {pick} cannot be the hand-over. Those that could be: {could}.")
    if typed is not None and plain(typed) != picked.hop.address:
        said = f"Line {pick} names {picked.hop.address}, and {typed} was typed: leave one of the two out."
        raise Refused(Refusal.WHICH_LINE, said)
    return picked


def _named(trace: Trace, typed: Address) -> Step:
    """The line that names the address that was typed. Raises Refused."""
    naming = [step for step in trace.steps if step.hop.address == plain(typed)]
    if not naming:
        raise Refused(Refusal.NOT_IN_EVIDENCE, f"No Received line of this message says that it came from {typed}.")
    usable = next((step for step in naming if step.reading is not Reading.PASSED), None)
    if usable is None:
        raise Refused(
            Refusal.NOT_IN_EVIDENCE,
            f"{typed} is inside the mail system that received this message: line {naming[0].number}, {naming[0].why}.",
        )
    return usable


def _counted(steps: tuple[Step, ...]) -> str:
    """ "Line 1 (192.0.2.1) and line 3 (192.0.2.3)"."""
    named = [f"line {step.number} ({step.hop.address})" for step in steps]
    text = ", ".join(named[:-1]) + " and " * bool(named[1:]) + named[-1] if named else ""
    return capital(text)


def _sent_on(message: bytes, used: Step, possible: tuple[Step, ...]) -> str:
    """A doubt where somebody has sent the message on, by its header, and a lower line could be meant: as it was (RFC
    5322 3.6.6), from a mailbox whose mail is forwarded, or to a list (RFC 2919, RFC 2369) of who handed it in."""
    if not possible[1:]:
        return ""
    hop, below = used.hop, possible[1].hop
    writer, sender = organisation(hop.by), organisation(hop.sender)
    received, here, elsewhere = 0, {hop.recipient.lower()}, ""
    for name, value in fields(message):
        text = value.decode("latin-1").lower()
        called = "-".join(map(str.capitalize, name.split("-")))
        if name == "received":
            received += 1
            if elsewhere:
                return elsewhere
        if name.startswith("resent-"):
            return "somebody has sent the message on (Resent-From)"
        if name == "return-path" and (rewritten := _REWRITTEN.match(text)) and organisation(rewritten[1]) != writer:
            return "its sender's address (Return-Path) is as forwarders rewrite it"
        if name in _OF_LISTS and sender:
            lists = {organisation(each) for each in _NAME.findall(text)}
            if sender in lists or (name in _BY_LISTS and lists and organisation(below.by) == sender):
                return f"a list of {sender} may have sent it on ({called})"
        if name in _OF_MAILBOXES or name in _OF_SOURCES:
            boxes = _MAILBOX.findall(text)
            if received < used.number:
                here.update(boxes)  # those of the reporter's side
            elif other := next((box for box in boxes if box not in here and _domain(box) != writer), None):
                elsewhere = f"it had come to another mailbox, {other}, whose mail may be passed on ({called})"
                if name in _OF_SOURCES:
                    return elsewhere
    return ""


def _domain(mailbox: str) -> str:
    return organisation(mailbox.rpartition("@")[2])


def sent_at(message: bytes, chain: tuple[Hop, ...]) -> datetime | None:
    """When the message was sent: by the newest Received line that has a date, since those of the reporter's side stand
    first and some programs write none, else by Date."""
    for hop in chain:
        if (when := _date(hop.raw.rpartition(";")[2])) is not None:
            return when
    found = next((value for name, value in fields(message) if name == "date"), None)
    return _date(found.decode("ascii", "replace")) if found else None


def _date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text.strip()[:100])
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
