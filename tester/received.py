"""Reading Received chains, and where trust in them ends.

Pure, lenient, bounded: 64 KiB of header, 2 KiB of a field. Reads what Postfix, Sendmail, Exim, qmail and Exchange
write (RFC 5321 4.4 and its many dialects). The only line to be believed is the one our own (or the reporter's own)
server wrote; everything below is a claim. Never decides on a listing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tester.smtp import escape

_HEADER = 64 * 1024  # octets of a message in which header fields are sought
_FIELD = 2048  # octets kept of one field

# Inside a network, never between two: an address from here cannot be who handed the message in. Deliberately not
# the special-purpose table: documentation space stands in samples of evidence.
_PRIVATE = tuple(
    ip_network(network)
    for network in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)

_LITERAL = re.compile(r"\[\s*((?:IPv6:)?[0-9a-f:.]{2,45})(?:%[^\]\s]{0,20})?\s*\]", re.I)
_CLAIMED = re.compile(r"\b(?:helo|ident)=\S*", re.I)  # Exim repeats the client's own words inside the comment
_HELO = re.compile(r"(?:helo|ehlo)\s+(\S+)", re.I)  # qmail gives them a comment of their own
_EXIM_HELO = re.compile(r"\bhelo=(\S+)", re.I)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One Received field: what it says. Strings are escaped; absent parts are ""."""

    helo: str  #: what the client called itself, or, where the server does not say that, the name it found
    address: IPv4Address | IPv6Address | None  #: the "from" address literal
    by: str
    protocol: str
    raw: str


def fields(message: bytes) -> Iterator[tuple[str, bytes]]:
    """The header fields at the start of `message`: lower-case name and unfolded value, in order.

    Stops at the first empty line; passes over lines that are no field. Never raises.
    """
    name, value = "", b""
    for line in message[:_HEADER].splitlines():
        if not line:
            break
        if line[:1] in (b" ", b"\t"):
            if len(value) < _FIELD:
                value += b" " + line.strip()
            continue
        if name:
            yield name, value[:_FIELD]
        label, colon, rest = line.partition(b":")
        name = label.strip().lower().decode("latin-1") if colon else ""
        value = rest.strip()
    if name:
        yield name, value[:_FIELD]


def hops(message: bytes, *, most: int = 50) -> tuple[Hop, ...]:
    """The Received fields of a message, newest first. Never raises."""
    found: list[Hop] = []
    for name, value in fields(message.lstrip(b"\r\n")):  # evidence may be pasted, empty lines first
        if len(found) >= most:
            break
        if name == "received":
            found.append(_hop(value))
    return tuple(found)


def candidate(
    chain: Iterable[Hop], *, own_networks: Iterable[IPv4Network | IPv6Network] = ()
) -> IPv4Address | IPv6Address | None:
    """The address that handed the message to the reporter's own servers, or None when the chain does not say.

    Walks from the top while the sending address is in `own_networks` or private. A line without an address is passed
    when it is about the inside of a server (no "from" at all, or a hand-over by LMTP); any other ends the walk.
    """
    inside = (*own_networks, *_PRIVATE)
    for hop in chain:
        if hop.address is None:
            if hop.helo and not hop.protocol.upper().startswith("LMTP"):
                return None
        elif not any(hop.address in network for network in inside):
            return hop.address
    return None


def plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that is meant: dual-stack machines name IPv4 peers in mapped form."""
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def mentions(chain: Iterable[Hop], address: IPv4Address | IPv6Address) -> bool:
    """Whether any hop names this address as its sender."""
    return any(hop.address == plain(address) for hop in chain)


#: What may start a clause, once each. A word right behind a keyword is its value: a client may call itself "by".
_KEYWORDS = frozenset({"from", "by", "with", "id", "for", "via", ";"})


def _hop(value: bytes) -> Hop:
    clauses: dict[str, list[str]] = {"": []}  # keyword -> its words
    comments: list[str] = []  # of the "from" clause only
    keyword, named = "", True  # the clause being read, and whether it has its first value
    for kind, text in _tokens(value.decode("latin-1")):
        if kind == "comment":
            if keyword == "from":
                comments.append(text)
            named = True
        elif named and text.lower() in _KEYWORDS and text.lower() not in clauses:
            keyword, named = text.lower(), False
            clauses[keyword] = []
        else:
            clauses[keyword].append(text)
            named = True
    client, server = (" ".join(clauses.get(each, ())[:1]) for each in ("from", "by"))
    return Hop(
        helo=_shown(_helo(client, comments)),
        address=_address(client, comments),
        by=_shown(server),
        protocol=_shown(" ".join(clauses.get("with", ()))),
        raw=escape(value),
    )


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """("word", ...) and ("comment", ...), comments whole with all that is nested in them, in order; one pass."""
    depth = start = position = 0
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 1
        elif char == "(":
            if not depth:
                yield from _split(text[start:position])
                start = position + 1
            depth += 1
        elif char == ")" and depth:
            depth -= 1
            if not depth:
                yield "comment", text[start:position]
                start = position + 1
        position += 1
    if depth:
        yield "comment", text[start:]
    else:
        yield from _split(text[start:])


def _split(text: str) -> Iterator[tuple[str, str]]:
    for word in text.replace(";", " ; ").split():
        yield "word", word


def _helo(client: str, comments: list[str]) -> str:
    for comment in comments:
        if match := _HELO.match(comment) or _EXIM_HELO.search(comment):
            return match[1]
    return client


def _address(client: str, comments: list[str]) -> IPv4Address | IPv6Address | None:
    """What the server saw (in a comment) before what stands in the name's place."""
    for comment in comments:
        if _HELO.match(comment):
            continue
        seen = _CLAIMED.sub("", comment)
        literals = _LITERAL.findall(seen)
        # the literal ends Sendmail's "ident@name [address]", and ident is the client's word
        found = _parsed(literals[-1] if literals else seen.rpartition("@")[2].strip())
        if found is not None:
            return found
    literal = _LITERAL.match(client)
    return _parsed(literal[1] if literal else client)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return plain(ip_address(re.sub(r"\Aipv6:", "", text.partition("%")[0], flags=re.I)))
    except ValueError:
        return None


def _shown(text: str) -> str:
    return escape(text.encode("latin-1"))
