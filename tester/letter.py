"""The test message: tokens, proof, and the text around them; written, and opened again.

Pure. A letter names one attempt on one address. Its recipient and sender tokens are 34 characters of [a-z2-7]:
type (1), key id (1), random id (16, 80 bits), gate (8, 40 bits), bind (8, 40 bits). The gate is an HMAC over
what the token itself shows, so the collector refuses rubbish at RCPT without a look-up; the bind is an HMAC
over everything the letter stands for (address, port, vector, run, window) and is checked against the store.
The proof is 128 bits that appear in the body only, sent after 354; it is derived by HMAC from the key and the
recipient token, so a crashed run can be taken up with the same letter, and stored as a SHA-256 hash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    kid: str  #: one character of [a-z2-7]
    secret: bytes  #: 32 bytes
    created: int  #: epoch seconds


class Keyring:
    """The signing keys, newest last; old ones are kept for verification."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        raise NotImplementedError

    @classmethod
    def generate(cls, random: Callable[[int], bytes], now: int) -> Keyring:
        """A ring with one fresh key."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, text: str) -> Keyring: ...

    def to_json(self) -> str: ...

    @property
    def current(self) -> Key: ...

    def rotated(self, random: Callable[[int], bytes], now: int, *, keep: int) -> Keyring:
        """A ring with a new current key, without keys older than `keep` seconds (never dropping the last two)."""
        raise NotImplementedError


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who we say we are in the message."""

    service: str
    website: str
    contact: str
    helo: str
    collector_domain: str
    bounce_domain: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What a message that came to the collector holds. Everything in it is a claim of a stranger."""

    proofs: frozenset[str]  #: every string in any decoded text part that looks like a proof (at the top level only, see `in_report`)
    reported_proofs: frozenset[str]  #: proofs found only inside a delivery status report's returned copy
    is_report: bool  #: multipart/report or an evident bounce (null sender, mailer-daemon, DSN parts)
    action: str  #: "failed", "delayed", "relayed", ... from the DSN, or ""
    status: str  #: RFC 3463 status from the DSN, or ""
    remote_mta: str  #: from the DSN, or ""
    diagnostic: str  #: escaped, bounded, or ""
    received: tuple[str, ...]  #: raw Received fields, newest first, escaped and bounded


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
    """A new letter with fresh tokens."""
    raise NotImplementedError


def gate(keyring: Keyring, token: str) -> bool:
    """Whether the token (any case) bears our gate; says nothing about the letter. Constant work, no look-up."""
    raise NotImplementedError


def genuine(keyring: Keyring, letter: Letter) -> bool:
    """Whether both tokens bind exactly this letter's facts."""
    raise NotImplementedError


def proof(keyring: Keyring, letter: Letter) -> str:
    """The body secret of this letter, 26 characters of [a-z2-7]. Raises ForgedToken when the key is gone."""
    raise NotImplementedError


def write(letter: Letter, *, proof: str, sender: Sender, nomination: str, date: float, mail_to: str) -> bytes:
    """The message: < 2 KiB, 7-bit, CRLF, lines <= 72, says who we are and why, Auto-Submitted, the proof line."""
    raise NotImplementedError


def unwrap(message: bytes) -> Opened:
    """Open a message from a stranger. Never raises; work is bounded by the message's length."""
    raise NotImplementedError
