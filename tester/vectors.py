"""The catalogue of relay forms: one row each, with what it shows and whom it could hurt.

Pure data and string building. Never decides anything; never quotes or "repairs" an address: the envelope goes
out exactly as built here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from tester.smtp import Attempt  # noqa: F401  (callers build these from an Envelope)


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The names that envelopes are built from."""

    target: IPv4Address | IPv6Address  #: I
    target_name: str  #: T; "" until the banner is known, then the address literal stands in
    collector_domain: str  #: C
    bounce_domain: str  #: B


@dataclass(frozen=True, kw_only=True, slots=True)
class Vector:
    """One relay form."""

    id: str  #: "S01", "R06", ...
    mail: str  #: template of the reverse-path: {s} sender token, {T} {I} {B} {C}; without angle brackets
    rcpt: str  #: template of the forward-path: {r} recipient token, {T} {I} {B} {C} {Cenc}
    fault: str  #: the class of fault it shows, one sentence
    hops: str  #: "1", "2" or "1/2"
    tier: str  #: "basic", "standard", "owner" (only on the owner's request) or "documented" (never sent)
    odd: bool = False  #: unusual syntax
    harm: str = ""  #: known harm, or ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Exact bytes, with angle brackets."""

    mail: bytes
    rcpt: bytes


#: id -> row, in the order in which they are tried
CATALOGUE: Mapping[str, Vector] = {}
#: "basic", "standard", "full" -> ids, in the order in which they are tried
PROFILES: Mapping[str, tuple[str, ...]] = {}


def profile(name: str) -> tuple[Vector, ...]:
    """The rows of a profile, in order. Raises UnknownName."""
    raise NotImplementedError


def envelope(vector: Vector, names: Names, *, sender: str, recipient: str) -> Envelope:
    """The exact envelope of a row. `sender` and `recipient` are tokens. IPv6 literals are `[IPv6:...]` (RFC 5321 4.1.3)."""
    raise NotImplementedError
