"""Text from any door -> Nomination, or Refused with one clear sentence. Pure: the caller brings bytes and the time.

Holds what can be said without the store: form of the address, special-purpose space, our own addresses, and
whether the evidence is a mail, small and fresh enough, that names the address. Rest periods, exclusions and
present listings are the store's knowledge and are checked in `casework`.
"""

from __future__ import annotations

from datetime import datetime

from dnsbl.addresses import Address
from dnsbl.model import Door, Nomination
from dnsbl.settings import Settings


def target(text: str, settings: Settings) -> Address:
    """An address that may be tested, from what a person typed. Raises Refused."""
    raise NotImplementedError


def nomination(
    address: str,
    *,
    door: Door,
    nominator: str,
    reason: str,
    evidence: bytes | None,
    settings: Settings,
    now: datetime,
) -> Nomination:
    """Read a nomination. An empty `address` is taken from the evidence's Received chain. Raises Refused.

    Operators (Door.CLI) may give a reason in place of evidence; other doors need evidence when
    `policy.require_evidence`. The evidence must name the address as a sender in its Received chain.
    """
    raise NotImplementedError
