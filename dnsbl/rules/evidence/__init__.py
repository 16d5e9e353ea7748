"""What people hand in as evidence, opened: one file's bytes -> the messages in it, each as an Exhibit.

Reads a message as it was saved or pasted (`files`), a mailbox with several, Outlook's .msg (`outlook`), spam forwarded
as attachment (`mime`), and abuse reports (`reports`). Where a message is a forward or a report, it is never evidence
itself: its own Received lines lead to a colleague's server, not to a relay. A forward that has lost the spam's own
lines (`inline`) is refused with the sentence that says how to forward.

Pure. Never decides whether a message is evidence against anybody: that is `intake`. Everything here is from strangers:
bounded, and read without complaint or refused with one sentence that says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dnsbl.addresses import Address
from dnsbl.errors import Refused
from dnsbl.rules.evidence import files, inline, mime, outlook, reports
from dnsbl.vocabulary import Refusal
from tester.received.fields import fields
from tester.records import dataclass

#: How Outlook's package begins (MS-OXTNEF 2.1.3).
_TNEF = bytes.fromhex("789f3e22")
#: Octets of a file that are looked at, and of one message in which attached ones are sought.
FILE_MOST, MESSAGE_MOST = 64 * 1024 * 1024, 4 * 1024 * 1024
#: Forwards of forwards that are opened.
DEPTH = 3

_ARCHIVED = re.compile(r"\.(?:eml|msg|mbox)\.(?:zip|gz|tgz|bz2|xz|7z|rar)\Z")
#: What stands before the name of an entry in a ZIP archive, with the length of the name (APPNOTE 4.3.7).
_ZIPPED = re.compile(rb"PK\x03\x04.{22}(..)..", re.DOTALL)
_SEALED = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"))
#: Parts that are a message, or what is left of one: all of "message/", but reports and what is no mail (IANA's list).
_MESSAGES = re.compile(
    r"text/rfc822-headers|message/(?!(?:global-)?(?:delivery-status|disposition-notification)|feedback-report"
    r"|tracking-status|s?-?http|sip|cpim|imdn)[a-z0-9.+-]+"
)

NOT_MAIL = "This is no mail: it does not start with header fields. Save the spam as it came, with all its headers."
INLINE = (
    "This message was forwarded in the text of another one, which loses the spam's own Received lines. Forward it as "
    "an attachment (Outlook: Ctrl+Alt+F; Thunderbird: Message, Forward As, Attachment; Gmail: Forward as attachment), "
    "or save the spam itself with all its headers."
)
TNEF = (
    "The forwarded message is packed in winmail.dat, which only Outlook opens. Forward it once more as an attachment, "
    "in plain text format, or save the spam itself with all its headers."
)
PACKED = (
    "The forwarded message is in an archive, which is not opened here. Unpack it, and hand in or attach the message "
    "itself (.eml)."
)
SEALED = (
    "This mail is encrypted, or sealed by S/MIME, and cannot be read here. Forward the spam once more as an "
    "attachment, without encryption and signature."
)
MSG = (
    "This is an Outlook .msg file, which cannot be read here. Open the message in Outlook and hand in all of File, "
    "Properties, Internet headers as text, or save it as .eml, which Outlook on the web does."
)
UNSENT = (
    "This Outlook .msg file has no Internet headers: the message did not come by SMTP, or lost them on the way. Hand "
    "in the message as it was received."
)
BROUGHT = "it is attached to a message that was attached itself, and spam may bring messages of its own"
NO_TRACE = (
    "The message that is attached here has no Received lines, and those around it are not the spam's. Attach the spam "
    "as it came, with all its headers."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exhibit:
    """One message of a file, or why it is none."""

    message: bytes  #: as the reporter's mailbox held it
    where: str  #: where in the file: "", "message 2 of 3", "attached message 1 of 2", or both
    report: str = ""  #: what kind of report it was attached to: "", "ARF" or "X-ARF"
    source: Address | None = None  #: the source that this report names
    doubt: str = ""  #: why it may not be the spam itself, as a clause
    fault: Refused | None = None  #: why it cannot be evidence


def exhibits(file: bytes, *, most: int) -> tuple[tuple[Exhibit, ...], int]:
    """The messages in a file, at most `most` of them, and how many there are. Raises Refused when there is none.

    The messages of a mailbox are judged one by one: each has its own `fault`.
    """
    if file.startswith(outlook.MAGIC):
        found = _from_outlook(file)
        return found[:most], len(found)
    text = files.pasted(file[:FILE_MOST])
    if text.startswith(b"{") and (document := reports.document_of(text)):
        found = _of_attached(list(reports.samples(document)), reports.from_json(document), 0)
        return found[:most], len(found)
    messages = files.mailbox(text)
    if len(messages) == 1:
        found = _of_message(text, 0)
        return found[:most], len(found)
    gathered: list[Exhibit] = []
    for number, message in enumerate(messages[:most], 1):
        try:
            inner = _of_message(message, 0)
        except Refused as fault:
            inner = (Exhibit(message=message, where="", fault=fault),)
        gathered += _labelled(inner, f"message {number} of {len(messages)}")
    return tuple(gathered[:most]), max(len(messages) - most, 0) + len(gathered)


def _of_message(text: bytes, depth: int) -> tuple[Exhibit, ...]:
    """The messages that this one is about: those attached to it, or itself. Raises Refused."""
    if not files.is_mail(text):
        what = files.said_to_be(text)
        raise Refused(
            Refusal.NOT_MAIL,
            f"This is {what}. Save the spam itself (.eml), with all its headers." if what else NOT_MAIL,
        )
    head = text[:MESSAGE_MOST]
    header, _ = mime.split(head)
    kind, _ = mime.content_type(header.get("content-type", ""))
    leaves = list(mime.parts(head))
    report = reports.report(header, leaves)
    if report is None and kind == "multipart/report":
        return (Exhibit(message=text, where=""),)  # a bounce or a receipt: it is itself what came
    attached = [message for leaf in leaves for message in _messages(leaf)]
    if attached or report:
        found = _of_attached(attached, report, depth)
        return found if depth == 0 or report else tuple(replace(each, doubt=each.doubt or BROUGHT) for each in found)
    if depth == 0 and not _traced(head) and (shown := _shown(leaves)):
        return _of_message(shown, depth + 1)
    if any(
        leaf.kind == "application/ms-tnef" or leaf.name == "winmail.dat" or leaf.body.startswith(_TNEF)
        for leaf in leaves
    ):
        raise Refused(Refusal.INLINE_FORWARD, TNEF)
    if depth == 0 and any(leaf.kind in _SEALED for leaf in leaves):
        raise Refused(Refusal.INLINE_FORWARD, SEALED)
    if inline.forwards(header, leaves):
        raise Refused(Refusal.INLINE_FORWARD, INLINE)
    if depth == 0 and any(_packed(leaf) for leaf in leaves):
        raise Refused(Refusal.INLINE_FORWARD, PACKED)
    doubt = ""
    if inline.says_so(header):
        doubt = "its subject says that somebody forwarded it, and a forward's own lines are not the spam's"
    elif inline.holds_another(header, leaves):
        doubt = "its text holds another message's header, and the lines of a mail about spam are not the spam's"
    return (Exhibit(message=text, where="", doubt=doubt),)


def _shown(leaves: list[mime.Leaf]) -> bytes:
    """The message that the text of one without Received lines shows with its header: a draft or a summary above it."""
    texts = (files.below(leaf.body) for leaf in leaves if leaf.kind in ("text/plain", ""))
    return next(filter(_traced, texts), b"")


def _packed(leaf: mime.Leaf) -> bool:
    """Whether a part is an archive of a saved message, by its name, or by the names that a ZIP archive has in clear."""
    if _ARCHIVED.search(leaf.name):
        return True
    body = leaf.body[:MESSAGE_MOST]
    entries = _ZIPPED.finditer(body) if body.startswith(b"PK\3\4") else ()
    names = (body[each.end() : each.end() + each[1][0] + 256 * each[1][1]] for each in entries)
    return any(name.lower().endswith((b".eml", b".msg", b".mbox")) for name in names)


def _of_attached(attached: list[bytes], report: reports.AbuseReport | None, depth: int) -> tuple[Exhibit, ...]:
    """The messages that a forward or a report is about. Raises Refused."""
    if report is not None and not report.spam:
        raise Refused(Refusal.NOT_MAIL, "This report says that its message is no spam.")
    if depth >= DEPTH:
        raise Refused(Refusal.NOT_MAIL, "This is a forward of a forward of a forward; hand in the spam itself.")
    texts = [files.opened(each) for each in attached]
    traced = [text for text in texts if _traced(text)]
    if not traced:
        raise Refused(Refusal.NOT_MAIL, NO_TRACE)
    gathered: list[Exhibit] = []
    for number, text in enumerate(traced, 1):
        label = f"attached message {number} of {len(traced)}" if traced[1:] else "attached message"
        for each in _labelled(_of_message(text, depth + 1), label):
            if report is not None and not each.report:
                each = replace(each, report=report.kind, source=report.source)
            gathered.append(each)
    return tuple(gathered)


def _traced(text: bytes) -> bool:
    """Whether a message has Received lines."""
    return files.is_mail(text) and any(name == "received" for name, _ in fields(text))


def _messages(leaf: mime.Leaf) -> Iterator[bytes]:
    """The messages that a part of another one holds. Raises Refused."""
    if leaf.body.startswith(outlook.MAGIC) and (
        leaf.name.endswith(".msg") or leaf.kind == "application/vnd.ms-outlook"
    ):
        message, attached = _outlook(leaf.body)
        yield from attached or (message,)
    elif _MESSAGES.fullmatch(leaf.kind) or leaf.name.endswith(".eml"):
        yield leaf.body
    elif leaf.kind == "application/mbox" or leaf.name.endswith((".mbox", ".mbx")):
        yield from files.mailbox(files.opened(leaf.body))[: mime.PARTS]
    elif leaf.attached and _traced(files.opened(leaf.body)):  # under another name, or none
        yield leaf.body
    elif reports.is_json(leaf):
        yield from reports.samples(reports.document_of(leaf.body))


def _from_outlook(file: bytes) -> tuple[Exhibit, ...]:
    message, attached = _outlook(file)
    if attached:
        return _of_attached(list(attached), None, 0)
    if not message:
        raise Refused(Refusal.NOT_MAIL, UNSENT)
    return _of_message(files.opened(message), 0)


def _outlook(file: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    try:
        return outlook.messages(file)
    except outlook.Unreadable:
        raise Refused(Refusal.NOT_MAIL, MSG) from None


def _labelled(found: tuple[Exhibit, ...], label: str) -> list[Exhibit]:
    return [replace(each, where=", ".join(filter(None, (label, each.where)))) for each in found]
