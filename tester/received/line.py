"""One Received field as a Hop: what the server saw, apart from what its client said.

Pure. Reads what some fifty mail programs write. They differ in three things that matter here: where the address
stands that the server saw, where the words stand that the client chose, and whether a line tells of a hand-over
between organisations at all. The order of belief:

1. A comment of the "from" clause that opens as RFC 5321 4.4 has it (TCP-info): an address, or one name and an
   address. `rdns [192.0.2.1]`, `[192.0.2.1]:25 helo=...`, `ident@192.0.2.1`, `192.0.2.1`.
2. An address outside parentheses: `name [192.0.2.1]`, `name[192.0.2.1]`, and alone, in the name's place.

No program writes two. Where a line names a second one that the server could have seen, or names the first one behind a
keyword that is not its own, the client's name held what looks like syntax: then the line is `broken`, and names nobody.

Everything else in a line is a claim, above all an address behind helo, ident, account, "claiming to be",
X-Forwarded-For and their like: the client wrote it. What the server saw stands first in its comment, in all programs
but Sendmail and qmail, which put the client's ident before it, with an @ between.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from tester.received.fields import fields
from tester.received.grammar import Clause, clauses, outermost, tokens
from tester.records import dataclass
from tester.smtp import escape

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One Received field: what it says. Strings are escaped; absent parts are ""."""

    helo: str  #: what the client called itself, or, where the server does not say that, the name it found
    name: str  #: the name that the server found for the client's address
    looked: bool  #: whether the line tells of such a name, found or not
    alone: bool  #: whether its "from" clause is one word, with no comment
    address: Address | None  #: the client's address, as the server saw it
    by: str  #: the server that wrote the line
    by_addresses: tuple[Address, ...]  #: what it says of its own addresses
    protocol: str  #: the "with" clause
    via: str  #: the "via" clause
    remarks: str  #: the comments behind "by", "with" and "via"
    programs: str  #: the first word of each of them, by which programs name themselves
    recipient: str  #: the "for" clause, a mailbox without angle brackets
    client: bool  #: whether it tells of a client at all: it has a "from" clause, or nobody can say what it has
    broken: bool  #: whether its client's words have broken it up: nobody can say what its server wrote
    raw: str  #: the whole field

    @property
    def sender(self) -> str:
        """The name by which the client goes: what the server found, where it looked, else what the client said."""
        return self.name if self.looked else self.helo


def hops(message: bytes, *, most: int = 50) -> tuple[Hop, ...]:
    """The Received fields of a message, newest first. Never raises."""
    found: list[Hop] = []
    for name, value in fields(message.lstrip(b"\r\n")):  # evidence may be pasted, empty lines first
        if len(found) >= most:
            break
        if name == "received":
            found.append(hop(value))
    return tuple(found)


def hop(value: bytes) -> Hop:
    """Read one field's unfolded value. Never raises."""
    found = clauses(value.decode("latin-1"))
    if "from" not in found and (wrapped := _wrapped(found[""])):
        found["from"] = wrapped
    sender = found.get("from", Clause())
    server, protocol, via = (found.get(keyword, Clause()) for keyword in ("by", "with", "via"))
    said = _said(sender.comments)
    name, addresses = _seen(sender, greeted=bool(said))
    broken = len(addresses) > 1 or _misplaced(found, bool(addresses))
    name, address = ("", None) if broken else (name, next(iter(addresses), None))
    first = sender.words[0] if sender.words else ""
    if said and not name and not _address(first):
        name = first
    remarks = (*server.comments, *protocol.comments, *via.comments)
    own = [text for comment in server.comments for text in _words(comment)]
    return Hop(
        helo=_shown(said or _bare(first)),
        name=_shown(_known(name)),
        looked=bool(name),
        alone=len(sender.words) == 1 and not sender.comments,
        address=address,
        by=_shown(server.words[0] if server.words else ""),
        by_addresses=tuple(each for text in (*server.words[:8], *own[:32]) if (each := _address(text))),
        protocol=_shown(" ".join(protocol.words)),
        via=_shown(" ".join(via.words)),
        remarks=_shown(" ".join(remarks)),
        programs=_shown(" ".join(word for remark in remarks for word in remark.split(None, 1)[:1])),
        recipient=_shown(found["for"].words[0].strip("<>") if "for" in found and found["for"].words else ""),
        client="from" in found or (bool(found[""].words) and "by" not in found),
        broken=broken,
        raw=escape(value),
    )


#: What a translator puts before the address of an IPv4 peer (RFC 6052 2.1; RFC 7755).
_NAT64 = IPv6Network("64:ff9b::/96")


def plain(address: Address) -> Address:
    """The address that is meant: dual-stack machines name IPv4 peers in mapped form, and those behind a translator with
    its prefix."""
    if not isinstance(address, IPv6Address):
        return address
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address.ipv4_mapped or address


#: Words that announce what a client said, where a server-found name would stand.
_CLAIM = re.compile(
    r"""(?ix) .*[=:"] | <[^>]*[@\[] | (?: helo | ehlo | lhlo | hello | ident | account | user | username | login | auth
        | authenticated | sender | client | for | from | as | be | by | via | on | claim\w* | said | say(?:s|ing)
        | greet(?:s|ed|ing) | call(?:s|ed|ing) | pretend\w* | forwarded(?:-\w+)* | prox(?:y|ied|ying) | originat\w*
        | original | real | (?:real|remote|source)-?ip | envelope-\w+
        | x-(?:forwarded|real|originating|client|sender|source|remote|cluster|proxy)[\w-]* ) \Z"""
)
#: Sendmail's remark on a name whose own address is another one: whoever has the address has chosen the name.
_FORGED = re.compile(r"\(may be forged\)", re.IGNORECASE)
#: What servers write in place of a name that they did not find.
_NAMELESS = frozenset(
    ("unknown", "unknownhost", "unverified", "unverifiedhost", "verified", "nxdomain", "noname", "no-reverse-dns")
)
#: What some servers write before a name or an address: "unknown host [192.0.2.1]", "ip 192.0.2.1", MailMarshal's
#: "Not Verified[192.0.2.1]".
_LABEL = re.compile(r"(?:host|peer|ip|tcp|addr(?:ess)?|not):?\Z", re.IGNORECASE)
_GREETING = re.compile(r"\"?(?:helo|ehlo|lhlo)(?:[\s:=]+([^\"\s]*)\"?)?\Z", re.IGNORECASE)
_LITERAL = re.compile(r"\[\s*(?:IPv6:\s*)?([0-9a-f:.]{2,45})(?:%[^\]\s]{0,20})?\s*\](?::\d{1,5})?\Z", re.IGNORECASE)
_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3})[.:]\d{1,5}\Z")  # old Exim writes a dot


def _wrapped(before: Clause) -> Clause | None:
    """A "from" clause in parentheses (Symantec's NAVGW), where it names an address; who sent from the machine itself
    stands so, too."""
    inner = clauses(before.comments[0]).get("from") if before.comments else None
    return inner if inner is not None and _seen(inner, greeted=False)[1] else None


def _seen(sender: Clause, *, greeted: bool) -> tuple[str, set[Address]]:
    """The name that the server found, or that says that it found none, and every address that it may have seen: one,
    unless the client has added to them. `greeted` says that a comment holds the client's name, which stands nowhere
    else then."""
    found = [each for comment in sender.comments if (each := _tcp_info(_words(comment)))[1] is not None]
    outside = _outside(sender.words)
    if not found:
        return "", outside
    addresses = {address for _, address in found if address is not None}
    if not sender.ends or greeted:  # else what stands before the comment is the client's name
        addresses |= {each for each in outside if not each.is_loopback}  # Yahoo writes it in the name's place
    doubted = any(_FORGED.search(comment) for comment in sender.comments)
    return ("unknown" if doubted else found[0][0]), addresses


def _misplaced(found: dict[str, Clause], seen: bool) -> bool:
    """Whether an address that the server saw stands behind a keyword that the client has written: behind any but "from"
    and "by", where "from" has none, or behind a first "by", where there are two."""
    rest = {keyword: clause for keyword, clause in found.items() if keyword not in ("", "from")}
    again = any(word.lower() == "by" for clause in rest.values() for word in clause.words)
    if not seen and any(word.lower() == "with" for clause in rest.values() for word in clause.words):
        return "from" in found
    if "from" not in found or (seen and not again):
        return False
    return any(
        any(_tcp_info(_words(comment))[1] is not None for comment in clause.comments)
        or any(_LITERAL.match(word) for word in clause.words)
        for keyword, clause in rest.items()
        if again or keyword != "by"
    )


def _tcp_info(words: list[str]) -> tuple[str, Address | None]:
    """TCP-info at the start of a comment's own words, with the client's ident before it or without."""
    words = [word for number, word in enumerate(words) if number > 1 or not _LABEL.match(word)]
    if not words:
        return "", None
    if address := _address(words[0]):
        return "", address if len(words) < 2 or _address(words[1]) in (None, address) else None
    if words[0].lower().startswith("ident:"):  # Sendmail: what stands before the last @ is the client's
        words = words[max((n for n, word in enumerate(words) if "@" in word), default=0) :]
    ident, _, first = words[0].rpartition("@")
    if _claim(first) or "=" in ident or "<" in ident or ident.endswith(":"):
        return "", None
    if address := _address(first):
        return "", address
    name, address = _glued(first)
    if address is None and len(words) > 1:
        name, address = first, _address(words[1])
    return name, address


def _outside(words: list[str]) -> set[Address]:
    """Addresses outside parentheses: behind a name, which may be the client's own, glued to it, or in its place."""
    if len(words) > 1 and (_address(words[0]) or not _claim(words[0])):
        behind = {address for word in words[1:8] if (address := _address(word))}
        if behind and _address(words[1]):
            return behind
    alone = (_glued(words[0])[1] or _address(words[0])) if words else None
    return {alone} if alone is not None else set()


def _words(comment: str) -> list[str]:
    """The words of a comment's own text, commas at their ends taken off."""
    return [token.text.rstrip(",") for token in tokens(outermost(comment)) if token.kind == "word"]


def _claim(word: str) -> bool:
    """Whether this word announces what the client said, or is a piece of it: no name that a server found."""
    return bool(_CLAIM.match(word))


def _glued(word: str) -> tuple[str, Address | None]:
    """`name[192.0.2.1]` as name and address."""
    name, bracket, rest = word.partition("[")
    address = None if _claim(name) or "@" in name else _address(bracket + rest)
    return ("", None) if address is None else (name, address)


def _known(name: str) -> str:
    """A name that the server found; "" where it only says that there is none."""
    bare = name.rstrip(".")
    return "" if bare.lower().strip("<>") in _NAMELESS else bare


def _said(comments: list[str]) -> str:
    """What the client called itself, where a comment says so."""
    for comment in comments:
        words = _words(comment)
        for number, word in enumerate(words):
            if (match := _GREETING.match(word)) and (said := match[1] or next(iter(words[number + 1 :]), "")):
                return said
    return ""


def _bare(word: str) -> str:
    """`name[192.0.2.1]` without the address."""
    return _glued(word)[0] or word


def _address(word: str) -> Address | None:
    """An address that stands alone: a literal or bare, with a port or without."""
    literal = _LITERAL.match(word)
    text = literal[1] if literal else word.removeprefix("IPv6:")  # MDaemon writes it so
    if port := _PORT.match(text):
        text = port[1]
    try:
        return plain(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _shown(text: str) -> str:
    return escape(text.encode("latin-1"))
