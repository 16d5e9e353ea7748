"""The catalogue of relay forms: one row each, with what it shows and whom it could hurt.

Pure data and string building. Never decides anything; never quotes or "repairs" an address: the envelope goes
out exactly as built here. Over 400 lines, since it is a table. The ids are historic and shared with the reports; where
one historic form has several spellings, a letter tells them apart (R16a, R16b).

A form that needs a name we do not have (a domain the target serves, an address of our collector) is skipped, and so
is one that is known to harm the software that the server says it is. Left out: R28, two recipients in one
transaction, since the first would be a real mailbox. R26 was never assigned.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType

from tester.errors import UnknownName
from tester.records import dataclass
from tester.smtp import Opening


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The names that envelopes are built from."""

    target: IPv4Address | IPv6Address  #: I
    target_name: str  #: T; "" until the banner is known, then the address literal stands in
    mx_domain: str = ""  #: M, a domain of ours whose first MX is our collector and whose second is the target
    own_name: str = ""  #: T where it stands in a sender: only a name that is proven to be the server's own
    collector_domain: str  #: C
    bounce_domain: str  #: B
    third_domain: str = ""  #: X, one of ours that no other letter of the run goes to
    served_domain: str = ""  #: D, a domain whose mail the target takes, as its owner has told us
    collector_addresses: tuple[IPv4Address | IPv6Address, ...] = ()  #: K, where our collector listens


@dataclass(frozen=True, kw_only=True, slots=True)
class Vector:
    """One relay form."""

    id: str  #: "S01", "R06", ...
    mail: str  #: template of the reverse-path: {s} sender token, {O} own name, {I} {B} {C} {D}; without angle brackets
    rcpt: str  #: template of the forward-path: {r} recipient token, {T} {I} {B} {C} {Cenc} {X} {D} {K4} {K6} {Knum}
    fault: str  #: the class of fault it shows, one sentence
    hops: str  #: machines needed to deliver it: "1", "2" or "1/2"
    tier: str  #: "basic", "standard", "owner" (only on the owner's request), "documented" (never sent) or "canary"
    odd: bool = False  #: unusual syntax, which a strict server counts as an error
    helo: str = ""  #: template of our name in EHLO: {O} {I}; "": as always
    opening: str = ""  #: what its connection begins with, see `opening`; "": as always
    needs: re.Pattern[bytes] | None = None  #: what the server must offer in its answer to EHLO
    stranger: int = 0  #: 1: what another stranger offers, under other names of ours; 2: that, once 1 leaves a doubt
    harm: str = ""  #: known harm, or ""
    harms: re.Pattern[bytes] | None = None  #: software that it is known to harm, by its greeting: never sent there

    @property
    def answered(self) -> bool:
        """Whether a bounce of it can reach us: its sender is at our bounce domain. One at the target, or none,
        is answered to nobody; and to answer one at the collector's domain, a server would have to send mail to the
        very domain that it passes none on to."""
        return self.mail == _US


@dataclass(frozen=True, slots=True)
class Envelope:
    """Exact bytes, with angle brackets."""

    mail: bytes
    rcpt: bytes


#: Domino's router loops on mail that can be returned to nobody (IBM APAR LO42921); its ancestor, the SMTP MTA of Lotus
#: Notes, on the percent form of it. Bounded: the text comes from a stranger.
_DOMINO = re.compile(rb"\b(?:Lotus|IBM|HCL)[ -]{1,3}Domino\b|\bLotus SMTP MTA\b", re.IGNORECASE)


def _offers(keyword: str) -> re.Pattern[bytes]:
    """A line of the answer to EHLO that offers this extension."""
    return re.compile(rb"^" + keyword.encode("ascii") + rb"\b", re.IGNORECASE | re.MULTILINE)


_US = "{s}@{B}"  # the sender of the recipient group: what bounces, bounces to us
_THEM = "{r}@{C}"  # the recipient of the sender group: plainly a third party

_ROWS = (
    # sender group: who claims to send, always to a plain outside recipient
    Vector(
        id="S01",
        mail=_US,
        rcpt=_THEM,
        fault="Anybody may send to anybody; also a gateway that hides clients behind a trusted address.",
        hops="1/2",
        tier="basic",
    ),
    Vector(
        id="S02",
        mail="",
        rcpt=_THEM,
        fault="Every message with a null sender is taken for a bounce and let through.",
        hops="1",
        tier="standard",
        harm="A failure cannot be returned: old Domino routers looped on such mail.",
        harms=_DOMINO,
    ),
    Vector(
        id="S03",
        mail="{s}@{O}",
        rcpt=_THEM,
        fault="A sender in the server's own domain is believed to be a user of it.",
        hops="1",
        tier="standard",
        harm="A bounce goes to the server itself.",
    ),
    Vector(
        id="S04",
        mail="{s}@{I}",
        rcpt=_THEM,
        fault="A sender at the server's address literal is believed to be a user of it.",
        hops="1",
        tier="standard",
        harm="A bounce goes to the server itself.",
    ),
    Vector(
        id="S05",
        mail="{s}@localhost",
        rcpt=_THEM,
        fault="A sender at localhost is believed to be local.",
        hops="1",
        tier="owner",
        harm="A bounce can be delivered nowhere and may loop.",
        harms=_DOMINO,
    ),
    Vector(
        id="S06",
        mail="{s}",
        rcpt=_THEM,
        fault="A sender without a domain is given the local one, and then believed to be local.",
        hops="1",
        tier="owner",
        odd=True,
        harm="A bounce can be delivered nowhere and may loop.",
        harms=_DOMINO,
    ),
    Vector(
        id="S07",
        mail="postmaster@{O}",
        rcpt=_THEM,
        fault="The postmaster's name opens the door to whoever gives it.",
        hops="1",
        tier="documented",
        harm="A bounce reaches a person who did not write to us.",
    ),
    Vector(
        id="S08",
        mail="{s}@{s}.{B}",
        rcpt=_THEM,
        fault="Senders in domains that do not exist are accepted; shows no relaying by itself.",
        hops="1",
        tier="documented",
        harm="A bounce can be delivered nowhere.",
    ),
    Vector(
        id="S09",
        mail="{s}@{D}",
        rcpt=_THEM,
        fault="A sender in a domain that the server hosts is believed to be a user of it.",
        hops="1",
        tier="owner",
        harm="A bounce goes to the server itself; the domain is used only as its owner names it.",
    ),
    Vector(
        id="S10",
        mail="{s}@{C}",
        rcpt=_THEM,
        fault="The same foreign domain on both sides is taken for internal mail.",
        hops="1",
        tier="standard",
    ),
    Vector(
        id="S11",
        mail=_US,
        rcpt=_THEM,
        fault="Anybody may send to anybody, but for us, under the names that the other forms are offered by.",
        hops="1/2",
        tier="basic",
        stranger=1,
    ),
    Vector(
        id="S12",
        mail="{s}@{C}",
        rcpt="{r}@{X}",
        fault="The same for a third domain: who takes mail for a single domain of ours is no relay.",
        hops="1/2",
        tier="basic",
        stranger=2,
    ),
    # recipient group: the outside recipient in disguise
    Vector(
        id="R01",
        mail=_US,
        rcpt="{r}%{C}@{T}",
        fault="Percent hack: the part before the last @ is expanded to an outside address after the check.",
        hops="1/2",
        tier="standard",
    ),
    Vector(
        id="R02",
        mail=_US,
        rcpt="{r}%{C}@{I}",
        fault="Percent hack with the server's address literal as the local name.",
        hops="1/2",
        tier="standard",
    ),
    Vector(
        id="R03",
        mail=_US,
        rcpt="{r}%{C}",
        fault="Percent hack without a domain, which counts as local.",
        hops="1",
        tier="owner",
        odd=True,
    ),
    Vector(
        id="R04",
        mail=_US,
        rcpt='"{r}@{C}"',
        fault="A quoted local part without a domain counts as local and loses its quotes later.",
        hops="1",
        tier="standard",
        odd=True,
    ),
    Vector(
        id="R05",
        mail=_US,
        rcpt='"{r}%{C}"',
        fault="Percent hack inside a quoted local part without a domain.",
        hops="1",
        tier="owner",
        odd=True,
    ),
    Vector(
        id="R06",
        mail=_US,
        rcpt='"{r}@{C}"@{T}',
        fault="The check sees the server's own domain, the delivery sees what stands inside the quotes.",
        hops="1/2",
        tier="standard",
    ),
    Vector(
        id="R07",
        mail=_US,
        rcpt='"{r}@{C}"@{I}',
        fault="An outside address in quotes at the server's address literal.",
        hops="1/2",
        tier="owner",
    ),
    Vector(
        id="R08",
        mail=_US,
        rcpt="{r}@{C}@{T}",
        fault="Of two domains the last is checked and the first is delivered to.",
        hops="1/2",
        tier="standard",
        odd=True,
    ),
    Vector(
        id="R09",
        mail=_US,
        rcpt="{r}@{C}@{I}",
        fault="Two domains, the last being the server's address literal.",
        hops="1/2",
        tier="owner",
        odd=True,
    ),
    Vector(
        id="R10",
        mail=_US,
        rcpt="@{T}:{r}@{C}",
        fault="Source route: the first host is checked, the last one is delivered to.",
        hops="1",
        tier="standard",
    ),
    Vector(
        id="R11",
        mail=_US,
        rcpt="@{I}:{r}@{C}",
        fault="Source route over the server's address literal.",
        hops="1",
        tier="owner",
        odd=True,
    ),
    Vector(
        id="R12",
        mail=_US,
        rcpt="@{T},@{B}:{r}@{C}",
        fault="Source route over two hosts.",
        hops="2",
        tier="documented",
    ),
    Vector(
        id="R13",
        mail=_US,
        rcpt="{C}!{r}",
        fault="UUCP bang path without a domain, which counts as local.",
        hops="1/2",
        tier="standard",
        odd=True,
    ),
    Vector(
        id="R14",
        mail=_US,
        rcpt="{C}!{r}@{T}",
        fault="UUCP bang path inside a local part, which the hub behind the server expands.",
        hops="2",
        tier="standard",
    ),
    Vector(
        id="R15",
        mail=_US,
        rcpt="{C}!{r}@{I}",
        fault="UUCP bang path at the server's address literal.",
        hops="2",
        tier="owner",
    ),
    Vector(
        id="R16a",
        mail=_US,
        rcpt="{T}!{C}!{r}",
        fault="UUCP bang path that starts at the server itself.",
        hops="2",
        tier="owner",
        odd=True,
    ),
    Vector(
        id="R16b",
        mail=_US,
        rcpt="{C}!{r}%{T}",
        fault="Bang path and percent hack mixed: which of the two is read first is left to chance.",
        hops="2",
        tier="owner",
        odd=True,
    ),
    Vector(
        id="R17",
        mail=_US,
        rcpt="IMCEASMTP-{r}+40{Cenc}@{T}",
        fault="Encapsulated address of Exchange 5.5 and IIS, unpacked after the check (MS99-027).",
        hops="1",
        tier="standard",
    ),
    Vector(
        id="R18",
        mail=_US,
        rcpt='"IMCEA {r}@{C}"@{D}',
        fault="Exchange 5.5 that forwards all mail of a domain unpacks what stands in the quotes.",
        hops="1/2",
        tier="owner",
    ),
    Vector(
        id="R19",
        mail=_US,
        rcpt='"abuse@{B}, {r}@{C}"@{T}',
        fault="A list of addresses inside quotes is taken apart after the check (CERT VU#176972).",
        hops="1",
        tier="owner",
        harm="One transaction makes two messages; both are ours.",
    ),
    Vector(
        id="R20",
        mail=_US,
        rcpt="{r}@{C}@",
        fault="An empty last domain counts as local.",
        hops="1",
        tier="owner",
        odd=True,
    ),
    Vector(
        id="R21",
        mail=_US,
        rcpt="{r}@{C}.",
        fault="A trailing dot slips past the list of domains.",
        hops="1",
        tier="owner",
        odd=True,
    ),
    *(
        Vector(
            id=f"R22{letter}",
            mail=_US,
            rcpt=f"{{r}}@{place}",
            fault="A recipient at an address instead of a domain slips past the list of domains.",
            hops="1",
            tier="owner",
            odd=letter == "c",
        )
        for letter, place in (("a", "[{K4}]"), ("b", "[IPv6:{K6}]"), ("c", "#{Knum}"))
    ),
    Vector(
        id="R23",
        mail=_US,
        rcpt="{T}:{r}@{C}",
        fault="What stands before a colon is dropped after the check.",
        hops="1",
        tier="documented",
        odd=True,
    ),
    Vector(
        id="R24",
        mail=_US,
        rcpt="@{T}:{r}%{C}@{T}",
        fault="Source route and percent hack together.",
        hops="2",
        tier="owner",
    ),
    Vector(
        id="R25",
        mail=_US,
        rcpt="{r}\\@{C}@{T}",
        fault="An @ escaped by a backslash is unescaped after the check.",
        hops="1/2",
        tier="owner",
        odd=True,
    ),
    Vector(
        id="R27",
        mail=_US,
        rcpt="/DDA.RFC-822={r}(a){C}/@{T}",
        fault="An X.400 gateway turns a domain-defined attribute back into an outside address.",
        hops="2",
        tier="documented",
        odd=True,
    ),
    # both at once
    Vector(
        id="X01",
        mail="",
        rcpt="{r}%{C}@{T}",
        fault="Null sender and percent hack, which together beat checks that stop either (Lotus SMTP MTA).",
        hops="1",
        tier="standard",
        harm="A failure cannot be returned: old Domino routers looped on such mail.",
        harms=_DOMINO,
    ),
    *(
        Vector(
            id=f"X02{letter}",
            mail=mail,
            rcpt=rcpt,
            fault="A sender that counts as local together with a disguised recipient.",
            hops="1/2",
            tier="owner",
            odd=rcpt == "{r}@{C}@{T}",
            harm="A bounce goes to the server itself.",
        )
        for letter, mail, rcpt in (
            ("a", "{s}@{O}", "{r}%{C}@{T}"),
            ("b", "{s}@{O}", '"{r}@{C}"@{T}'),
            ("c", "{s}@{O}", "{r}@{C}@{T}"),
            ("d", "{s}@{I}", "{r}%{C}@{T}"),
            ("e", "{s}@{I}", '"{r}@{C}"@{T}'),
            ("f", "{s}@{I}", "{r}@{C}@{T}"),
        )
    ),
    # who greets: what a client says of itself is its own word (RFC 2505 2.1)
    *(
        Vector(
            id=id,
            mail=_US,
            rcpt=_THEM,
            helo=helo,
            fault=f"A greeting as {what} is believed to come from inside.",
            hops="1",
            tier="owner",
            harm="Some servers block a client that greets in their own name, and then see the other forms no more.",
        )
        for id, helo, what in (
            ("H01", "{I}", "the server's own address"),
            ("H02", "localhost", "localhost"),
            ("H03", "{O}", "the server's own name"),
        )
    ),
    # what a client says of others: words that a proxy or filter of the server's own would use
    *(
        Vector(
            id=id,
            mail=_US,
            rcpt=_THEM,
            opening=opening,
            fault=fault,
            hops="1/2",
            tier="owner",
            needs=needs,
            harm="None known; a server that does not know it counts it as a command out of place.",
        )
        for id, opening, fault, needs in (
            ("P01", "proxy-v1", "A PROXY header (version 1) from a stranger is believed to name the client.", None),
            ("P02", "proxy-v2", "A PROXY header (version 2) from a stranger is believed to name the client.", None),
            ("P03", "xclient", "XCLIENT from a stranger is believed to name the client.", _offers("XCLIENT")),
        )
    ),
    Vector(
        id="M01",
        mail=_US,
        rcpt="{r}@{M}",
        # The server is the second of the two: as the first it would have nobody to pass the letter on to (RFC 5321
        # 5.1), or, where it hands everything to a smarthost, get it back from there, and so on.
        fault="Mail is taken for every domain whose MX names the server, whoever owns it.",
        hops="1/2",
        tier="owner",
    ),
    Vector(
        id="T01",
        mail=_US,
        rcpt=_THEM,
        opening="certificate",
        fault="Any client certificate opens the door, also one that we have made ourselves.",
        hops="1",
        tier="owner",
        needs=_offers("STARTTLS"),
    ),
    Vector(
        id="C01",
        mail=_US,
        rcpt=_THEM,
        fault="None: after a letter came back, what becomes of a line feed and a carriage return by themselves.",
        hops="1/2",
        tier="canary",
        harm="Some servers end the connection over a line feed by itself.",
    ),
)

#: id -> row, sender group first
CATALOGUE: Mapping[str, Vector] = MappingProxyType({row.id: row for row in _ROWS})

_PLAIN = ("S01", "S10")  # the plain form, and once more for servers that refuse the bounce domain as sender
_STRANGER = ("S11", "S12")  # the same from another stranger, last of all
_STANDARD = (
    *_PLAIN,
    *("S02", "S03", "S04"),
    *("R01", "R02", "R04", "R06", "R08", "R10", "R13", "R14", "R17"),
    "X01",
    *_STRANGER,
)
#: "basic", "standard", "full" -> ids, in the order in which they are tried: the plainest form first
PROFILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "basic": _PLAIN + _STRANGER,
        "standard": _STANDARD,
        "full": (*_STANDARD, *(row.id for row in _ROWS if row.tier == "owner")),
    }
)

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# a plain hostname (RFC 1123 2.1); a last label of digits only would make it an address
_HOSTNAME = re.compile(rf"(?=.{{1,255}}\Z)(?:{_LABEL}\.)*(?![0-9]+\Z){_LABEL}", re.IGNORECASE | re.ASCII)


def profile(name: str) -> tuple[Vector, ...]:
    """The rows of a profile, in order. Raises UnknownName."""
    try:
        return tuple(CATALOGUE[id] for id in PROFILES[name])
    except KeyError:
        raise UnknownName(f"There is no profile {name!r}; there are {', '.join(PROFILES)}.") from None


def left_out(vector: Vector, names: Names, *, greeting: bytes, off: Collection[str] = ()) -> str:
    """Why this form is not to be tried on this server, one sentence, or "".

    `off` holds ids that are switched off, `greeting` what the server said of itself (bounded, hostile). A server
    can so keep away what would harm its software by naming that software, and nothing else.
    """
    if vector.id in off:
        return "This form is switched off."
    templates = vector.mail + vector.rcpt + vector.helo
    parts = _parts(names)
    missing = next((sign for sign in _OPTIONAL if f"{{{sign}}}" in templates and not parts[sign]), None)
    if missing is not None:
        return f"This form needs {_OPTIONAL[missing]}, which is not known."
    if vector.needs is not None and not vector.needs.search(greeting[:_GREETING]):
        return "The server does not offer what this form needs."
    if "{Cenc}" in templates and len(parts["Cenc"]) > _ENCODED:
        return f"This form needs a shorter collector domain: {_ENCODED} characters, of which each dot counts three."
    if vector.harms is not None and (named := vector.harms.search(greeting[:_GREETING])):
        return f"This form is known to harm {named[0].decode('ascii')}."
    return ""


def envelope(vector: Vector, names: Names, *, sender: str, recipient: str) -> Envelope:
    """The exact envelope of a row, for one pair of tokens. IPv6 literals are `[IPv6:...]` (RFC 5321 4.1.3).

    `names.target_name` comes out of a stranger's banner: unless it is a plain hostname, the literal stands in for it,
    so nothing that the server says can change the form of a command. In a sender only `names.own_name` may stand, so
    that no banner can make us write in the name of a third party. R17 fits the 64 octets of a local part (RFC 5321
    4.5.3.1.1) while the encoded collector domain has at most 17. Raises ValueError for a form that `left_out` leaves
    out for the want of a name.
    """
    parts = {**_parts(names), "s": sender, "r": recipient}
    if any(f"{{{sign}}}" in vector.mail + vector.rcpt and not parts[sign] for sign in _OPTIONAL):
        raise ValueError(f"the names at hand cannot spell {vector.id}")
    return Envelope(
        f"<{vector.mail.format_map(parts)}>".encode("ascii"),
        f"<{vector.rcpt.format_map(parts)}>".encode("ascii"),
    )


def helo(vector: Vector, names: Names) -> bytes:
    """What we call ourselves in EHLO for this form, or b"" for our usual name."""
    return vector.helo.format_map(_parts(names)).encode("ascii")


def opening(vector: Vector, names: Names) -> Opening:
    """What the connection of this form begins with.

    Where we say who the client is, we say that it is the server itself, whom every server trusts. The PROXY headers are
    those of the protocol's specification (HAProxy, proxy-protocol.txt, 2.1 and 2.2), the command is Postfix's XCLIENT.
    """
    here = names.target.version == 4
    loopback = "127.0.0.1" if here else "::1"
    match vector.opening:
        case "proxy-v1":
            return Opening(before=f"PROXY TCP{names.target.version} {loopback} {loopback} 35000 25\r\n".encode("ascii"))
        case "proxy-v2":
            addresses = ip_address(loopback).packed * 2 + (35000).to_bytes(2) + (25).to_bytes(2)
            family = b"\x11" if here else b"\x21"
            return Opening(before=_PROXY_V2 + b"\x21" + family + len(addresses).to_bytes(2) + addresses)
        case "xclient":
            address = loopback if here else f"IPV6:{loopback}"
            return Opening(command=f"XCLIENT NAME=localhost ADDR={address}".encode("ascii"))
        case "certificate":
            return Opening(certificate=True)
    return Opening()


#: The twelve octets that begin a PROXY header of version 2; who does not know them sees two empty lines and QUIT.
_PROXY_V2 = b"\r\n\r\n\x00\r\nQUIT\n"

#: Names that we may lack, and what they are.
_OPTIONAL = {
    "M": "a domain of ours that has the server for a second MX",
    "X": "a third domain of ours",
    "D": "a domain that the server takes mail for",
    "K4": "an IPv4 address of our collector",
    "K6": "an IPv6 address of our collector",
    "Knum": "an IPv4 address of our collector",
}
_ENCODED = 17  # octets that R17 leaves for the encoded collector domain (RFC 5321 4.5.3.1.1)
_GREETING = 4096  # octets of what a server says of itself that are looked at


@lru_cache(64)  # of a test all forms are spelt with one or two
def _parts(names: Names) -> Mapping[str, str]:
    """What the signs of the templates stand for, the tokens apart."""
    literal = f"[{names.target}]" if names.target.version == 4 else f"[IPv6:{names.target}]"
    four = next((address for address in names.collector_addresses if address.version == 4), None)
    six = next((address for address in names.collector_addresses if address.version == 6), None)
    return {
        "T": names.target_name if _HOSTNAME.fullmatch(names.target_name) else literal,
        "O": names.own_name if _HOSTNAME.fullmatch(names.own_name) else literal,
        "I": literal,
        "B": names.bounce_domain,
        "C": names.collector_domain,
        "Cenc": names.collector_domain.replace(".", "+2E"),  # as MS KB Q189492 writes an encapsulated address
        "M": names.mx_domain,
        "X": names.third_domain,
        "D": names.served_domain if _HOSTNAME.fullmatch(names.served_domain) else "",
        "K4": str(four or ""),
        "K6": str(six or ""),
        "Knum": str(int(four)) if four else "",
    }
