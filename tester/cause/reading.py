"""What a test has shown -> why the server relays: a named cause, the reasons that led there, and how sure it is.

Pure. The rules stand in the order in which they explain: a form that works by a trick names its own fault; else the
relay's own trace line, where it says whom it took us for, tells more than any guess by ports and families. A cause is
told to the owner and decides nothing (`verdict` never reads it). The trace is the relay's own word, and is called so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from tester.cause.software import Software, software
from tester.received.chain import organisation
from tester.received.line import Hop, plain
from tester.records import dataclass

Address = IPv4Address | IPv6Address


class Cause(StrEnum):
    """Why a server relays. The values are short names, safe in TXT records and URLs."""

    CLIENT_ADDRESS_LOST = "client-address-lost"  # NAT, a userland proxy or a balancer stands where the client was
    APPLIANCE_TRUSTED = "appliance-trusted"  # the first machine takes everything, the second trusts the first
    NETWORKS_TOO_WIDE = "networks-too-wide"  # it saw our true address and let us relay all the same
    SENDER_BELIEVED = "sender-believed"  # an envelope sender of its own opens the door
    NULL_SENDER_BELIEVED = "null-sender-believed"
    SAME_DOMAIN_BELIEVED = "same-domain-believed"  # one domain on both sides passes for internal mail
    ROUTE_HONOURED = "route-honoured"  # percent, bang, source route, quoted or doubled @: checked before it is undone
    STARTTLS_BELIEVED = "starttls-believed"  # relays once the connection is encrypted
    CERTIFICATE_BELIEVED = "certificate-believed"  # any client certificate will do
    SUBMISSION_OPEN = "submission-open"  # a submission port without authentication
    IPV6_FORGOTTEN = "ipv6-forgotten"  # closed over IPv4, open over IPv6
    IPV4_FORGOTTEN = "ipv4-forgotten"  # the other way round
    MX_BELIEVED = "mx-believed"  # takes mail for whoever points an MX at it
    HELO_BELIEVED = "helo-believed"  # a greeting in its own name, or localhost, opens the door
    PROXY_HEADER_BELIEVED = "proxy-header-believed"  # a PROXY header from anybody
    XCLIENT_BELIEVED = "xclient-believed"  # XCLIENT from anybody
    LITERAL_BELIEVED = "literal-believed"  # recipients at address literals are not checked
    CUSTOMER_TRUSTED = "customer-trusted"  # a smarthost passes on what a customer's open machine hands in
    UNKNOWN = "unknown"


class Sure(StrEnum):
    """How sure a cause is."""

    SURE = "sure"  # the form that worked, or the relay's own trace line, says so
    LIKELY = "likely"  # nothing else fits what was seen
    GUESS = "guess"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A path into a host, and what was found on it."""

    address: Address
    port: int
    tls: str  #: "none", "starttls" or "implicit"
    relays: bool | None  #: None where it could not be told


@dataclass(frozen=True, kw_only=True, slots=True)
class Symptom:
    """One letter that came back, and what its test has shown besides."""

    path: Tried  #: by which it went in
    vector: str  #: its form
    output: Address  #: who delivered it to our collector
    chain: Sequence[Hop]  #: the trace that it bore then, newest first, without our collector's own line
    sources: Collection[Address]  #: addresses that we dialled from
    refused: Collection[str] = ()  #: forms that the same path refused
    greeting: str = ""  #: escaped and bounded
    ehlo: str = ""  #: the reply to EHLO, escaped and bounded
    others: Sequence[Tried] = ()  #: the other paths of the host


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """Why a server relays, as far as can be told."""

    cause: Cause
    sure: Sure
    reasons: tuple[str, ...]  #: whole sentences, in the order in which they led there
    software: Software
    took_us_for: Address | None = None  #: the client's address in the relay's own trace line


#: Forms that name their fault by working where the plain form does not.
_FORMS = {
    "S02": (Cause.NULL_SENDER_BELIEVED, "The letter with a null sender was passed on."),
    "S03": (Cause.SENDER_BELIEVED, "The letter whose sender bears the server's own name was passed on."),
    "S04": (Cause.SENDER_BELIEVED, "The letter whose sender is at the server's own address was passed on."),
    "S05": (Cause.SENDER_BELIEVED, "The letter whose sender is at localhost was passed on."),
    "S06": (Cause.SENDER_BELIEVED, "The letter whose sender has no domain was passed on."),
    "S09": (Cause.SENDER_BELIEVED, "The letter whose sender is in a domain of the server was passed on."),
    "S10": (Cause.SAME_DOMAIN_BELIEVED, "The letter with one domain on both sides was passed on."),
    "H01": (Cause.HELO_BELIEVED, "The letter was passed on for a greeting in the server's own address."),
    "H02": (Cause.HELO_BELIEVED, "The letter was passed on for a greeting as localhost."),
    "H03": (Cause.HELO_BELIEVED, "The letter was passed on for a greeting in the server's own name."),
    "P01": (Cause.PROXY_HEADER_BELIEVED, "A PROXY header of ours, which named another client, was believed."),
    "P02": (Cause.PROXY_HEADER_BELIEVED, "A PROXY header of ours, which named another client, was believed."),
    "P03": (Cause.XCLIENT_BELIEVED, "An XCLIENT command of ours, which named another client, was believed."),
    "M01": (Cause.MX_BELIEVED, "Mail was passed on for a domain of ours, whose MX names the server."),
    "T01": (Cause.CERTIFICATE_BELIEVED, "The letter was passed on for a client certificate that anybody can make."),
}
#: Forms whose success tells something only where the plain one was refused: any open relay takes them as well.
_TELLING_ONLY_BESIDE = frozenset({"S02", "S03", "S04", "S05", "S06", "S09", "S10", "H01", "H02", "H03", "T01", "M01"})
_PLAIN = "S01"
#: What is said of forms that hide an address.
_HIDDEN = "A recipient that hides another address inside was checked first and undone afterwards."
_ENCAPSULATED = (
    "An encapsulated recipient (IMCEASMTP-...) was checked as one of the server's own and unpacked afterwards."
)

_SUBMISSION = frozenset({465, 587, 2525})

#: What an address that stands in the place of the client's usually is. The first that holds it.
_STANDS_FOR: tuple[tuple[IPv4Network | IPv6Network, str], ...] = (
    (IPv4Network("127.0.0.0/8"), "loopback: a proxy, TLS wrapper or filter on the same machine"),
    (IPv6Network("::1/128"), "loopback: a proxy, TLS wrapper or filter on the same machine"),
    (IPv4Network("172.16.0.0/12"), "a private network such as Docker makes for containers (its bridge)"),
    (IPv4Network("10.0.0.0/8"), "a private network, as pods of a cluster or machines behind a firewall have"),
    (IPv4Network("192.168.0.0/16"), "a private network, as machines behind a firewall have"),
    (IPv4Network("100.64.0.0/10"), "shared address space, as carrier-grade NAT and some clusters use"),
    (IPv4Network("169.254.0.0/16"), "link-local: another part of the same machine or cloud host"),
    (IPv6Network("fc00::/7"), "a unique local IPv6 network, as Docker and clusters make for containers"),
    (IPv6Network("fe80::/10"), "link-local: a machine on the same wire"),
)


def stands_for(address: Address) -> str:
    """What an address that stands in a client's place usually is; "" where it could be anybody's."""
    return next((text for network, text in _STANDS_FOR if address in network), "")


def explain(letters: Iterable[Symptom]) -> Explained | None:
    """Why a host relays, from all letters of one test that came back; None where none did.

    Of several letters the surest explanation counts, the earliest of equals.
    """
    found = [_explained(shown) for shown in letters]
    order = list(Sure)
    return min(found, key=lambda one: (one.cause is Cause.UNKNOWN, order.index(one.sure)), default=None)


def _explained(shown: Symptom) -> Explained:
    entry = shown.chain[-1] if shown.chain else None  # what the first machine wrote when it took the letter from us
    seen = plain(entry.address) if entry is not None and entry.address is not None else None
    named = software(
        (shown.greeting, shown.ehlo, *(f"{entry.by} {entry.protocol} {entry.remarks}" for entry in shown.chain[-1:]))
    )
    cause, sure, reasons = _by_form(shown) or _by_trace(shown, entry, seen) or _by_path(shown) or _last(shown, seen)
    return Explained(
        cause=cause, sure=sure, reasons=(*reasons, *_beside(shown, cause)), software=named, took_us_for=seen
    )


_Found = tuple[Cause, Sure, tuple[str, ...]]


def _by_form(shown: Symptom) -> _Found | None:
    """The form that worked names the fault: surely where the plain form was refused, else not at all."""
    beside = _PLAIN in shown.refused
    if shown.vector in _FORMS:
        cause, sentence = _FORMS[shown.vector]
        if not beside and shown.vector in _TELLING_ONLY_BESIDE:
            return None
        return cause, Sure.SURE, (sentence, *(("The plain form was refused.",) if beside else ()))
    if shown.vector.startswith("R22"):
        return _if(beside, Cause.LITERAL_BELIEVED, "A recipient at the address of our own collector was not checked.")
    if shown.vector.startswith(("R", "X")):
        return _if(beside, Cause.ROUTE_HONOURED, _ENCAPSULATED if shown.vector == "R17" else _HIDDEN)
    return None


def _if(beside: bool, cause: Cause, sentence: str) -> _Found | None:
    return (cause, Sure.SURE, (sentence, "The plain form was refused.")) if beside else None


def _by_trace(shown: Symptom, entry: Hop | None, seen: Address | None) -> _Found | None:
    """Whom the relay took us for, by its own trace line."""
    if entry is None or seen is None:
        return None
    if seen not in shown.sources:
        if seen in (shown.path.address, shown.output):
            what = "the server's own address: something in front of it, or address translation, stands in our place"
        else:
            what = stands_for(seen) or "another machine's: a balancer, gateway or proxy stands in our place"
        return (
            Cause.CLIENT_ADDRESS_LOST,
            Sure.SURE,
            (
                f"Its own trace line says that the letter came from {seen}, not from us.",
                f"That is {what}.",
                "It trusts that address, and so everybody who comes through it.",
            ),
        )
    second = next((hop for hop in reversed(shown.chain[:-1]) if _another(hop, entry)), None)
    if second is None or plain(shown.output) == plain(shown.path.address):
        return None
    if organisation(entry.by) and organisation(second.by) and organisation(entry.by) != organisation(second.by):
        return (
            Cause.CUSTOMER_TRUSTED,
            Sure.LIKELY,
            (
                f"The first machine ({entry.by}) saw our true address and took the letter.",
                f"A machine of another name ({second.by}) passed it on, as a provider does for a customer.",
            ),
        )
    return (
        Cause.APPLIANCE_TRUSTED,
        Sure.SURE,
        (
            f"The first machine ({entry.by or shown.path.address}) saw our true address and took the letter.",
            f"A second one ({second.by or shown.output}) took it from the first, which it trusts, and delivered it.",
        ),
    )


def _another(hop: Hop, entry: Hop) -> bool:
    """Whether a line was written by another machine than the first one: by no filter or queue on that."""
    if (hop.by and hop.by.lower() == entry.by.lower()) or (hop.address is not None and hop.address.is_loopback):
        return False
    return hop.client


def _by_path(shown: Symptom) -> _Found | None:
    """What the open path has that closed ones lack."""
    here, closed = shown.path, [path for path in shown.others if path.relays is False]
    same = [path for path in closed if path.address == here.address]
    if here.tls == "starttls" and any(path.port == here.port and path.tls == "none" for path in same):
        return (
            Cause.STARTTLS_BELIEVED,
            Sure.SURE,
            (f"On port {here.port} it refuses in clear text what it takes after STARTTLS.",),
        )
    if here.port in _SUBMISSION:
        elsewhere = any(path.port == 25 for path in same)
        sure = Sure.SURE if elsewhere else Sure.LIKELY
        beside = ("Port 25 of the same address refuses.",) if elsewhere else ()
        return Cause.SUBMISSION_OPEN, sure, (f"Port {here.port} took the letter without authentication.", *beside)
    other = [path for path in closed if path.address.version != here.address.version and path.port == here.port]
    if other:
        cause = Cause.IPV6_FORGOTTEN if here.address.version == 6 else Cause.IPV4_FORGOTTEN
        families = f"over IPv{here.address.version} and closed over IPv{other[0].address.version}"
        return cause, Sure.SURE, (f"The same machine is open {families} ({other[0].address}).",)
    return None


def _last(shown: Symptom, seen: Address | None) -> _Found:
    if shown.vector == _PLAIN and seen is not None:
        return (
            Cause.NETWORKS_TOO_WIDE,
            Sure.LIKELY,
            (f"Its own trace line shows our true address, {seen}, and it passed the letter on all the same.",),
        )
    if shown.vector == _PLAIN:
        return (
            Cause.NETWORKS_TOO_WIDE,
            Sure.GUESS,
            ("It passed on a plain letter; its trace does not say whom it took us for.",),
        )
    return Cause.UNKNOWN, Sure.GUESS, ("The letter came back, and nothing in it or in the test says why.",)


def _beside(shown: Symptom, cause: Cause) -> tuple[str, ...]:
    """What else is worth knowing: a fault on one family or port only says where to look."""
    if cause is Cause.CLIENT_ADDRESS_LOST and any(
        path.relays is False and path.port == shown.path.port and path.address.version != shown.path.address.version
        for path in shown.others
    ):
        return (f"Only IPv{shown.path.address.version} is open: look at what stands in front of it there.",)
    return ()
