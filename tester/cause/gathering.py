"""From the record of a test to its symptoms: each letter that came back, beside the conversation that offered it.

Pure. Conversations, what has become of the letters, and what came to the collector in; symptoms out, in the order of
arrival. Believes no message by itself: who calls hands in those that were weighed and found to be deliveries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from tester.cause.reading import Symptom, Tried
from tester.fate import Fate
from tester.received.line import hops
from tester.smtp import DELIVERED, REFUSED, Flag, Outcome, Transcript, escape

Address = IPv4Address | IPv6Address

#: Octets of a greeting, and of an answer to EHLO, that are looked at.
_MOST = 1000
#: What says nothing of a path: it was not tried.
_SILENT = frozenset({Outcome.SKIPPED, Outcome.UNTRIED})


def gather(
    conversations: Sequence[Transcript], fates: Iterable[Fate], back: Iterable[tuple[str, Address, bytes]]
) -> list[Symptom]:
    """The symptoms of one test. `back` are deliveries: recipient token, who delivered it, and the message's head."""
    by_token = {fate.letter.recipient: fate for fate in fates}
    sources = frozenset(source for one in conversations if (source := _source(one)) is not None)
    tried = _tried(conversations, by_token)
    found = []
    for token, peer, message in back:
        if (fate := by_token.get(token)) is None:
            continue
        letter = fate.letter
        held = _held(conversations, token)
        said = [escape(event.data[:_MOST]) for event in held.events if event.kind == "<"][:2] if held else []
        greeting, ehlo = (*said, "", "")[:2]
        here = Tried(address=letter.address, port=letter.port, tls=_tls(held), relays=True)
        found.append(
            Symptom(
                path=here,
                vector=letter.vector,
                output=peer,
                chain=hops(message),
                sources=sources,
                refused=frozenset(
                    one.letter.vector
                    for one in by_token.values()
                    if one.outcome in REFUSED and (one.letter.address, one.letter.port) == (here.address, here.port)
                ),
                greeting=greeting,
                ehlo=ehlo,
                others=tuple(path for path in tried if (path.address, path.port) != (here.address, here.port)),
            )
        )
    return found


def _tried(conversations: Sequence[Transcript], by_token: dict[str, Fate]) -> list[Tried]:
    """Every path that letters were offered on, and whether it relays: None where not every letter was refused."""
    outcomes: dict[tuple[Address, int], set[Outcome]] = {}
    tls: dict[tuple[Address, int], str] = {}
    for fate in by_token.values():
        way = (fate.letter.address, fate.letter.port)
        outcomes.setdefault(way, set()).add(fate.folded)
        if tls.get(way, "none") == "none":  # a letter that was not offered was not encrypted either
            tls[way] = _tls(_held(conversations, fate.letter.recipient))
    paths = []
    for (address, port), ended in outcomes.items():
        made = ended - _SILENT
        relays = True if made & DELIVERED else (False if made and made <= REFUSED else None)
        paths.append(Tried(address=address, port=port, tls=tls[address, port], relays=relays))
    return paths


def _held(conversations: Sequence[Transcript], token: str) -> Transcript | None:
    """The conversation in which a letter was offered last."""
    return next((one for one in reversed(conversations) if any(r.token == token for r in one.results)), None)


def _tls(held: Transcript | None) -> str:
    """Whether a conversation was encrypted: "none", "starttls" or "implicit"."""
    if held is None or Flag.TLS_USED not in held.flags:
        return "none"
    asked = any(event.kind == ">" and event.data.startswith(b"STARTTLS") for event in held.events)
    return "starttls" if asked else "implicit"


def _source(conversation: Transcript) -> Address | None:
    """Our own address in a conversation, whose record has it as "address:port"."""
    host = conversation.source.rpartition(":")[0].strip("[]")
    return ip_address(host) if host else None
