"""Letters that a list gives to a remote tester: the document that it answers with, read. Pure.

The list is somebody else's machine, so what it says is bounded and checked before anything is done with it: only the
address that was asked for is dialled, only forms that we know are offered, and every name is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from tester.errors import NoLetters
from tester.letter import TOKEN, Letter, Sender
from tester.records import dataclass
from tester.smtp import escape
from tester.vectors import CATALOGUE, PROFILES
from tester.verdict import Finding
from tester.wordings import WORDINGS

Address = IPv4Address | IPv6Address

_TOKEN = re.compile(rf"[rs][a-z2-7]{{{TOKEN - 1}}}")
_PROOF = re.compile(r"[a-z2-7]{26}")
_RUN = re.compile(r"[a-z2-7]{16}")
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Borrowed:
    """Letters of a list, and what goes with them."""

    run: str
    port: int
    profile: str  #: which forms they are of
    letters: tuple[Letter, ...]
    proofs: Mapping[str, str]  #: by recipient token
    sender: Sender  #: whose letters they are; the name in EHLO is the tester's own
    nomination: str  #: the reference that the letters name
    shows: str  #: what the list does where one comes back, a sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """One letter that is at the list's collector."""

    recipient: str  #: its token
    finding: Finding
    peer: Address  #: who brought it


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What the list says has become of its letters."""

    backs: tuple[Noted, ...]
    listed: tuple[str, ...]  #: the kinds that tests list the address under
    over: bool  #: judged, or too late
    explanation: str  #: a sentence, or ""


def borrowed(document: Any, address: Address, *, helo: str) -> Borrowed:
    """The letters in this document, for this address. Raises NoLetters for what cannot be used."""
    try:
        rows = document["letters"]
        run, port = _word(document["id"], _RUN), _number(document["port"])
        if not rows or document["address"] != str(address) or not 0 < port <= 65535:
            raise ValueError
        by = document["sender"]
        letters = tuple(_letter(row, address, port, run, document) for row in rows)
        proofs = {one.recipient: _word(row["proof"], _PROOF) for one, row in zip(letters, rows, strict=True)}
        sender = Sender(
            service=_text(by["service"]),
            website=_text(by["website"]),
            contact=_text(by["contact"]),
            helo=helo,
            collector_domain=_word(by["collector_domain"], _DOMAIN),
            bounce_domain=_word(by["bounce_domain"], _DOMAIN),
            wording=_wording(by["wording"]),
        )
        profile = str(document["profile"])
        if profile not in PROFILES:
            raise ValueError
        nomination, shows = _text(document["nomination"]), _text(document["shows"])
    except (KeyError, TypeError, ValueError):
        raise NoLetters("The list has answered with something that is no set of letters for this address.") from None
    if len({one.vector for one in letters}) < len(letters) or len(proofs) < len(letters):
        raise NoLetters("The list has given the same letter twice.")
    return Borrowed(
        run=run,
        port=port,
        profile=profile,
        letters=letters,
        proofs=proofs,
        sender=sender,
        nomination=nomination,
        shows=shows,
    )


def word(document: Any, letters: Borrowed) -> Word:
    """How the list says that the test stands. Raises NoLetters for what cannot be understood."""
    try:
        rows = document["back"]
        if document["id"] != letters.run:
            raise ValueError
        backs = tuple(
            Noted(
                recipient=_word(row["recipient"], _TOKEN), finding=Finding(row["finding"]), peer=ip_address(row["peer"])
            )
            for row in rows
            if row["recipient"] in letters.proofs
        )
        return Word(
            backs=backs,
            listed=tuple(_text(kind) for kind in document["listed"][:10]),
            over=document["state"] == "settled",
            explanation=_text(document["explanation"]),
        )
    except (KeyError, TypeError, ValueError):
        raise NoLetters("The list has answered with something that is no word on this test.") from None


def _letter(row: Any, address: Address, port: int, run: str, document: Any) -> Letter:
    vector = str(row["vector"])
    if vector not in CATALOGUE:
        raise ValueError(vector)
    return Letter(
        recipient=_word(row["recipient"], _TOKEN),
        sender=_word(row["sender"], _TOKEN),
        address=address,
        port=port,
        vector=vector,
        run=run,
        not_before=_number(document["not_before"]),
        not_after=_number(document["not_after"]),
        proof_hash=sha256(str(row["proof"]).encode()).digest(),
    )


def _word(value: Any, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise ValueError
    return str(value)


def _number(value: Any) -> int:
    if not isinstance(value, int):  # nor one that is none, such as 1e999
        raise TypeError
    return value


def _text(value: Any) -> str:
    """Words of the list's, escaped and bounded."""
    if not isinstance(value, str):
        raise TypeError
    return escape(value.encode("utf-8", "replace"))[:300]


def _wording(value: Any) -> int:
    return value if isinstance(value, int) and value in range(len(WORDINGS)) else 0
