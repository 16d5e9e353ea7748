"""Mail to the address for nominations: what it asks, whether it may be answered, and what the answer says.

Pure. A mail is read as evidence is (`rules.intake`), with one thing more: what was sent here is never itself the spam,
only what is attached to it. Whoever sent it is not known, since a sender is easily forged; so machines, lists and
whoever wants no automatic answer get none (RFC 3834 2), and an answer tells nothing that is a secret: not even a
reporter his own key, since what an answer says is stored until it is sent, and copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from dnsbl.errors import Refused
from dnsbl.rules import reporters
from dnsbl.rules.evidence import mime
from dnsbl.rules.intake import Intake, Taken
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal
from tester.mime import STATUS
from tester.received.chain import Trace
from tester.records import dataclass
from tester.returned import unwrap

#: Octets of a mail whose own header and parts are looked at.
_HEAD_MOST = 262144
#: Who sends by machine, by local part.
_MACHINES = re.compile(
    r"mailer-daemon|mail-daemon|postmaster|double-bounce|no-?reply.*|do-?not-?reply.*|bounces?([+=-].*)?"
    r"|owner-.*|.*-(request|owner|bounces?|relay|return-.*)|listserv|majordomo|root|daemon"
)
#: A word that is meant for a key, whole or its random part: who has mistyped his is no stranger, and is told.
_KEY = re.compile(rf"{reporters.MARK}.*|.{{16,}}")
#: Fields by which programs that answer mark what they send (beside RFC 3834's), and what Precedence says of such.
_AUTOMATIC = re.compile(
    r"x-(?:mail-)?auto-?(?:reply(?:-from)?|respond(?:er)?|generated)|x-autoreply-.*|x-vacation|x-fc-machinegenerated"
)
_PRECEDENCE = frozenset(("bulk", "list", "junk", "auto_reply", "auto-reply", "autoreply"))
_REMARK = re.compile(r"\([^()]*\)")
_PICK = re.compile(r"0{0,3}[1-9][0-9]{0,2}")

HOW = (
    "Forward the spam as an attachment (Outlook: Ctrl+Alt+F; Thunderbird: Message, Forward As, Attachment; Gmail: "
    "Forward as attachment)."
)
NOT_FORWARDED = f"Nothing is attached to this mail, and a mail to this address is not itself taken for spam. {HOW}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """What stands behind the plus sign of the address that a mail was sent to."""

    key: str  #: a reporter's key, whole; or ""
    pick: int | None  #: the number of the Received line that is meant


def ticket(recipient: str) -> Ticket:
    """Read `nominate+KEY+NUMBER@...`, of which either may be missing; what is meant for neither is passed over."""
    key, pick = "", None
    for word in recipient.lower().rpartition("@")[0].strip('"').split("+")[1:4]:
        if _KEY.fullmatch(word):
            key = reporters.MARK + word.removeprefix(reporters.MARK)
        elif _PICK.fullmatch(word):
            pick = int(word)
    return Ticket(key=key, pick=pick)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cover:
    """The mail around what is nominated."""

    bounce: bool  #: it is a bounce or receipt: nobody nominates anybody by it
    silent: str  #: why it must not be answered, half a sentence; or ""
    message_id: str


def cover(message: bytes, mail_from: str) -> Cover:
    """Look at the mail itself, as it came from the envelope's sender. Never raises."""
    head = message[:_HEAD_MOST]
    header, _ = mime.split(head)
    complaint = any(leaf.kind == "message/feedback-report" for leaf in mime.parts(head))
    opened = unwrap(head)
    marked = "x-failed-recipients" in header or any(
        part.kind == "multipart/report" or part.kind in STATUS for part in opened.parts if not part.copied
    )
    # without a mark it has the words of one, as a postmaster's forward has them too, whom a bounce's sender is not
    bounce = opened.is_report and not complaint and (marked or "@" not in mail_from)
    return Cover(
        bounce=bounce,
        silent=_nobody(mail_from) or automatic(header) or ("it is a bounce" if bounce else ""),
        message_id=header.get("message-id", "").strip()[:400],
    )


def _nobody(mail_from: str) -> str:
    """Why a mail from this sender must not be answered, or ""."""
    if "@" not in mail_from:
        return "it has no sender"
    local = mail_from.rpartition("@")[0].strip('"').lower()
    return "its sender is a machine" if _MACHINES.fullmatch(local) else ""


def automatic(header: Mapping[str, str]) -> str:
    """Why a mail with this header must not be answered, or ""."""
    kind, _ = mime.content_type(header.get("content-type", ""))
    submitted = _REMARK.sub("", header.get("auto-submitted", "")[:1000]).partition(";")[0].strip().lower()
    suppress = header.get("x-auto-response-suppress", "").lower()
    if submitted not in ("", "no"):
        return "a machine has sent it (Auto-Submitted)"
    if any(map(_AUTOMATIC.fullmatch, header)):
        return "a machine has sent it"
    if _REMARK.sub("", header.get("precedence", "")[:1000]).strip().lower() in _PRECEDENCE:
        return "it is bulk mail (Precedence)"
    if any(name.startswith("list-") for name in header) or "mailing-list" in header:
        return "it came over a list"
    if "x-loop" in header:
        return "a machine has had it already (X-Loop)"
    if any(word in suppress for word in ("all", "autoreply", "oof")):
        return "its sender wants no automatic answer"
    return "it is a report by a machine" if kind == "multipart/report" else ""


def forwarded(cases: Iterable[Intake]) -> tuple[Intake, ...]:
    """The same cases, but for the mail itself, which nominates nobody."""
    return tuple(
        case
        if case.where
        else replace(
            case,
            nomination=None,
            refused=Refused(Refusal.NO_EVIDENCE, _nothing(case.message)),
            trace=None,
            line=None,
        )
        for case in cases
    )


def _nothing(message: bytes) -> str:
    """Why a mail nominates nobody: nothing is attached to it, or what is attached is no message."""
    names = [leaf.name or leaf.kind for leaf in mime.parts(message[:_HEAD_MOST]) if leaf.attached]
    shown = ", ".join("".join(c for c in name[:40] if c.isprintable()) for name in names[:3])
    return f"What is attached to this mail ({shown}) is no message with headers. {HOW}" if shown else NOT_FORWARDED


def title(outcomes: Iterable[Taken]) -> str:
    """What came of all of them, in a few words."""
    found = list(outcomes)
    queued = sorted({str(each.case.nomination.address) for each in found if each.job and each.case.nomination})
    if queued:
        return f"{queued[0]}{f' and {len(queued) - 1} more' if queued[1:] else ''} will be tested"
    return "which line is meant?" if any(each.case.asks for each in found) else "nobody was nominated"


def declined(outcomes: Iterable[Taken], settings: Settings) -> str:
    """What the sender's own server tells him where nobody was nominated and no answer goes out: why the first one was
    refused, and how he says which line is meant."""
    found = list(outcomes)
    refused = next((each for each in found if each.refused is not None), None)
    if refused is None or not refused.case.asks:
        return str(refused.refused) if refused is not None else ""
    where = f"to {_desk(settings).format('NUMBER')}, with the line's number" if len(found) == 1 else "alone"
    return f"{refused.refused} Forward it again {where}."


def told(outcomes: Iterable[Taken], total: int, settings: Settings, *, keyed: bool = False) -> str:
    """What was read, which address will be tested, how to follow it, and what is asked, in lines. `keyed` says that a
    reporter has shown his key: he is to put it into the address that he is told to write to."""
    found = list(outcomes)
    lines: list[str] = []
    for each in found:
        lines += [*_one(each, settings, alone=total == 1, keyed=keyed), ""]
    if total > len(found):
        lines += [f"{total - len(found)} of {total} messages were not read: forward them in another mail."]
    return "\n".join(lines).strip("\n")


def _one(each: Taken, settings: Settings, *, alone: bool, keyed: bool) -> Iterator[str]:
    case, nomination = each.case, each.case.nomination
    where = f"{case.where}: " if case.where else ""
    if each.job and nomination is not None:
        yield f"{where}{nomination.address} will be tested."
        yield f"How it stands: {settings.web.base_url}/ip/{nomination.address}"
    else:
        yield f"{where}{each.refused}"
    if case.source is not None:
        yield f"The {case.report} report names {case.source} as its source."
    if case.trace is not None:
        used = case.line.number if case.line is not None and each.job else None
        yield "Its Received lines, newest first:"
        yield from _chain(case.trace, used, _desk(settings) if case.asks and alone else "")
        if case.asks and alone and keyed:
            yield "Put your key before that number, as in the address that you have written to: +KEY+NUMBER."
    if case.asks and not alone:
        yield "Forward it alone: the answer then says how to name the line that is meant."


def _chain(trace: Trace, used: int | None, desk: str) -> Iterator[str]:
    for step in trace.steps:
        yield f"{'>' if step.number == used else ' '} {step.number}  {step.told}"
        if desk and step.possible:
            yield f"       if this one is meant, forward the spam again, to {desk.format(step.number)}"


def _desk(settings: Settings) -> str:
    local, _, domain = settings.mail_door.address.partition("@")
    return f"{local}+{{}}@{domain}"
