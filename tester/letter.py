"""The test message: tokens, proof, and the text around them; written, and opened again.

Pure. A letter names one attempt on one address. Its recipient and sender tokens are 34 characters of [a-z2-7]:
type (1), key id (1), random id (16, 80 bits), gate (8, 40 bits), bind (8, 40 bits). The gate is an HMAC over
what the token itself shows, so the collector refuses rubbish at RCPT without a look-up; the bind is an HMAC
over everything the letter stands for (address, port, vector, run, window) and is checked against the store.
The proof is 128 bits that appear in the body only, sent after 354; it is derived by HMAC from the key and the
recipient token, so a crashed run can be taken up with the same letter, and stored as a SHA-256 hash.

What comes back is read by a small MIME reader of our own: the standard library's nests as deep as a stranger likes,
and rereads every line once for each level. Writing and reading stay in one module, longer than others for it,
because the token, the proof line and what finds them again change together.
"""

from __future__ import annotations

import binascii
import html
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from ipaddress import IPv4Address, IPv6Address

from tester.errors import ForgedToken
from tester.received import fields, hops
from tester.smtp import escape

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # base32 (RFC 4648 6) in lower case: no MTA objects to any of it
_PAIRS = [one + two for one in _ALPHABET for two in _ALPHABET]  # what ten bits are in it
_TOKEN = re.compile(r"[rs][a-z2-7]{33}")
_HEAD = 18  # of a token: type, key id, random id
_SECRET = 32  # bytes of a key


# Keys


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One signing key."""

    kid: str  #: one character of [a-z2-7]
    secret: bytes = field(repr=False)  #: 32 bytes
    created: int  #: epoch seconds


class Keyring:
    """The signing keys, newest last; old ones are kept for verification."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        """Raises ValueError when there is no key, when two share an id, or when one is malformed."""
        self.keys = keys
        self._by_kid = {key.kid: key for key in keys}
        if not keys or len(self._by_kid) != len(keys):
            raise ValueError("A key ring needs at least one key, each with an id of its own.")
        if any(len(key.kid) != 1 or key.kid not in _ALPHABET or len(key.secret) != _SECRET for key in keys):
            raise ValueError(f"A key has an id of one character of [a-z2-7] and {_SECRET} secret bytes.")

    @classmethod
    def generate(cls, random: Callable[[int], bytes], now: int) -> Keyring:
        """A ring with one fresh key. `random(n)` gives n unpredictable bytes; `now` is in epoch seconds."""
        return cls((Key(kid=_ALPHABET[0], secret=random(_SECRET), created=now),))

    @classmethod
    def from_json(cls, text: str) -> Keyring:
        """Inverse of `to_json`. Raises ValueError on a document of another make."""
        try:
            return cls(
                tuple(
                    Key(kid=str(row["kid"]), secret=bytes.fromhex(row["secret"]), created=int(row["created"]))
                    for row in json.loads(text)["keys"]
                )
            )
        except (KeyError, TypeError, RecursionError) as fault:
            raise ValueError("This is not a key ring.") from fault

    def to_json(self) -> str:
        """A JSON document holding all keys, secrets included."""
        rows = [{"kid": key.kid, "secret": key.secret.hex(), "created": key.created} for key in self.keys]
        return json.dumps({"keys": rows})

    @property
    def current(self) -> Key:
        """The key that signs new letters."""
        return self.keys[-1]

    def find(self, kid: str) -> Key | None:
        """The key with this id, or None when it was never here or is gone."""
        return self._by_kid.get(kid)

    def rotated(self, random: Callable[[int], bytes], now: int, *, keep: int) -> Keyring:
        """A ring with a new current key, without keys older than `keep` seconds (never dropping the last two).

        Key ids go round the alphabet; a kept key gives way when, after 32 rotations, its id comes up again.
        """
        kid = _ALPHABET[(_ALPHABET.index(self.current.kid) + 1) % len(_ALPHABET)]
        kept = (key for key in self.keys[:-1] if now - key.created <= keep and key.kid != kid)
        return Keyring((*kept, self.current, Key(kid=kid, secret=random(_SECRET), created=now)))


# Letters


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One attempt's letter: what it was issued for. A fact for the store; holds no secret."""

    recipient: str  #: recipient token, 34 characters; the letter's identity
    sender: str  #: sender token, 34 characters
    address: IPv4Address | IPv6Address
    port: int
    vector: str
    run: str  #: run id
    not_before: int  #: epoch seconds
    not_after: int  #: epoch seconds
    proof_hash: bytes  #: SHA-256 of the proof


def issue(
    keyring: Keyring,
    *,
    address: IPv4Address | IPv6Address,
    port: int,
    vector: str,
    run: str,
    not_before: int,
    not_after: int,
    random: Callable[[int], bytes],
) -> Letter:
    """A new letter with fresh tokens. `random(n)` gives n unpredictable bytes; times are in epoch seconds."""
    key = keyring.current
    heads = [kind + key.kid + _base32(random(10)) for kind in "rs"]
    facts = _facts(heads[0], address, port, vector, run, not_before, not_after)
    recipient, sender = (_sealed(key, head, facts) for head in heads)
    return Letter(
        recipient=recipient,
        sender=sender,
        address=address,
        port=port,
        vector=vector,
        run=run,
        not_before=not_before,
        not_after=not_after,
        proof_hash=sha256(_proof(key, recipient).encode()).digest(),
    )


def gate(keyring: Keyring, token: str) -> bool:
    """Whether the token (any case) bears our gate; says nothing about the letter. Constant work, no look-up."""
    token = token.lower() if token.isascii() else ""
    key = keyring.find(token[1:2])
    if key is None or not _TOKEN.fullmatch(token):
        return False
    return compare_digest(_gate(key, token[:_HEAD]), token[_HEAD : _HEAD + 8])


def genuine(keyring: Keyring, letter: Letter) -> bool:
    """Whether both tokens and the proof's hash bind exactly this letter's facts."""
    e = letter
    facts = _facts(e.recipient[:_HEAD], e.address, e.port, e.vector, e.run, e.not_before, e.not_after)
    for kind, token in (("r", e.recipient), ("s", e.sender)):
        key = keyring.find(token[1:2])
        if key is None or not _TOKEN.fullmatch(token) or token[0] != kind:
            return False
        if not compare_digest(_sealed(key, token[:_HEAD], facts), token):
            return False
    return compare_digest(sha256(proof(keyring, letter).encode()).digest(), letter.proof_hash)


def proof(keyring: Keyring, letter: Letter) -> str:
    """The body secret of this letter, 26 characters of [a-z2-7]. Raises ForgedToken when the key is gone."""
    key = keyring.find(letter.recipient[1:2])
    if key is None:
        raise ForgedToken("The key that this letter was signed with is gone.")
    return _proof(key, letter.recipient)


def _proof(key: Key, recipient: str) -> str:
    return _base32(_mac(key, "proof", _counted(recipient))[:16])


def _facts(
    head: str, address: IPv4Address | IPv6Address, port: int, vector: str, run: str, not_before: int, not_after: int
) -> bytes:
    """What both tokens of a letter bind; the recipient's head is among it, so they bind each other as well."""
    return _counted(head, address.packed, str(port), vector, run, str(not_before), str(not_after))


def _sealed(key: Key, head: str, facts: bytes) -> str:
    """The whole token for a head: gate and bind behind it, 40 bits (8 characters) each."""
    counted = _counted(head)
    return head + _base32(_mac(key, "gate", counted)[:5]) + _base32(_mac(key, "bind", counted + facts)[:5])


def _gate(key: Key, head: str) -> str:
    return _base32(_mac(key, "gate", _counted(head))[:5])


def _mac(key: Key, purpose: str, counted: bytes) -> bytes:
    """HMAC-SHA-256 over the purpose and parts that were counted."""
    return hmac_digest(key.secret, _PURPOSES[purpose] + counted, "sha256")


def _counted(*parts: str | bytes) -> bytes:
    """All parts, each behind its length, so that none can run into the next."""
    counted = b""
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode()
        counted += len(raw).to_bytes(4, "big") + raw
    return counted


_PURPOSES = {purpose: _counted(purpose) for purpose in ("gate", "bind", "proof")}


def _base32(data: bytes) -> str:
    """RFC 4648 section 6 in lower case, without padding. The library's is a third of what issuing a letter costs."""
    if len(data) == 5:  # all tags: four pairs, and nothing is left over
        bits = int.from_bytes(data, "big")
        return _PAIRS[bits >> 30] + _PAIRS[bits >> 20 & 1023] + _PAIRS[bits >> 10 & 1023] + _PAIRS[bits & 1023]
    pairs = -(-len(data) * 8 // 10)
    bits = int.from_bytes(data, "big") << (pairs * 10 - len(data) * 8)
    text = "".join([_PAIRS[bits >> shift & 1023] for shift in range(pairs * 10 - 10, -1, -10)])
    return text[: -(-len(data) * 8 // 5)]


# Writing


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who we say we are in the message."""

    service: str
    website: str
    contact: str
    helo: str
    collector_domain: str
    bounce_domain: str


_WIDTH = 72  # octets of a line, where the words allow it


def write(letter: Letter, *, proof: str, sender: Sender, nomination: str, date: float, mail_to: str) -> bytes:
    """The message: < 2 KiB, 7-bit, CRLF, lines <= 72, says who we are and why, Auto-Submitted, the proof line.

    `date` is in epoch seconds, `mail_to` the recipient's plain address for the To field, `nomination` the reference
    under which the server was nominated. Every name is cut, so that the longest fit together. A filter that dislikes
    the letter makes an open relay look closed, so it holds neither markup nor attachments.
    """
    version = "IPv6:" if letter.address.version == 6 else ""
    literal = f"[{version}{letter.address}]"
    when = format_datetime(datetime.fromtimestamp(date, UTC))
    run, vector = _clean(letter.run, 40), _clean(letter.vector, 8)
    service, website, contact = _clean(sender.service, 60), _clean(sender.website, 100), _clean(sender.contact, 80)
    lines = [
        f"Date: {when}",
        f"From: <{letter.sender}@{_clean(sender.bounce_domain, 253)}>",
        f"To: <{_clean(mail_to, 288)}>",
        f"Message-ID: <{letter.recipient}@{_clean(sender.bounce_domain, 253)}>",
        *_with_word(_wrapped(f"Subject: Open relay test of {literal} - {run}", indent=" "), vector),
        "Auto-Submitted: auto-generated",
        "",
        *_wrapped(f"This is an automatic test of the mail server at {literal}, made by {service}."),
        "",
        f"Proof: {proof}",
        "",
        *_wrapped(f"Who tests, why, and how to opt out: {website} (contact: {contact})"),
        "",
        *_wrapped(
            "If you read this anywhere but in our own mailbox, the server agreed to pass on mail from a stranger to a "
            "stranger. Its own policy decided that; no password or weakness was used."
        ),
        "",
        *_wrapped(f"Sent {when} by {_clean(sender.helo, 100)}. Nomination: {_clean(nomination, 40) or 'none'}."),
        "",
        *_wrapped("This message may be deleted. The page above says how to close an open relay."),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _clean(text: str, most: int) -> str:
    """Printable ASCII, cut to `most` characters: nothing in it can start a header line."""
    text = text[:most]
    return text if text.isascii() and text.isprintable() else re.sub(r"[^ -~]", "?", text)


@lru_cache(maxsize=256)  # every paragraph is the same in all letters of a test; wrapping is most of the work
def _wrapped(text: str, indent: str = "") -> tuple[str, ...]:
    wrapped = textwrap.wrap(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return tuple(wrapped)


def _with_word(lines: tuple[str, ...], word: str) -> tuple[str, ...]:
    """Lines of a folded header field with one more short word at their end."""
    last = f"{lines[-1]} {word}"
    return (*lines[:-1], last) if len(last) <= _WIDTH else (*lines, f" {word}")


# Opening


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
