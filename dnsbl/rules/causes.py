"""Why a tested host relays, as far as the record of its run tells: what `tester.cause` reads, put together.

Pure: a report in, an explanation out. Decides nothing; a listing rests on the returned letter alone (law 1).
"""

from __future__ import annotations

from ipaddress import ip_address

from dnsbl.addresses import Address
from dnsbl.model import Return, RunReport
from tester.cause import Explained, Symptom, Tried, explain
from tester.fate import Fate
from tester.received import hops
from tester.smtp import DELIVERED, REFUSED, Flag, Transcript, escape

#: Octets of a greeting, and of an answer to EHLO, that are looked at.
_MOST = 1000


def cause_of(report: RunReport) -> Explained | None:
    """Why the host relays; None where no letter of this run came back."""
    conversations = [Transcript.from_json(document) for document in report.transcripts]
    fates = {fate.letter.recipient: fate for fate in report.letters}
    back = [(fates[one.token], one) for one in report.returns if one.token in fates and one.finding.value in DELIVERED]
    refused = frozenset(fate.letter.vector for fate in report.letters if fate.outcome in REFUSED)
    return explain(_shown(fate, one, conversations, refused) for fate, one in back)


def _shown(fate: Fate, back: Return, conversations: list[Transcript], refused: frozenset[str]) -> Symptom:
    """One letter that came back, beside the conversation in which it was offered."""
    letter = fate.letter
    held = next((one for one in conversations if any(r.token == letter.recipient for r in one.results)), None)
    encrypted = held is not None and Flag.TLS_USED in held.flags
    said = [escape(event.data[:_MOST]) for event in held.events if event.kind == "<"][:2] if held else []
    greeting, ehlo = (*said, "", "")[:2]
    return Symptom(
        path=Tried(address=letter.address, port=letter.port, tls="starttls" if encrypted else "none", relays=True),
        vector=letter.vector,
        output=back.peer,
        chain=hops(back.message),
        sources=frozenset(filter(None, (_source(one) for one in conversations))),
        refused=refused,
        greeting=greeting,
        ehlo=ehlo,
    )


def _source(conversation: Transcript) -> Address | None:
    """Our own address in a conversation, whose record has it as "address:port"."""
    host = conversation.source.rpartition(":")[0].strip("[]")
    return ip_address(host) if host else None
