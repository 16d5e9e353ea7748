"""What a message at the collector is, held against the letter that it claims to be.

Pure. Gathers the circumstances and lets `verdict.weigh` judge; keeps nothing and finds nothing: the caller brings the
letter that a token names, and says what it knows of the attempt and of us.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address

from tester.letter import Keyring, Letter, genuine
from tester.returned import Opened
from tester.smtp import Outcome
from tester.verdict import Evidence, Weighed, weigh


def weigh_return(
    opened: Opened,
    letter: Letter,
    *,
    keyring: Keyring,
    token: str,
    peer: IPv4Address | IPv6Address,
    null_sender: bool,
    received_at: float,
    window: float,
    us: Collection[str],
    peer_is_us: bool,
    outcome: Outcome | None = None,
    already_delivered: bool = False,
    dot_at: float | None = None,
) -> Weighed:
    """What this message proves about this letter.

    `token` is the recipient's local part, `peer` who delivered the message, `null_sender` whether its reverse path was
    empty, `received_at` when it came (epoch seconds). `outcome`, `already_delivered` and `dot_at` (epoch seconds) say
    what is known of the attempt so far. A delivery is late `window` seconds after the dot, or after the letter's first
    moment. `us` are the names and addresses of our collectors, in lower case; `peer_is_us` says that a machine of ours
    delivered it.
    """
    return weigh(
        Evidence(
            address=letter.address,
            peer=peer,
            to_sender_token=token == letter.sender,
            genuine=genuine(keyring, letter),
            proof_ok=any(sha256(proof.encode()).digest() == letter.proof_hash for proof in opened.proofs),
            is_report=opened.is_report,
            action=opened.action,
            remote_mta_is_us=opened.refused_by_us or _host(opened.remote_mta) in us,
            null_sender=null_sender,
            outcome=outcome,
            already_delivered=already_delivered,
            received_at=received_at,
            not_before=letter.not_before,
            dot_at=dot_at,
            late_after=(letter.not_before if dot_at is None else dot_at) + window,
            not_after=letter.not_after,
            peer_is_us=peer_is_us,
        )
    )


def _host(remote_mta: str) -> str:
    """The name in a Remote-MTA field, `dns; mx.example.org`; Courier adds the address to it."""
    return remote_mta.rpartition(";")[2].strip().partition(" ")[0].rstrip(".").lower()
