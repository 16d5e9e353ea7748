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

from tester.mime import STATUS, Part, header, lines, parts, told, visible, worded
from tester.received.fields import fields
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
    is_answer: bool  #: somebody's own message that answers or tells of another, not one that was passed on: no proof
    header: Mapping[str, bytes]  #: its fields
    parts: tuple[Part, ...]  #: the nodes of its MIME tree


#: What a wording puts before its proof, whatever emphasis stands around it; some set a blank before the colon.
_LABEL = re.compile(r"(?<![^\W_])(?:proof|reference|code|ticket)(?:[^\w:<]|_){0,20}[:\uff1a]", re.I)
#: What rewrapping, quoting, emphasis and typography put between the letters; a tag stands in the way, in plain text.
_GAPS = re.compile(r"(?:[^\w<:]|_)+")
#: What nobody sees: octets of a wider charset, where the one that is declared is another, and marks where words break.
_UNSEEN = re.compile(r"[\0\u00ad\u200b-\u200f\u2060\ufeff]+")
_PROOF = re.compile(r"[a-z2-7]{26}")
_TAG = re.compile(r"<[^<>]*>")

_DAEMON = re.compile(rb"\b(?:mailer-daemon|mail-daemon|postmaster|double-bounce)(?=[@\s>]|$)", re.I)
_BOUNCE = re.compile(
    rb"undeliver|non-?deliver|not (?:be )?deliver|returned (?:mail|to sender)|failure notice|mail deliver|delay"
    rb"|deliver[a-z]{0,3} (?:status|fail|problem|error|notification|report)|warning: (?:message|could not)",
    re.I,
)
#: Types of parts that no letter's text stands in. It may in any other: a gateway calls octets by what it knows, and one
#: that signs (RFC 8551 3.5.2), or packs as Outlook does (MS-OXTNEF), has the text in clear within.
_NO_TEXTS = ("multipart/", "message/", "image/", "audio/", "video/", "font/", "model/")
#: Types whose words stand between tags (RFC 1896 among them).
_MARKED = frozenset({"text/html", "application/xhtml+xml", "text/enriched", "text/richtext"})
#: A name of one of our letters, which holds its recipient's token (see `letter.write`).
_OUR_NAME = re.compile(rb"<?r[a-z2-7]{33}@", re.I)
#: The sender of one of our letters.
_OUR_SENDER = re.compile(rb"(?<![a-z0-9])s[a-z2-7]{33}@", re.I)
#: How a subject begins that answers another one, in the words of mail programs, behind what gateways put before it.
_AGAIN = re.compile(
    r"(?:(?:\[[^\]]{0,40}\]|\*{1,5}+[^*]{1,40}\*{1,5}+)\s{0,9}+)*+"
    r"(?:re|res|r|rif|réf|aw|antw|antwoord|sv|vs|ynt|yan|odp|odg|vá|bls|atb|ats|tl|απ|отв|ответ|תשובה|השב|رد"
    r"|回复|回覆|答复|答覆|返信|회신|답장)(?:\[\d{1,3}\]|\^\d{1,3})?\s?[:\uff1a]",
    re.I,
)
#: What a machine calls its own message when it tells of another one: that it answers by itself, that it keeps a letter
#: back, or that somebody complains of one.
_TELLS = re.compile(
    r"\bauto(?:matic|mated)?[ -]?(?:reply|response)|\bout of (?:the )?office|automatische antwort|réponse automatique"
    r"|(?:respuesta|resposta) automática|risposta automatica|автоответ|自动回复|自動返信"
    r"|quarant|kwarant|cuarentena|karant|карантин|隔离|隔離|検疫|격리"
    r"|\b(?:virus|malware|banned) .{0,60}\b(?:in|found|detected)\b|\bvirus ?alert"
    r"|\bspam (?:report|digest|summary|notif)|\babuse (?:report|complaint)|\bcomplaint\b"
    r"|\b(?:await|held for).{0,20}\b(?:approval|moderat)"
    r"|\bchallenge\b|\bconfirm your (?:message|e-?mail)",
    re.I,
)


def unwrap(message: bytes) -> Unwrapped:
    """Open a message from a stranger. Never raises; work is bounded by the message's length.

    Looks at the first MiB. A proof is found in any text part, whatever encoded, wrapped, quoted, attached or turned it
    into HTML on the way; in a report, in an answer, and in the copy of another message, it is none. A message that goes
    under the name of a letter of ours (its Message-ID) is that letter, and so is a copy within it: a filter has wrapped
    it up. An attached file that begins as a message does is a copy too.
    """
    message = lines(message)
    head, tree = header(message), tuple(parts(message))
    own_tree = [part for part in tree if not part.copied]
    is_report = _evident_bounce(head) or any(
        part.kind == "multipart/report" or part.kind in STATUS for part in own_tree
    )
    ours = any(name == "message-id" and _OUR_NAME.match(value) for name, value in fields(message))
    is_answer = not ours and _answers(head)
    if not ours and len(tree) > 1:
        own_tree = [part for part in own_tree if not _begins_a_message(part)]
    texts = [part for part in (tree if ours else own_tree) if not part.kind.startswith(_NO_TEXTS)]
    found = () if is_report or is_answer else (proof for part in texts for proof in _proofs(part))
    return Unwrapped(proofs=frozenset(found), is_report=is_report, is_answer=is_answer, header=head, parts=tree)


def _answers(header: Mapping[str, bytes]) -> bool:
    """Whether a message says of itself that it answers or tells of another one (RFC 5322 3.6.4, RFC 3834 5): who passes
    a letter on has no reason to, while a ticket desk may answer its sender and its recipient, and a filter may tell
    both that it keeps it. Under our sender a subject is ours, with what a gateway has put before it."""
    replied = header.get("auto-submitted", b"").lower().startswith(b"auto-replied")
    replied = replied or header.get("precedence", b"").lower().startswith(b"auto_reply")
    if replied or not header.keys().isdisjoint(("in-reply-to", "references", "x-autoreply", "x-autorespond")):
        return True
    subject, sender = worded(header.get("subject", b"")), header.get("from", b"")
    told_of = _TELLS.search(subject) or _TELLS.search(worded(sender)) or _DAEMON.search(sender)
    return bool(_AGAIN.match(subject) or (told_of and not _OUR_SENDER.search(sender)))


def _begins_a_message(part: Part) -> bool:
    """Whether a part that is no message by its type is the file of one."""
    return not header(part.content).keys().isdisjoint(("message-id", "received", "return-path"))


def _evident_bounce(header: dict[str, bytes]) -> bool:
    """Whether a message is a bounce although it is no RFC 3464 report: two of three signs, or Exim's own field."""
    daemon = _DAEMON.search(header.get("from", b""))
    worded = _BOUNCE.search(header.get("subject", b""))
    replied = header.get("auto-submitted", b"").lower().startswith(b"auto-replied")
    return sum(map(bool, (daemon, worded, replied))) >= 2 or "x-failed-recipients" in header


def _proofs(part: Part) -> Iterator[str]:
    """Every string in a text part that stands behind the label and has a proof's form, by the declared charset and as
    it stands: not all that is called UTF-16 is, nor is all else none. Of markup, tags are taken for nothing, as who
    reads it does, and for blanks, where they stand between words."""
    for text in {told(part.content, part.charset), part.content.decode("latin-1")}:
        plain = _UNSEEN.sub("", text)
        marked = part.kind in _MARKED
        for read in (visible(plain), html.unescape(_TAG.sub(" ", plain))) if marked else (plain,):
            shown = _UNSEEN.sub("", read)  # what entities stood for
            for label in _LABEL.finditer(shown):
                if match := _PROOF.match(_GAPS.sub("", shown[label.end() : label.end() + 80]).lower()):
                    yield match[0]
