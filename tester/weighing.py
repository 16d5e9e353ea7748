"""What a message at the collector is, held against the letter that it claims to be.

Pure. Gathers the circumstances and lets `verdict.weigh` judge; keeps nothing and finds nothing: the caller brings the
letter that a token names, with what has become of it, and says what is ours.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address

from tester.fate import Fate
from tester.letter import Keyring, genuine
from tester.returned import Collected, Opened
from tester.smtp import DELIVERED
from tester.verdict import Evidence, Finding, Weighed, weigh


@dataclass(frozen=True, kw_only=True, slots=True)
class Ours:
    """What is ours, by which our own part in what comes back is told."""

    names: Collection[str]  #: names and addresses of our collectors, lower case
    sources: Collection[IPv4Address | IPv6Address] = ()  #: addresses that we dial from


def weigh_return(
    collected: Collected, opened: Opened, fate: Fate | None, *, keyring: Keyring, ours: Ours, window: float
) -> Weighed:
    """What this message, already opened, proves about the letter whose token its recipient is.

    `fate` is None when there is no such letter. A delivery is late `window` seconds after the dot, or after the
    letter's first moment when it is not known that one went out. A machine of ours has delivered it when the peer is
    an address that we dial from, unless that is the very address under test.
    """
    if fate is None:
        if collected.recipient in ("postmaster", "abuse"):
            return Weighed(finding=Finding.HUMAN, counts=False, reason="Somebody wrote to us.")
        return Weighed(finding=Finding.FORGED, counts=False, reason="There is no such letter.")
    letter = fate.letter
    return weigh(
        Evidence(
            address=letter.address,
            peer=collected.peer,
            to_sender_token=collected.token == letter.sender,
            genuine=genuine(keyring, letter),
            proof_ok=any(sha256(proof.encode()).digest() == letter.proof_hash for proof in opened.proofs),
            is_report=opened.is_report,
            action=opened.action,
            remote_mta_is_us=opened.refused_by_us or _host(opened.remote_mta) in ours.names,
            null_sender=collected.null_sender,
            outcome=fate.outcome,
            already_delivered=fate.folded in DELIVERED,
            received_at=collected.received_at,
            not_before=letter.not_before,
            dot_at=fate.dot_at,
            late_after=(letter.not_before if fate.dot_at is None else fate.dot_at) + window,
            not_after=letter.not_after,
            peer_is_us=collected.peer in ours.sources and collected.peer != letter.address,
        )
    )


def weigh_probe(probe: Collected, fate: Fate) -> Weighed:
    """What it is that somebody named a recipient of ours and brought no message: a callback when it was a sender token,
    else a token that somebody has seen."""
    if probe.token == fate.letter.sender:
        return Weighed(finding=Finding.CALLBACK_SEEN, counts=False, reason="Asked whether the sender is.")
    return Weighed(finding=Finding.TOKEN_SEEN, counts=False, reason="The recipient came, no message.")


def _host(remote_mta: str) -> str:
    """The name in a Remote-MTA field, `dns; mx.example.org`; Courier adds the address to it."""
    return remote_mta.rpartition(";")[2].strip().partition(" ")[0].rstrip(".").lower()
