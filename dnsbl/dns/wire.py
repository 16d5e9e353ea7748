"""DNS messages on the wire: a strict parser of queries from strangers, and the assembly of replies.

Pure: bytes in, bytes out. Knows no zone and no list. Reads a header, exactly one question and at most one OPT record,
follows no compression pointer, and never raises on what a stranger sent. Where the RFCs leave a choice, the stricter
one is taken:

- no reply at all to fewer than 12 bytes, and to anything that is itself a response (two servers could answer each other
  for ever);
- FORMERR for any count but one question (RFC 9619), no answer, no authority and at most one additional record that is
  OPT; for a label type other than plain (pointers too); for a name over 255 bytes; for anything cut short; for trailing
  bytes; for more than 64 EDNS options; but a message without a question may be one for a cookie (RFC 7873 5.4);
- a reply to a broken message repeats the question only when it was read whole, so that many are a bare header; it has
  an OPT when the message has one at its place, among its first 64 records, even with broken options (RFC 6891 6.1.1);
- NOTIMP for every opcode but QUERY, whatever the rest looks like; BADVERS for EDNS above version 0 (RFC 6891 6.1.3);
- TC, AA, RA, Z, AD and CD of the query are neither looked at nor copied; RD is copied (RFC 1035 4.1.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tester.records import dataclass

QUERY = 0
#: Opcodes that are answered; whatever else gets NOTIMP.
OPCODES = frozenset({QUERY})

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS, BADCOOKIE = 0, 1, 2, 3, 4, 5, 16, 23

A, NS, SOA, HINFO, MX, TXT, AAAA, OPT, IXFR, AXFR, ANY = 1, 2, 6, 13, 15, 16, 28, 41, 251, 252, 255
IN, CH = 1, 3

#: Query types that have a name of their own in counters and logs; whatever else strangers ask for is "other".
TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV"} | {
    43: "DS",
    46: "RRSIG",
    48: "DNSKEY",
    65: "HTTPS",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
}

#: EDNS options (RFC 5001, RFC 7314, RFC 7873, RFC 7828, RFC 7830, RFC 8914, RFC 9660), and the extended errors that we
#: tell.
NSID, EXPIRE, COOKIE, KEEPALIVE, PADDING, EDE, ZONEVERSION = 3, 9, 10, 11, 12, 15, 19
STALE, FORGED, NOT_READY, BLOCKED, PROHIBITED, STALE_NXDOMAIN, NOT_AUTHORITATIVE = 3, 4, 14, 15, 18, 19, 20

#: Bytes of a reply over UDP: to clients without EDNS (RFC 1035 4.2.1), and at most (the size that never fragments).
PLAIN_UDP = 512
LARGEST_UDP = 1232
LARGEST_TCP = 65535
#: A reply that is padded has a multiple of so many bytes (RFC 8467 4.1).
PADDED_TO = 468
#: EDNS options of one query, and records of a broken one; a packet of nothing else would cost milliseconds.
MOST_OPTIONS = MOST_RECORDS = 64

#: Where the name of the question begins, as a compression pointer: the owner of every answer.
QNAME = b"\xc0\x0c"

_HEADER = struct.Struct("!HHHHHH")
_QUESTION_END = struct.Struct("!HH")
_OPT_FIXED = struct.Struct("!HHBBHH")  # type, class, extended rcode, version, flags, length of the options
_RECORD = struct.Struct("!HHIH")
_QR, _AA, _TC, _RD = 0x8000, 0x0400, 0x0200, 0x0100
_DO = 0x8000


@dataclass(frozen=True, slots=True)
class Edns:
    """What the OPT record said (RFC 6891 6.1)."""

    size: int  #: bytes that the client can take, as advertised
    version: int
    dnssec_ok: bool
    options: tuple[tuple[int, bytes], ...]  #: (code, data) as sent; data may be empty


@dataclass(frozen=True, slots=True)
class Query:
    """One message that deserves a reply."""

    ident: int
    opcode: int
    recursion_desired: bool
    question: bytes  #: the question section byte for byte; b"" when it could not be read, or none is there for a cookie
    labels: tuple[bytes, ...]  #: the question's name in lower case, without the root
    qtype: int
    qclass: int
    edns: Edns | None
    fault: int  #: NOERROR, or the code that the message itself has earned

    def pointer(self, labels_from_end: int) -> bytes:
        """A compression pointer to the last so many labels of the question's name."""
        offset = 12 + sum(len(label) + 1 for label in self.labels[: len(self.labels) - labels_from_end])
        return (0xC000 | offset).to_bytes(2)

    def room(self, *, tcp: bool) -> int:
        """How many bytes the reply may have (RFC 6891 6.2.5: less than 512 means 512)."""
        if tcp:
            return LARGEST_TCP
        return PLAIN_UDP if self.edns is None else min(max(self.edns.size, PLAIN_UDP), LARGEST_UDP)


class _Malformed(Exception):
    """The message is cut short or breaks a rule."""


def parse(packet: bytes) -> Query | None:
    """The query in this packet (without TCP's length prefix), or None when there must be no reply."""
    if len(packet) < 12 or packet[2] & 0x80:
        return None
    ident, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(packet)
    opcode = flags >> 11 & 15
    labels: tuple[bytes, ...] = ()
    question, qtype, qclass, edns, fault = b"", 0, 0, None, NOERROR
    try:
        if questions > 1 or answers or authorities or additionals > 1:
            raise _Malformed
        end = 12
        if questions:
            labels, qtype, qclass, end = _question(packet)
            question = packet[12:end]
        if additionals:
            edns, end = _opt(packet, end)
        if end != len(packet) or not (questions or (edns and any(code == COOKIE for code, _ in edns.options))):
            raise _Malformed
    except _Malformed:
        fault = FORMERR
        edns = edns or _opt_somewhere(packet, questions, answers + authorities, additionals)
    if opcode not in OPCODES:
        fault = NOTIMP
    elif fault == NOERROR and edns is not None and edns.version != 0:
        fault = BADVERS
    return Query(ident, opcode, bool(flags & _RD), question, labels, qtype, qclass, edns, fault)


def _question(packet: bytes) -> tuple[tuple[bytes, ...], int, int, int]:
    """(labels, type, class, where it ends) of the question (RFC 1035 4.1.2)."""
    labels = []
    at = 12
    while True:
        if at >= len(packet):
            raise _Malformed
        length = packet[at]
        if length == 0:
            break
        if length > 63:  # RFC 1035 4.1.4 pointers and the label types that never came to be
            raise _Malformed
        label = packet[at + 1 : at + 1 + length]
        at += 1 + length
        if at - 12 > 254:  # with the root at most 255, RFC 1035 2.3.4; a label cut short has no byte behind it
            raise _Malformed
        labels.append(label.lower())
    at += 1
    if len(packet) < at + 4:
        raise _Malformed
    qtype, qclass = _QUESTION_END.unpack_from(packet, at)
    return tuple(labels), qtype, qclass, at + 4


def _opt(packet: bytes, at: int) -> tuple[Edns, int]:
    """(OPT record, where it ends); every other record is malformed here (RFC 6891 6.1.1 and 6.1.2)."""
    if len(packet) < at + 11 or packet[at] != 0:
        raise _Malformed
    rtype, size, _, version, flags, length = _OPT_FIXED.unpack_from(packet, at + 1)
    at += 11
    end = at + length
    if rtype != OPT or end > len(packet):
        raise _Malformed
    options: list[tuple[int, bytes]] = []
    while at < end:
        if at + 4 > end or len(options) == MOST_OPTIONS:
            raise _Malformed
        code, length = _QUESTION_END.unpack_from(packet, at)
        at += 4
        if at + length > end:
            raise _Malformed
        options.append((code, packet[at : at + length]))
        at += length
    return Edns(size, version, bool(flags & _DO), tuple(options)), end


def _opt_somewhere(packet: bytes, questions: int, before: int, additionals: int) -> Edns | None:
    """The OPT of a message that breaks a rule, without its options; `before` are the records ahead of additional ones.

    No pointer is followed, and no record looked into.
    """
    at = 12
    for number in range(min(questions + before + additionals, MOST_RECORDS)):
        owner = at
        while at < len(packet) and 0 < packet[at] < 64 and at - owner < 255:
            at += 1 + packet[at]
        if at >= len(packet) or 0 < packet[at] < 0xC0:
            return None
        at += 2 if packet[at] else 1
        if number < questions:
            at += 4
            continue
        if len(packet) < at + 10:
            return None
        rtype, size, _, version, flags, length = _OPT_FIXED.unpack_from(packet, at)
        if rtype == OPT and at == owner + 1 and number >= questions + before:
            return Edns(size, version, bool(flags & _DO), ())
        at += 10 + length
    return None


def name(labels: Iterable[bytes]) -> bytes:
    """These labels as they are packed (RFC 1035 3.1), without the root or pointer that ends a name."""
    return b"".join([bytes([len(label)]) + label for label in labels])


def record(owner: bytes, rtype: int, ttl: int, rdata: bytes, *, rclass: int = IN) -> bytes:
    """A packed record; `owner` is a packed name or a compression pointer."""
    return owner + _RECORD.pack(rtype, rclass, ttl, len(rdata)) + rdata


def option(code: int, data: bytes) -> bytes:
    """A packed EDNS option (RFC 6891 6.1.2)."""
    return _QUESTION_END.pack(code, len(data)) + data


def wants(options: bytes, wanted: int) -> bool:
    """Whether an option is among these packed ones; of such that are cut short none is."""
    at, found = 0, False
    while at + 4 <= len(options):
        code, length = _QUESTION_END.unpack_from(options, at)
        found = found or code == wanted
        at += 4 + length
    return found and at == len(options)


def text(words: str) -> bytes:
    """TXT data of one string of at most 255 ASCII characters."""
    return bytes([len(words)]) + words.encode("ascii")


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say to a query, section by section; the records are packed."""

    rcode: int
    authoritative: bool = False
    answers: tuple[bytes, ...] = ()
    authorities: tuple[bytes, ...] = ()
    additionals: tuple[bytes, ...] = ()
    ede: int | None = None  #: the extended error (RFC 8914), for clients with EDNS
    kinds: tuple[str, ...] = ()  #: under which the address that was asked for is listed, for counters


def assemble(
    query: Query, reply: Reply, room: int, *, options: bytes = b"", cut: bool = False, padded: bool = False
) -> bytes:
    """The packet. What does not fit in `room` bytes: additional records are left out (RFC 2181 9), anything else makes
    a reply of question and OPT alone with TC set, as does `cut`. `options` go into OPT, when the client sent one;
    `padded` fills it to a multiple of PADDED_TO bytes, or to what there is room for (RFC 7830 3).
    """
    flags = _QR | query.opcode << 11 | reply.rcode & 15
    if reply.authoritative:
        flags |= _AA
    if query.recursion_desired:
        flags |= _RD
    opt = b""
    if query.edns is not None:
        if reply.ede is not None:
            options += option(EDE, reply.ede.to_bytes(2))
        opt = _opt_of(query.edns, reply.rcode, options)
    answers, authorities, additionals = reply.answers, reply.authorities, reply.additionals
    body = b"".join(answers + authorities)
    extra = b"".join(additionals)
    fixed = 12 + len(query.question) + len(opt)
    if cut or fixed + len(body) + len(extra) > room:
        additionals, extra = (), b""
    if cut or fixed + len(body) > room:
        flags |= _TC
        answers, authorities, body = (), (), b""
    if padded and query.edns is not None:
        left = room - (fixed + len(body) + len(extra) + 4)
        if left >= 0:
            options += option(PADDING, bytes(min((left - room) % PADDED_TO, left)))
            opt = _opt_of(query.edns, reply.rcode, options)
    header = _HEADER.pack(
        query.ident,
        flags,
        1 if query.question else 0,
        len(answers),
        len(authorities),
        len(additionals) + (1 if opt else 0),
    )
    return header + query.question + body + extra + opt


def _opt_of(edns: Edns, rcode: int, options: bytes) -> bytes:
    """The OPT record that answers this one (RFC 6891 6.1.3)."""
    flags = _DO if edns.dnssec_ok else 0
    return b"\0" + _OPT_FIXED.pack(OPT, LARGEST_UDP, rcode >> 4, 0, flags, len(options)) + options
