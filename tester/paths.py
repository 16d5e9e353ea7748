"""The ways into a host, and which of them a test offers letters on.

Pure data and arithmetic on it. Dials nobody, asks no DNS, and knows no reason for a test: who holds a test says whether
it is of one door or of the whole host, and which other addresses are proven to be the same machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from tester.records import dataclass


class Tls(StrEnum):
    """When a conversation goes on under TLS."""

    NEEDED = "needed"  # where the server insists on it
    OFFERED = "offered"  # wherever the server offers it
    IMPLICIT = "implicit"  # from the first octet (RFC 8314 3.3), as on port 465


#: The ports where a server takes mail from those who log in (RFC 6409 3.1, RFC 8314 7.3; 2525 by custom).
SUBMISSION = frozenset({465, 587, 2525})
#: Of these the one that begins with TLS (RFC 8314 7.3).
SMTPS = 465


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """One way into a host."""

    address: IPv4Address | IPv6Address
    port: int
    tls: Tls = Tls.NEEDED

    @property
    def name(self) -> str:
        """How people read it: "192.0.2.1 port 465 (TLS)"."""
        return f"{self.address} port {self.port}" + (" (TLS)" if self.tls is Tls.IMPLICIT else "")

    @property
    def encrypted(self) -> Literal["starttls", "implicit"]:
        """How TLS comes about on it."""
        return "implicit" if self.tls is Tls.IMPLICIT else "starttls"


def path(address: IPv4Address | IPv6Address, port: int) -> Path:
    """The way in at this port, in the manner that belongs to the port. Where people log in TLS is used wherever it is
    offered: many such servers say nothing before it. Who has it the other way round is followed (`states`)."""
    tls = Tls.IMPLICIT if port == SMTPS else Tls.OFFERED if port in SUBMISSION else Tls.NEEDED
    return Path(address=address, port=port, tls=tls)


def whole(address: IPv4Address | IPv6Address, port: int, ports: Iterable[int]) -> tuple[Path, ...]:
    """Every way into a machine at one of its addresses: the mail port first, then the others of `ports`, each once.
    25 in `ports` stands for the mail port, which laboratories have elsewhere."""
    others = dict.fromkeys(other for other in ports if other not in (25, port))
    return (path(address, port), *(path(address, other) for other in others))


def missing(wanted: Sequence[Path], there: Iterable[Path]) -> tuple[Path, ...]:
    """Those wanted that are not there; two ways in are the same where address and port are."""
    known = {(one.address, one.port) for one in there}
    return tuple(one for one in wanted if (one.address, one.port) not in known)
