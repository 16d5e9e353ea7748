"""The walk down a Received chain: which line tells who handed the message to the reporter's own system.

The top line was written by the reporter's own system, since the reporter shows what lay in a mailbox there. Each line
that tells of a hand-over inside that system makes the next one trustworthy too, since a server of the system wrote it.
The first line that tells of a hand-over from outside is the one to use; what stands below it was written by strangers.

Inside is, in this order: who is registered as the reporter's own (networks, names); what only happens inside a system
(LMTP, POP3, IMAP, HTTP, pickup, queues, no client at all); addresses that are inside by themselves (private, loopback)
or have shown themselves as inside; a machine that talks to itself; and the inside of a well-known provider.

Where nobody is registered, a relay's last hop and a hop inside the reporter's system can look alike. Three things make
the first public hop doubtful: its sender and its writer share a domain; its sender filters or forwards for others; or
the line below was addressed to its writer's own domain or to another mailbox, as when somebody has mail passed on. Then
the trace is not `sure`, and the person must say which line is meant.

Names are what servers found (reverse DNS), not what clients said: a claimed name may raise a doubt, never pass a line.

Pure. Knows nothing of nominations, listings or settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from tester.received.line import Address, Hop, plain
from tester.received.providers import FILTERS, HOUSES, PROVIDERS, Provider
from tester.records import dataclass

Network = IPv4Network | IPv6Network

# Inside a network, never between two: an address from here cannot be who handed the message in. Deliberately not
# the special-purpose table: documentation space stands in samples of evidence.
_PRIVATE = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/128",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "64:ff9b:1::/48",  # behind a translator of one's own (RFC 8215)
    )
)

#: First words of "with" that no stranger's hand-over has: RFC 2033 keeps LMTP off the wide area, the others fetch
#: mail, take it from a person's hands, or move it within one program.
_INSIDE = re.compile(
    r"""(?x) LMTP | \w{0,12} POP (?: [23] | con | beamer | \b | -) | IMAP | IGETMAIL | HTTP | MAPI | LOCAL | BSMTP
        | UUCP | QMQP | PIPE | SPOOL | QUEUE | INTERNAL | DIRECT | WEBMAIL | WORLDCLIENT | XIMSS | GROUP\b | NOVELL
        | GROUPWISE | FETCHMAIL | GETMAIL | RPC | EWS | STDIO | SPAM-?SCANNED | SCANNED | VIRUS-?SCANNED | ECARTIS
        | LISTEXPAND | FILTERED | ARCHIVE | QMAIL-SCANNER | MAILBOX\ TRANSPORT """,
    re.IGNORECASE,
)
#: Those whose line names a person's machine, or repeats the client of the line below: no machine of the system's.
_OF_CLIENTS = re.compile(r"HTTP|WEBMAIL|WORLDCLIENT|XIMSS|QMAIL-SCANNER", re.IGNORECASE)
#: Programs that fetch mail from a mailbox, where they name themselves in a remark.
_FETCHERS = re.compile(
    r"\b(?:fetchmail|getmail6?|igetmail|mpop|popcon|popbeamer|smartpop2exchange|pullmail|lmtpproxy)\b", re.IGNORECASE
)
_SMTP = re.compile(r"SMTP", re.IGNORECASE)
_PICKUP = re.compile(r"from mail pickup service by ".replace(" ", r"(?: |\\t)+"), re.IGNORECASE)
#: Senders that are programs of the machine that wrote the line.
_PROGRAMS = re.compile(
    r"""(?ix) (?: localhost(?:\.localdomain)? | \S*-daemon(?:\.\S*)? | pps\.\w+ | /spool/\S+
        | (?:local|mail|smtp)?-? (?:spool|queue|pickup|maildrop) (?:er|d)? ) \Z"""
)


#: Programs that write a name only where it leads back to the address; with others anybody may choose the server's own.
_CONFIRMS = re.compile(r"\b(?:Postfix|Postcow|Exim)\b|(?<![\w.])8\.\d{1,2}\.\d{1,2}[\w.]{0,20}/", re.IGNORECASE)

#: Programs that write the address of every client that has one.
_ADDRESSES = re.compile(rf"{_CONFIRMS.pattern}|\bOpenSMTPD\b|\bIBM ESMTP SMTP Gateway\b", re.IGNORECASE)


class Reading(StrEnum):
    """What a line is to the walk."""

    PASSED = "passed"  # a hand-over inside the reporter's own system
    USED = "used"  # the hand-over to it
    BELOW = "below"  # written by strangers, or by nobody
    SILENT = "silent"  # tells of a sender, but not of its address: the walk ends here


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """The mail hosts of a reporter, as far as they are registered."""

    networks: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()  #: lower case; ".example.org" means every name under it, and itself
    outside: tuple[Network, ...] = ()  #: private networks that strangers are in, in a laboratory

    def holds(self, address: Address) -> bool:
        """Whether this is the address of one of them."""
        return _within(address, self.networks)

    def inner(self, address: Address) -> bool:
        """Whether this address can only be inside somebody's network."""
        return is_private(address) and not _within(address, self.outside)

    def calls(self, name: str) -> bool:
        """Whether this is the name of one of them."""
        return under(name, self.names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One line of the chain, as the walk read it."""

    number: int  #: from the top, beginning with 1
    hop: Hop
    reading: Reading
    why: str  #: a short phrase, such as "LMTP, inside one system"
    possible: bool  #: whether this line could be the hand-over: USED, or below it with a public address

    @property
    def trusted(self) -> bool:
        """Whether the reporter's own system wrote it; every other line is a claim of strangers."""
        return self.reading in (Reading.PASSED, Reading.USED)

    @property
    def told(self) -> str:
        """The line for people: who handed the mail to whom, and how that was read."""
        hop, passed = self.hop, "passed, " if self.reading is Reading.PASSED else ""
        client = f"{hop.name or hop.helo or '-'} [{hop.address}]" if hop.address else hop.helo or "-"
        return f"{client} to {hop.by or '-'}: {passed}{self.why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """A chain, walked."""

    steps: tuple[Step, ...]
    used: Step | None  #: the line that tells who handed the message in; None when none does
    sure: bool  #: False when a person must say which of the possible lines is meant
    doubt: str  #: why, as a clause, or ""

    @property
    def possible(self) -> tuple[Step, ...]:
        """The lines that could be the hand-over, from the top."""
        return tuple(step for step in self.steps if step.possible)

    def pick(self, number: int) -> Step | None:
        """The possible line of this number."""
        return next((step for step in self.possible if step.number == number), None)


_NOBODY = Home()


def trace(chain: Iterable[Hop], home: Home = _NOBODY) -> Trace:
    """Walk a chain, newest line first. Never raises."""
    hops = tuple(chain)
    steps: list[Step] = []
    inside: set[Address | None] = set()  # addresses that have shown themselves as inside
    used: Step | None = None
    stopped, registered = False, False
    for number, hop in enumerate(hops, 1):
        if stopped:
            steps.append(_below(number, hop, home))
            continue
        why = _own(hop, home)
        registered = registered or bool(why)
        why = why or _passed(hop, inside, home)
        if why:
            if not _OF_CLIENTS.match(hop.protocol):
                inside.add(hop.address)
            steps.append(Step(number=number, hop=hop, reading=Reading.PASSED, why=why, possible=False))
            continue
        stopped = True
        if hop.address is None:
            silence = "names more than its server can have seen" if hop.broken else "names no address"
            why = f"{silence}, so nothing below it can be trusted"
            steps.append(Step(number=number, hop=hop, reading=Reading.SILENT, why=why, possible=False))
            continue
        why = "handed in from outside"
        used = Step(number=number, hop=hop, reading=Reading.USED, why=why, possible=True)
        registered = registered or home.calls(hop.by)
        steps.append(used)
    if used is None:
        steps = [replace(step, possible=False) for step in steps]
    doubt = "" if used is None or registered else _doubt(steps, used.number)
    return Trace(steps=tuple(steps), used=used, sure=not doubt, doubt=doubt)


def candidate(chain: Iterable[Hop], *, own_networks: Iterable[Network] = ()) -> Address | None:
    """The address that handed the message to the reporter's own servers, or None when the chain does not say."""
    used = trace(chain, Home(networks=tuple(own_networks))).used
    return used.hop.address if used else None


def mentions(chain: Iterable[Hop], address: Address) -> bool:
    """Whether any server says that it saw this address."""
    return any(hop.address == plain(address) for hop in chain)


def is_private(address: Address) -> bool:
    """Whether this address can only be inside somebody's network."""
    return _within(address, _PRIVATE)


def _below(number: int, hop: Hop, home: Home) -> Step:
    public = hop.address is not None and not home.inner(hop.address) and not home.holds(hop.address)
    why = "written by strangers" if public else "written by strangers; names no public address"
    return Step(number=number, hop=hop, reading=Reading.BELOW, why=why, possible=public)


def _own(hop: Hop, home: Home) -> str:
    """Why this line's sender is one of the registered hosts, or ""."""
    if hop.broken:
        return ""
    if hop.address is not None and home.holds(hop.address):
        return "a registered network"
    if home.calls(hop.name) or (hop.address is None and home.calls(hop.helo) and home.calls(hop.by)):
        return "a registered name"
    return ""


def _passed(hop: Hop, inside: set[Address | None], home: Home) -> str:
    """Why this line tells of a hand-over inside one system, or ""."""
    protocol = hop.protocol.partition(" ")[0]
    if not hop.client:
        return "names no sender"
    if hop.broken:
        return ""
    if _INSIDE.match(hop.protocol) or _INSIDE.match(hop.via) or _FETCHERS.search(hop.programs):
        way = hop.via if _INSIDE.match(hop.via) else protocol or hop.via or "fetched"
        return f"{way[:20]}, inside one system"
    if provider := next((each for each in PROVIDERS if _inner(hop, each)), None):
        return f"inside {provider.name}"
    if hop.address is None:
        return _without_address(hop)
    if home.inner(hop.address):
        return "a private address"
    if hop.address in inside:
        return "an address inside, as a line above shows"
    if hop.address in hop.by_addresses or (
        hop.name and hop.name.lower() == hop.by.lower() and _CONFIRMS.search(hop.remarks)
    ):
        return "a machine that talks to itself"
    return ""


def _without_address(hop: Hop) -> str:
    sender = hop.helo.lower()
    if _PICKUP.match(hop.raw):
        return "a pickup folder"
    if sender and (sender == hop.by.lower() or _PROGRAMS.match(sender)) and _of_itself(hop):
        return "a program of the same machine"
    if _SMTP.search(hop.protocol):
        return ""
    if hop.protocol and organisation(sender) in ("", organisation(hop.by)):
        return f"{hop.protocol[:20]}, no SMTP"
    return "a user of the same machine" if "@" in sender and _of_itself(hop) else ""


def _of_itself(hop: Hop) -> bool:
    """Whether a line without an address has the form that programs have for their own machine. A client may call itself
    as one of its programs does, and some servers write nothing else of it."""
    if _SMTP.search(hop.protocol):
        return bool(_ADDRESSES.search(f"{hop.remarks} {hop.protocol}"))
    return hop.alone and bool(hop.protocol or hop.remarks)


def _inner(hop: Hop, provider: Provider) -> bool:
    """Whether all of this line is the provider's."""
    if provider.remark:
        return hop.address is None and bool(re.fullmatch(provider.remark, hop.remarks))
    if not under(hop.by, provider.writers) and not any(_within(own, provider.networks) for own in hop.by_addresses):
        return False
    if hop.protocol.partition(" ")[0] in provider.protocols:
        return True
    if provider.senders and not (under(hop.name, provider.senders) or under(hop.helo, provider.senders)):
        return False
    # its servers write the address of whoever comes from outside
    return bool(provider.senders) if hop.address is None else _within(hop.address, provider.networks)


def _doubt(steps: Sequence[Step], number: int) -> str:
    """Why the used line may tell of a hop inside the reporter's system, or ""."""
    hop = steps[number - 1].hop
    below = next((step.hop for step in steps[number:] if step.possible), None)
    if below is None:
        return ""
    sender, writer = hop.sender, _house(below.by)
    if not _house(sender) or (writer and writer != _house(sender)):
        return ""  # not written by who handed in: forged, or a line is missing
    if organisation(sender) == organisation(hop.by):
        return f"{sender} and {hop.by} share a domain"
    if any(under(sender, house) for house in FILTERS):
        return f"{sender} filters or forwards mail for others"
    if provider := next((each for each in PROVIDERS if under(sender, each.writers)), None):
        return f"{provider.name} may have passed the mail on"
    if writer and _house(below.recipient.rpartition("@")[2]) == writer:
        return f"the line below is addressed to {writer} itself, which may have passed the mail on"
    if below.recipient and hop.recipient and below.recipient.lower() != hop.recipient.lower():
        return f"the line below is addressed to another mailbox, {below.recipient}, whose mail may be passed on"
    return ""


def _house(name: str) -> str:
    """Whose machine has this name: a house that is known by several domains, else the organisation; "" for none."""
    known = next((house[0].removeprefix(".") for house in HOUSES if under(name, house)), "")
    return known or organisation(name)


def under(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of these, or under one that begins with a dot."""
    low = name.lower().rstrip(".")
    return bool(low) and any(
        low == pattern.removeprefix(".") or (pattern.startswith(".") and low.endswith(pattern)) for pattern in patterns
    )


#: Second-level labels under which countries' registries sell names.
_SHARED = re.compile(r"(?:ac|com?|edu|go[bv]?|gouv|gr|ltd|mil|net?|nom|org?|sch)\Z")


def organisation(name: str) -> str:
    """The domain that an organisation registers, as far as a host's name tells without asking anybody; "" for none.

    Good enough to raise a doubt; no line is passed by it.
    """
    labels = name.lower().strip("[].").split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(labels):
        return ""
    keep = 3 if len(labels[-1]) == 2 and _SHARED.match(labels[-2]) else 2
    return ".".join(labels[-keep:])


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
