"""The test message: tokens, proof, and who writes it, in words of `wordings`. What comes back is opened by `returned`.

Pure. A letter names one attempt on one address. Its recipient and sender tokens are 34 characters of [a-z2-7]:
type (1), key id (1), random id (16, 80 bits), gate (8, 40 bits), bind (8, 40 bits). The gate is an HMAC over
what the token itself shows, so the collector refuses rubbish at RCPT without a look-up; the bind is an HMAC
over everything the letter stands for (address, port, vector, run, window) and is checked against the store.
The proof is 128 bits that appear in the body only, sent after 354; it is derived by HMAC from the key and the
recipient token, so a crashed run can be taken up with the same letter, and stored as a SHA-256 hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from ipaddress import IPv4Address, IPv6Address

from tester import wordings
from tester.errors import ForgedToken
from tester.records import dataclass

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # base32 (RFC 4648 6) in lower case: no MTA objects to any of it
_PAIRS = [one + two for one in _ALPHABET for two in _ALPHABET]  # what ten bits are in it
#: Characters of a token.
TOKEN = 34
_TOKEN = re.compile(rf"[rs][a-z2-7]{{{TOKEN - 1}}}")
_HEAD = 18  # of a token: type, key id, random id
_SECRET = 32  # bytes of a key


# Keys


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One signing key."""

    kid: str  #: one character of [a-z2-7]
    secret: bytes = field(repr=False)  #: 32 bytes
    created: int  #: epoch seconds; from then on it signs


class Keyring:
    """The signing keys, newest last; old ones are kept for verification."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        """Raises ValueError when there is no key, when two share an id, or when one is malformed."""
        self._become(keys)
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

    def _become(self, keys: tuple[Key, ...]) -> None:
        self.keys = keys
        self._by_kid = {key.kid: key for key in keys}

    @property
    def current(self) -> Key:
        """The newest key."""
        return self.keys[-1]

    def signing(self, now: int) -> Key:
        """The key that signs new letters at this time: the newest whose time has come."""
        return next((key for key in reversed(self.keys) if key.created <= now), self.keys[0])

    @property
    def next_kid(self) -> str:
        """The id of the key that will follow the newest; ids go round the alphabet."""
        return _ALPHABET[(_ALPHABET.index(self.current.kid) + 1) % len(_ALPHABET)]

    def find(self, kid: str) -> Key | None:
        """The key with this id, or None when it was never here or is gone."""
        return self._by_kid.get(kid)

    def rotated(self, random: Callable[[int], bytes], now: int, *, keep: int, ahead: int = 0) -> Keyring:
        """A ring with a new key that signs `ahead` seconds from now, without those that ceased to sign more than `keep`
        seconds ago.

        A kept key gives way when, after 32 rotations, its id comes up again.
        """
        followed = zip(self.keys, self.keys[1:], strict=False)
        kept = (key for key, after in followed if now - after.created <= keep and key.kid != self.next_kid)
        return Keyring((*kept, self.current, Key(kid=self.next_kid, secret=random(_SECRET), created=now + ahead)))


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
    key = keyring.signing(not_before)
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
    """RFC 4648 section 6 in lower case, without padding, of 5, 10 or 16 octets, which leave no character over. The
    library's is a third of what issuing a letter costs."""
    if len(data) == 5:  # all tags: four pairs, and nothing is left over
        bits = int.from_bytes(data, "big")
        return _PAIRS[bits >> 30] + _PAIRS[bits >> 20 & 1023] + _PAIRS[bits >> 10 & 1023] + _PAIRS[bits & 1023]
    pairs = -(-len(data) * 8 // 10)
    bits = int.from_bytes(data, "big") << (pairs * 10 - len(data) * 8)
    return "".join([_PAIRS[bits >> shift & 1023] for shift in range(pairs * 10 - 10, -1, -10)])


# Writing


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who we say we are in the message, and in which words."""

    service: str
    website: str
    contact: str
    helo: str
    collector_domain: str
    bounce_domain: str
    wording: int = 0  #: of `wordings.WORDINGS`


def write(letter: Letter, *, proof: str, sender: Sender, nomination: str, date: float, mail_to: str) -> bytes:
    """The message: < 2 KiB, 7-bit, CRLF, lines <= 72, says who wrote it, and the proof behind one of its labels.

    `date` is in epoch seconds, `mail_to` the recipient's plain address for the To field, `nomination` the reference
    under which the server was nominated. Every name is cut, so that the longest fit together. A filter that dislikes
    the letter makes an open relay look closed, so it holds neither markup nor attachments.
    """
    version = "IPv6:" if letter.address.version == 6 else ""
    bounce_domain = _clean(sender.bounce_domain, 253)
    particulars = wordings.Particulars(
        when=format_datetime(datetime.fromtimestamp(date, UTC)),
        sender=f"{letter.sender}@{bounce_domain}",
        recipient=_clean(mail_to, 288),
        message_id=f"{letter.recipient}@{bounce_domain}",
        literal=f"[{version}{letter.address}]",
        run=_clean(letter.run, 40),
        vector=_clean(letter.vector, 8),
        service=_clean(sender.service, 60),
        website=_clean(sender.website, 100),
        contact=_clean(sender.contact, 80),
        helo=_clean(sender.helo, 100),
        bounce_domain=bounce_domain,
        nomination=_clean(nomination, 40) or "none",
        proof=proof,
    )
    return "".join(f"{line}\r\n" for line in wordings.write(sender.wording, particulars)).encode("ascii")


def _clean(text: str, most: int) -> str:
    """Printable ASCII, cut to `most` characters: nothing in it can start a header line."""
    text = text[:most]
    return text if text.isascii() and text.isprintable() else re.sub(r"[^ -~]", "?", text)
