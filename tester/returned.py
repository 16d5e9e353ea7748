"""A message as it came to the collector, with its circumstances; opened, with what it claims.

Pure. Everything in it is a stranger's: nothing here believes a word, or holds a message against a letter (that is
`weighing`), nor says what an answer means (that is `bounces`). What a proof looks like follows `letter.proof`; a test
holds the two together.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address

from tester.mime import STATUS, Part, header, lines, parts, told
from tester.records import dataclass


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
class Unwrapped:
    """What a message that came to the collector holds. Everything in it is a claim of a stranger."""

    proofs: frozenset[str]  #: what looks like a proof in the message's own text; empty in a report or an answer
    is_report: bool  #: multipart/report, a DSN part, or an evident bounce by its From, Subject and Auto-Submitted
    is_answer: bool  #: somebody's answer to a message, not a message that was passed on: its quotations prove nothing
    header: Mapping[str, bytes]  #: its fields
    parts: tuple[Part, ...]  #: the nodes of its MIME tree


#: What a wording puts before its proof.
_LABEL = re.compile(r"\b(?:proof|reference|code|ticket):", re.I)
_GAPS = re.compile(r"[\s>*]+")  # what rewrapping, quoting and emphasis put between the letters
_PROOF = re.compile(r"[a-z2-7]{26}")
_TAG = re.compile(r"<[^<>]*>")

_DAEMON = re.compile(rb"\b(?:mailer-daemon|mail-daemon|postmaster|double-bounce)(?=[@\s>]|$)", re.I)
_BOUNCE = re.compile(
    rb"undeliver|non-?deliver|not (?:be )?deliver|returned (?:mail|to sender)|failure notice|mail deliver|delay"
    rb"|deliver[a-z]{0,3} (?:status|fail|problem|error|notification|report)|warning: (?:message|could not)",
    re.I,
)
#: Types of parts that a letter's text may stand in: a gateway calls octets by the second what it knows nothing of, and
#: one that signs (RFC 8551 3.5.2), or packs as Outlook does (MS-OXTNEF), has the text in clear within.
_TEXTS = (
    "text/",
    "application/octet-stream",
    "application/pkcs7-mime",
    "application/x-pkcs7-mime",
    "application/ms-tnef",
)
#: A name of one of our letters, which holds its recipient's token (see `letter.write`).
_OUR_NAME = re.compile(rb"<?r[a-z2-7]{33}@", re.I)
#: How a subject begins that answers another one, in the words of mail programs.
_AGAIN = re.compile(rb"(?:\[[^\]]{0,40}\]\s{0,9})?(?:re|aw|antw|sv|vs|rv|ynt|odp)(?:\[\d{1,3}\])?\s?:", re.I)


def unwrap(message: bytes) -> Unwrapped:
    """Open a message from a stranger. Never raises; work is bounded by the message's length.

    Looks at the first MiB. A proof is found in any text part, whatever encoded, wrapped, quoted, attached or turned it
    into HTML on the way; in a report, in an answer, and in the copy of another message, it is none. A message that goes
    under the name of a letter of ours (its Message-ID) is that letter, and so is a copy within it: a filter has wrapped
    it up.
    """
    message = lines(message)
    head, tree = header(message), tuple(parts(message))
    own_tree = [part for part in tree if not part.copied]
    is_report = _evident_bounce(head) or any(
        part.kind == "multipart/report" or part.kind in STATUS for part in own_tree
    )
    ours = bool(_OUR_NAME.match(head.get("message-id", b"")))
    is_answer = not ours and _answers(head)
    texts = [part for part in (tree if ours else own_tree) if part.kind.startswith(_TEXTS)]
    found = () if is_report or is_answer else (proof for part in texts for proof in _proofs(part))
    return Unwrapped(proofs=frozenset(found), is_report=is_report, is_answer=is_answer, header=head, parts=tree)


def _answers(header: Mapping[str, bytes]) -> bool:
    """Whether a message says of itself that it answers another one (RFC 5322 3.6.4, RFC 3834 5): who passes a letter on
    has no reason to, while a ticket desk may answer its sender and its recipient."""
    replied = header.get("auto-submitted", b"").lower().startswith(b"auto-replied")
    named = "in-reply-to" in header or "references" in header
    return replied or named or bool(_AGAIN.match(header.get("subject", b"")))


def _evident_bounce(header: dict[str, bytes]) -> bool:
    """Whether a message is a bounce although it is no RFC 3464 report: two of three signs, or Exim's own field."""
    daemon = _DAEMON.search(header.get("from", b""))
    worded = _BOUNCE.search(header.get("subject", b""))
    replied = header.get("auto-submitted", b"").lower().startswith(b"auto-replied")
    return sum(map(bool, (daemon, worded, replied))) >= 2 or "x-failed-recipients" in header


def _proofs(part: Part) -> Iterator[str]:
    """Every string in a text part that stands behind the label and has a proof's form, by the declared charset and as
    it stands: not all that is called UTF-16 is."""
    for text in {told(part.content, part.charset), part.content.decode("latin-1")}:
        shown = html.unescape(_TAG.sub(" ", text)) if part.kind == "text/html" else text
        for label in _LABEL.finditer(shown):
            if match := _PROOF.match(_GAPS.sub("", shown[label.end() : label.end() + 80]).lower()):
                yield match[0]
