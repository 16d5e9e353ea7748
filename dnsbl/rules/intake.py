"""Text from any door -> Nomination, or Refused with one clear sentence. Pure: the caller brings bytes and the time.

Holds what can be said without the store: form of the address, special-purpose space, our own addresses, and
whether the evidence is a mail, small and fresh enough, that names the address. Rest periods, exclusions and
present listings are the store's knowledge and are checked in `casework`.

Evidence can be forged. The worst a forgery achieves is one rate-limited test, since only a returned letter lists.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from dnsbl.addresses import Address, Network, parse_address
from dnsbl.errors import Refused
from dnsbl.model import Door, Nomination, Refusal
from dnsbl.rules.bounds import Bounds
from dnsbl.settings import Settings
from tester import manners, received

#: Longest reason that is kept, in characters.
REASON_MOST = 500
#: Doors where we know who speaks: a reason may stand in place of evidence.
TRUSTED = frozenset({Door.CLI})

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_DATE = re.compile(rb"^date:[ \t]*([^\r\n]{1,100})", re.IGNORECASE | re.MULTILINE)


def asked(text: str) -> Address:
    """The address that a person asks about. Raises Refused."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise Refused(Refusal.MALFORMED_ADDRESS, str(error)) from None


def target(text: str, settings: Settings) -> Address:
    """An address that may be tested, from what a person typed. Raises Refused."""
    address = asked(text)
    if address in settings.tester.source_addresses:
        raise Refused(Refusal.OWN_ADDRESS, f"{address} is one of our own testers.")
    if why := manners.why_not(address, lab_networks=settings.tester.lab_networks):
        raise Refused(Refusal.SPECIAL_PURPOSE, f"{address} cannot be tested: {why}. Only public addresses are.")
    return address


def listable(network: Network, settings: Settings) -> Network:
    """A network that an operator may list: one that the list may hold. Raises Refused."""
    return Bounds.of(settings).check(network)


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
    terms = settings.policy
    words = " ".join("".join(c if c.isprintable() else " " for c in reason).split())[:REASON_MOST]
    if evidence is None:
        if not address.strip():
            raise Refused(Refusal.MALFORMED_ADDRESS, "An IP address or a spam message is needed.")
        suspect = target(address, settings)
        if terms.require_evidence and door not in TRUSTED:
            raise Refused(Refusal.NO_EVIDENCE, "Show the spam: paste the whole message with all its headers.")
        if door in TRUSTED and not words:
            raise Refused(Refusal.NO_EVIDENCE, "Give a spam message (--evidence) or a reason (--reason) for this test.")
    else:
        chain = _chain(evidence, settings, now)
        if address.strip():
            suspect = target(address, settings)
            if not received.mentions(chain, suspect):
                raise Refused(
                    Refusal.NOT_IN_EVIDENCE, f"No Received line of this message says that it came from {suspect}."
                )
        else:
            found = received.candidate(chain)
            if found is None:
                raise Refused(
                    Refusal.NOT_IN_EVIDENCE, "The Received lines name no public sender; give the address as well."
                )
            suspect = target(str(found), settings)
    return Nomination(address=suspect, door=door, nominator=nominator[:100], reason=words, evidence=evidence)


def _chain(evidence: bytes, settings: Settings, now: datetime) -> tuple[received.Hop, ...]:
    """The Received chain of a message that may be evidence. Raises Refused."""
    terms = settings.policy
    if len(evidence) > terms.evidence_bytes:
        raise Refused(
            Refusal.TOO_LARGE,
            f"The message is larger than {terms.evidence_bytes} bytes; send its headers and the start.",
        )
    head = evidence.lstrip(b"\r\n\t ")
    if not _FIELD.match(head) and not head.startswith(b"From "):
        raise Refused(
            Refusal.NOT_MAIL,
            "This is no mail: it does not start with header fields. Save the spam as it came, with all its headers.",
        )
    chain = received.hops(evidence)
    if not chain:
        raise Refused(Refusal.NOT_MAIL, "This message has no Received lines; paste it with all its headers.")
    sent = _sent(evidence)
    if sent is not None and now - sent > timedelta(days=terms.evidence_days):
        raise Refused(Refusal.TOO_OLD, f"This message is older than {terms.evidence_days:g} days.")
    return chain


def _sent(evidence: bytes) -> datetime | None:
    """When the message was sent: the newest Received line's date (written by the reporter's side), else Date."""
    for hop in received.hops(evidence, most=1):
        _, semicolon, date = hop.raw.rpartition(";")
        if semicolon and (when := _date(date)) is not None:
            return when
    head = evidence.partition(b"\r\n\r\n")[0] if b"\r\n\r\n" in evidence else evidence.partition(b"\n\n")[0]
    found = _DATE.search(head[:65536])
    return _date(found[1].decode("ascii", "replace")) if found else None


def _date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text.strip()[:100])
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
