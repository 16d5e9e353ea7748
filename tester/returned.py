"""A message as it came to the collector, with its circumstances; opened, with what it claims.

Pure. Everything in it is a stranger's: nothing here believes a word, or holds a message against a letter (that is
`weighing`). It is read by a small MIME reader of our own: the standard library's nests as deep as a stranger likes, and
rereads every line once for each level. What a proof looks like follows `letter.proof`; a test holds the two together.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from tester.received import fields, hops
from tester.smtp import escape


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """One message as it came, with its circumstances; of a callback, which brings none, with an empty message."""

    peer: IPv4Address | IPv6Address  #: who delivered it
    peer_port: int
    local: str  #: our own end, "address:port"
    tls: bool
    helo: str  #: escaped
    mail_raw: bytes  #: argument of MAIL as sent
    rcpt_raw: bytes  #: argument of RCPT as sent
    mail_from: str  #: "" for the null reverse-path
    recipient: str  #: local part, lower case: the token (or "postmaster", "abuse")
    domain: str  #: lower case
    message: bytes  #: dot-unstuffed, as received, without our trace
    received_at: float  #: epoch seconds

    @property
    def token(self) -> str:
        """What its recipient has for a token, in one spelling and no longer than twice a token."""
        return self.recipient.lower()[:64]

    @property
    def null_sender(self) -> bool:
        """Whether its reverse-path was empty."""
        return not self.mail_from


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What a message that came to the collector holds. Everything in it is a claim of a stranger."""

    proofs: frozenset[str]  #: what looks like a proof in the message's own text; empty when it is a report
    reported_proofs: frozenset[str]  #: the same in a report, or in the copy of another message
    is_report: bool  #: multipart/report, a DSN part, or an evident bounce by its From, Subject and Auto-Submitted
    action: str  #: "failed", "delayed", ... (RFC 3464 2.3.3); of a bounce without DSN guessed by its subject; or ""
    status: str  #: RFC 3463 status from the DSN, or ""
    remote_mta: str  #: from the DSN, escaped and bounded, or ""
    diagnostic: str  #: from the DSN, escaped and bounded, or ""
    refused_by_us: bool  #: a report that quotes `COLLECTOR`: our own collector had refused the letter
    received: tuple[str, ...]  #: raw Received fields, newest first, escaped and bounded


#: Stands in every refusal of our collector, so that reports which name no Remote-MTA can be told as our own fault.
COLLECTOR = "relay-test collector"

_LARGEST = 64 * 1024  # octets of a message that are looked at
_DEEPEST = 20  # levels of nesting
_PARTS = 100  # parts of one message

_LINE_END = re.compile(rb"\r+\n?")
_TYPE = re.compile(rb"[\w.+-]{1,60}/[\w.+-]{1,60}")
_BOUNDARY = re.compile(rb";\s{0,9}boundary\s{0,9}=\s{0,9}(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.I)

_LABEL = re.compile(r"proof:", re.I)
_GAPS = re.compile(r"[\s>*]+")  # what rewrapping, quoting and emphasis put between the letters
_PROOF = re.compile(r"[a-z2-7]{26}")
_TAG = re.compile(r"<[^<>]*>")

_ACTION = re.compile(rb"(?:failed|delayed|delivered|relayed|expanded)\b", re.I)
_STATUS = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_DAEMON = re.compile(rb"\b(?:mailer-daemon|mail-daemon|postmaster|double-bounce)(?=[@\s>]|$)", re.I)
_BOUNCE = re.compile(
    rb"undeliver|non-?deliver|not (?:be )?deliver|returned (?:mail|to sender)|failure notice|mail deliver|delay"
    rb"|deliver[a-z]{0,3} (?:status|fail|problem|error|notification|report)|warning: (?:message|could not)",
    re.I,
)
_DELAY = re.compile(rb"delay|warning", re.I)


@dataclass(frozen=True, slots=True)
class _Part:
    """One node of a message's MIME tree."""

    kind: str  #: content type, lower case
    content: bytes  #: transfer encoding undone
    copied: bool  #: stands inside the copy of another message


def unwrap(message: bytes) -> Opened:
    """Open a message from a stranger. Never raises; work is bounded by the message's length.

    Looks at the first 64 KiB. A proof is found in any text part, whatever encoded, wrapped, quoted or turned it into
    HTML on the way; where it stands decides which of the two sets holds it.
    """
    message = _LINE_END.sub(b"\n", message[:_LARGEST])
    header = _header(message)
    parts = tuple(_parts(message))
    status_part = next((part for part in parts if part.kind.endswith("/delivery-status") and not part.copied), None)
    bounce = _evident_bounce(header)
    reporting = any(part.kind == "multipart/report" and not part.copied for part in parts)
    is_report = bounce or reporting or status_part is not None
    action, status, remote_mta, diagnostic = _delivery_status(status_part.content if status_part else b"")
    if bounce and not action:
        action = "delayed" if _DELAY.search(header.get("subject", b"")) else "failed"
    texts = [part for part in parts if part.kind.startswith("text/")]
    own = frozenset(proof for part in texts if not part.copied for proof in _proofs(part))
    copied = frozenset(proof for part in texts if part.copied for proof in _proofs(part))
    return Opened(
        proofs=frozenset() if is_report else own,
        reported_proofs=own | copied if is_report else copied,
        is_report=is_report,
        action=action,
        status=status,
        remote_mta=remote_mta,
        diagnostic=diagnostic,
        refused_by_us=is_report and any(COLLECTOR.encode() in b" ".join(part.content.split()) for part in parts),
        received=tuple(hop.raw for hop in hops(message)),
    )


def _header(head: bytes) -> dict[str, bytes]:
    """Name -> value; of a repeated field the first counts."""
    return dict(reversed(tuple(fields(head))))


def _evident_bounce(header: dict[str, bytes]) -> bool:
    """Whether a message is a bounce although it is no RFC 3464 report: two of three signs, or Exim's own field."""
    daemon = _DAEMON.search(header.get("from", b""))
    worded = _BOUNCE.search(header.get("subject", b""))
    replied = header.get("auto-submitted", b"").lower().startswith(b"auto-replied")
    return sum(map(bool, (daemon, worded, replied))) >= 2 or "x-failed-recipients" in header


def _delivery_status(content: bytes) -> tuple[str, str, str, str]:
    """Action, status, remote MTA and diagnostic of the first recipient in a message/delivery-status (RFC 3464 2.3)."""
    blocks = (_header(block.lstrip(b"\n")) for block in content.split(b"\n\n", _PARTS)[:_PARTS])
    header = next((block for block in blocks if "action" in block or "status" in block), {})
    action = _ACTION.match(header.get("action", b""))
    status = _STATUS.match(header.get("status", b""))
    kind, _, name = header.get("remote-mta", b"").partition(b";")
    return (
        action[0].decode("ascii").lower() if action else "",
        status[0].decode("ascii") if status else "",
        escape((name or kind).strip()[:255]),
        escape(header.get("diagnostic-code", b"")[:500]),
    )


def _proofs(part: _Part) -> Iterator[str]:
    """Every string in a text part that stands behind the label and has a proof's form."""
    text = part.content.decode("latin-1")
    if part.kind == "text/html":
        text = html.unescape(_TAG.sub(" ", text))
    for label in _LABEL.finditer(text):
        if match := _PROOF.match(_GAPS.sub("", text[label.end() : label.end() + 80]).lower()):
            yield match[0]


def _parts(message: bytes) -> Iterator[_Part]:
    """The nodes of a message's MIME tree (RFC 2045, 2046), containers included, at most 100 and 20 levels deep."""
    stack = [(message, "text/plain", False, 0)]
    for _ in range(_PARTS):
        if not stack:
            return
        entity, kind, copied, depth = stack.pop()
        head, _, body = (b"", b"", entity[1:]) if entity.startswith(b"\n") else entity.partition(b"\n\n")
        header = _header(head)
        declared = header.get("content-type", b"")
        if match := _TYPE.match(declared):
            kind = match[0].decode("latin-1").lower()
        content = _decoded(body, header.get("content-transfer-encoding", b""))
        inner: list[bytes] = []
        if kind.startswith("multipart/"):
            boundary = _BOUNDARY.search(declared)
            inner = list(_divided(content, (boundary[1] or boundary[2]) if boundary else b""))
            if not inner:
                kind = "text/plain"  # damaged on the way: all of it is text
        elif kind.startswith("message/") and not kind.endswith("/delivery-status"):
            inner = [content]
        yield _Part(kind, content, copied or kind == "text/rfc822-headers")
        if depth < _DEEPEST:
            default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
            copied = copied or kind.startswith("message/")
            stack += [(part, default, copied, depth + 1) for part in reversed(inner)]


def _divided(content: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between the delimiter lines (RFC 2046 5.1.1); a missing last one is forgiven."""
    lines: list[bytes] | None = None
    for line in content.split(b"\n") if boundary else ():
        end = line[len(boundary) + 2 :].rstrip()
        if line.startswith(b"--" + boundary) and end in (b"", b"--"):
            if lines is not None:
                yield b"\n".join(lines)
            if end:
                return
            lines = []
        elif lines is not None:
            lines.append(line)
    if lines is not None:
        yield b"\n".join(lines)


def _decoded(body: bytes, encoding: bytes) -> bytes:
    """The body without its transfer encoding; what is damaged is read as far as it goes."""
    encoding = encoding.lower()
    if encoding.startswith(b"quoted-printable"):
        body = binascii.a2b_qp(body)
    elif encoding.startswith(b"base64"):
        digits = re.sub(rb"[^A-Za-z0-9+/=]", b"", body).partition(b"=")[0]
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        body = binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
    return _LINE_END.sub(b"\n", body)
