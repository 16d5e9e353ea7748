"""What a message at the collector is, held against the letter that it claims to be.

Pure. Gathers the circumstances and lets `verdict.weigh` judge; keeps nothing and finds nothing: the caller brings the
letter that a token names, with what has become of it, and says what is ours.
"""

from __future__ import annotations

from hashlib import sha256

from tester.bounces.ours import Ours
from tester.bounces.reading import is_complaint, read
from tester.fate import Fate
from tester.letter import TOKEN, Keyring, genuine
from tester.returned import Collected, Unwrapped
from tester.smtp import DELIVERED
from tester.verdict import Circumstances, Finding, Weighed, weigh


def weigh_return(
    collected: Collected,
    unwrapped: Unwrapped,
    fate: Fate | None,
    *,
    keyring: Keyring,
    ours: Ours,
    window: float,
    twin: str = "",
) -> Weighed:
    """What this message, already unwrapped, proves about the letter whose token its recipient is.

    `fate` is None when there is no such letter. A delivery is late `window` seconds after the dot, or after the
    letter's first moment when it is not known that one went out. A machine of ours has delivered it when the peer is
    an address that we dial from, unless that is the very address under test. `twin` is the name that shows that the
    peer is another address of the machine under test, where that is so.
    """
    if fate is None:
        if len(collected.recipient) < TOKEN:  # a name and no token: postmaster, abuse, or a door of the list
            if is_complaint(unwrapped.header, unwrapped.parts):
                return Weighed(finding=Finding.COMPLAINT, counts=False, reason="Somebody reports abuse to us.")
            return Weighed(finding=Finding.HUMAN, counts=False, reason="Somebody wrote to us.")
        return Weighed(finding=Finding.FORGED, counts=False, reason="There is no such letter.")
    letter = fate.letter
    answer = None
    if collected.token == letter.sender:
        answer = read(
            unwrapped.header, unwrapped.parts, recipient=letter.recipient, null_sender=collected.null_sender, us=ours
        )
    return weigh(
        Circumstances(
            address=letter.address,
            peer=collected.peer,
            answer=answer,
            genuine=genuine(keyring, letter),
            proof_ok=any(sha256(proof.encode()).digest() == letter.proof_hash for proof in unwrapped.proofs),
            is_report=unwrapped.is_report,
            is_answer=unwrapped.is_answer,
            outcome=fate.outcome,
            already_delivered=fate.folded in DELIVERED,
            received_at=collected.received_at,
            not_before=letter.not_before,
            dot_at=fate.dot_at,
            late_after=(letter.not_before if fate.dot_at is None else fate.dot_at) + window,
            not_after=letter.not_after,
            peer_is_us=collected.peer in ours.sources and collected.peer != letter.address,
            twin=twin,
        )
    )


def weigh_probe(probe: Collected, fate: Fate) -> Weighed:
    """What it is that somebody named a recipient of ours and brought no message: a callback when it was a sender token,
    else a token that somebody has seen."""
    if probe.token == fate.letter.sender:
        return Weighed(finding=Finding.CALLBACK_SEEN, counts=False, reason="Asked whether the sender is.")
    return Weighed(finding=Finding.TOKEN_SEEN, counts=False, reason="The recipient came, no message.")
