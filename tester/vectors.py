"""The catalogue of relay forms: one row each, with what it shows and whom it could hurt.

Pure data and string building. Never decides anything; never quotes or "repairs" an address: the envelope goes
out exactly as built here. Long, since it is a table. The ids are historic and shared with the reports; where one
historic form has several spellings, a letter tells them apart (R16a, R16b).

Left out, since the names at hand cannot spell them: forms that need a domain the target hosts (S09, R18), the
collector's own address (R22), or two recipients in one transaction (R28). R26 was never assigned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType

from tester.errors import UnknownName


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The names that envelopes are built from."""

    target: IPv4Address | IPv6Address  #: I
    target_name: str  #: T; "" until the banner is known, then the address literal stands in
    collector_domain: str  #: C
    bounce_domain: str  #: B


@dataclass(frozen=True, kw_only=True, slots=True)
class Vector:
    """One relay form."""

    id: str  #: "S01", "R06", ...
    mail: str  #: template of the reverse-path: {s} sender token, {T} {I} {B} {C}; without angle brackets
    rcpt: str  #: template of the forward-path: {r} recipient token, {T} {I} {B} {C} {Cenc}
    fault: str  #: the class of fault it shows, one sentence
    hops: str  #: machines needed to deliver it: "1", "2" or "1/2"
    tier: str  #: "basic", "standard", "owner" (only on the owner's request) or "documented" (never sent)
    odd: bool = False  #: unusual syntax, which a strict server counts as an error
    harm: str = ""  #: known harm, or ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Exact bytes, with angle brackets."""

    mail: bytes
    rcpt: bytes


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
    ),
    Vector(
        id="S03",
        mail="{s}@{T}",
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
    ),
    Vector(
        id="S07",
        mail="postmaster@{T}",
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
        id="S10",
        mail="{s}@{C}",
        rcpt=_THEM,
        fault="The same foreign domain on both sides is taken for internal mail.",
        hops="1",
        tier="standard",
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
            ("a", "{s}@{T}", "{r}%{C}@{T}"),
            ("b", "{s}@{T}", '"{r}@{C}"@{T}'),
            ("c", "{s}@{T}", "{r}@{C}@{T}"),
            ("d", "{s}@{I}", "{r}%{C}@{T}"),
            ("e", "{s}@{I}", '"{r}@{C}"@{T}'),
            ("f", "{s}@{I}", "{r}@{C}@{T}"),
        )
    ),
)

#: id -> row, sender group first
CATALOGUE: Mapping[str, Vector] = MappingProxyType({row.id: row for row in _ROWS})

_BASIC = ("S01", "S10")  # the plain form, and once more for servers that refuse the bounce domain as sender
_STANDARD = (
    *_BASIC,
    *("S02", "S03", "S04"),
    *("R01", "R02", "R04", "R06", "R08", "R10", "R13", "R14", "R17"),
    "X01",
)
#: "basic", "standard", "full" -> ids, in the order in which they are tried: the plainest form first
PROFILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "basic": _BASIC,
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


def envelope(vector: Vector, names: Names, *, sender: str, recipient: str) -> Envelope:
    """The exact envelope of a row, for one pair of tokens. IPv6 literals are `[IPv6:...]` (RFC 5321 4.1.3).

    `names.target_name` comes out of a stranger's banner: unless it is a plain hostname, the literal stands in for it,
    so nothing that the server says can change the form of a command. R17 fits the 64 octets of a local part
    (RFC 5321 4.5.3.1.1) while the encoded collector domain has at most 17.
    """
    literal = f"[{names.target}]" if names.target.version == 4 else f"[IPv6:{names.target}]"
    parts = {
        "s": sender,
        "r": recipient,
        "T": names.target_name if _HOSTNAME.fullmatch(names.target_name) else literal,
        "I": literal,
        "B": names.bounce_domain,
        "C": names.collector_domain,
        "Cenc": names.collector_domain.replace(".", "+2E"),  # as MS KB Q189492 writes an encapsulated address
    }
    return Envelope(
        f"<{vector.mail.format_map(parts)}>".encode("ascii"),
        f"<{vector.rcpt.format_map(parts)}>".encode("ascii"),
    )
