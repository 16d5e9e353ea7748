"""Zone transfers as bytes: requests read, TSIG checked and put on, answers cut into messages.

Pure: the time is an argument; sockets and access lists are `serving.transfers`. AXFR (RFC 5936) and IXFR (RFC 1995)
over TCP, the serial over UDP, and NOTIFY (RFC 1996) to the other side. Signatures are dnspython's (RFC 8945); what a
stranger sent is read here, strictly: a question without pointers, at most one SOA in the authority section, then at
most one OPT and one TSIG, which is the last. Over 400 lines, since reading, checking and signing share one layout.
"""

from __future__ import annotations

import base64
import hmac
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
from dns.rdtypes.ANY.TSIG import TSIG

from dnsbl.addresses import Network
from dnsbl.dns import wire
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries.records import difference, fixed, names, packed
from dnsbl.dns.zones import Zone
from dnsbl.errors import SettingsError
from dnsbl.model import Change
from tester.records import dataclass

#: Bytes of one message; leaves room for OPT and TSIG below TCP's 65535.
LARGEST = 64000
#: Steps of the change log that one IXFR condenses; a client that is further behind gets the whole zone.
MOST_STEPS = 20000
#: Seconds that two clocks may differ (RFC 8945 section 10).
FUDGE = 300

NOTAUTH = 9
BADSIG, BADKEY, BADTIME, BADTRUNC = 16, 17, 18, 22

_TSIG = 250
_NOTIFY = 4
_QR, _AA, _TC, _RD = 0x8000, 0x0400, 0x0200, 0x0100
_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")
_OPT = b"\0" + _FIXED.pack(wire.OPT, wire.LARGEST_UDP, 0, 0)
_ALGORITHMS = ("hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
_LEAST_SECRET = 16
_LEAST_MAC = 10

TsigKeys = Mapping[dns.name.Name, dns.tsig.Key]


class _Malformed(Exception):
    """Not a request that is read here."""


@dataclass(frozen=True, slots=True)
class Request:
    """A query of a kind that the public parser turns away: for a transfer, or signed, or both."""

    ident: int
    flags: int
    question: bytes  #: the section byte for byte
    labels: tuple[bytes, ...]  #: in lower case
    qtype: int
    qclass: int
    serial: int | None  #: of the SOA in the authority section, for IXFR
    edns: bool
    room: int  #: bytes that a reply over UDP may have
    expires: bool  #: whether it wants to know when the zone expires (RFC 7314)
    plain: bytes  #: the message without its signature
    signature: _Signature | None

    @property
    def transfer(self) -> bool:
        """Whether it asks for a transfer."""
        return self.qtype in (wire.AXFR, wire.IXFR)


@dataclass(frozen=True, slots=True)
class _Signature:
    packet: bytes
    start: int  #: where its record begins
    owner: dns.name.Name
    data: TSIG


@dataclass(frozen=True, slots=True)
class Signed:
    """Whose key signed a request, or why its signature does not hold."""

    key: dns.tsig.Key | None  #: what to sign the reply with
    error: int = 0  #: BADKEY, BADSIG, BADTIME, BADTRUNC, FORMERR for a MAC of no size that there is, or 0


def read_tsig_keys(text: str, source: str) -> dict[dns.name.Name, dns.tsig.Key]:
    """The keys of a file: `name algorithm secret` a line, the secret in base64. Raises SettingsError."""
    keys: dict[dns.name.Name, dns.tsig.Key] = {}
    mistakes = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            name, algorithm, secret = words
            key = dns.tsig.Key(dns.name.from_text(name), base64.b64decode(secret, validate=True), algorithm.lower())
        except (ValueError, dns.exception.DNSException):
            mistakes.append(f"{source}:{number}: `name algorithm secret` is needed, the secret in base64")
            continue
        if str(key.algorithm).rstrip(".") not in _ALGORITHMS:
            mistakes.append(f"{source}:{number}: the algorithm must be one of {', '.join(_ALGORITHMS)}")
        elif len(key.secret) < _LEAST_SECRET:
            mistakes.append(f"{source}:{number}: the secret needs {_LEAST_SECRET} bytes or more")
        elif key.name in keys:
            mistakes.append(f"{source}:{number}: this name was given before")
        keys[key.name] = key
    if mistakes:
        raise SettingsError(mistakes)
    return keys


def read(packet: bytes) -> Request | None:
    """The request in this packet (without TCP's length prefix), or None for anything else. Never raises."""
    try:
        return _read(packet)
    except (_Malformed, dns.exception.DNSException, struct.error, IndexError, ValueError):
        return None


def checked(request: Request, tsig_keys: TsigKeys, now: int) -> Signed | None:
    """Whose signature a request carries, None when it carries none; `now` in Unix seconds (RFC 8945 section 5.2).

    A MAC that was cut short is never enough: FORMERR where the RFC knows none so short, BADTRUNC where it is right.
    """
    signature = request.signature
    if signature is None:
        return None
    key = tsig_keys.get(signature.owner)
    if key is None or key.algorithm != signature.data.algorithm:
        return Signed(None, BADKEY)
    data = signature.data
    full = dns.tsig.mac_sizes[key.algorithm]
    if not max(_LEAST_MAC, full // 2) <= len(data.mac) <= full:  # RFC 8945 5.2.2.1
        return Signed(None, wire.FORMERR)
    cut = len(data.mac) < full
    if cut:
        made, _ = dns.tsig.sign(request.plain, key, data, data.time_signed)  # type: ignore[no-untyped-call]
        if hmac.compare_digest(made.mac[: len(data.mac)], data.mac):
            data = made
    try:
        dns.tsig.validate(  # type: ignore[no-untyped-call]
            signature.packet, key, signature.owner, data, now, b"", signature.start
        )
    except dns.tsig.BadTime:
        return Signed(key, BADTIME)
    except dns.exception.DNSException:
        return Signed(None, BADSIG)
    return Signed(key, BADTRUNC if cut else 0)


def said(request: Request, rcode: int) -> bytes:
    """A reply of header and question, and OPT for who sent one."""
    return _header(request, rcode, 0, additional=request.edns) + request.question + _opt(request)


def refused_signature(request: Request, signed: Signed, now: int) -> bytes:
    """NOTAUTH, with a TSIG that says why (RFC 8945 sections 5.2.1 to 5.2.4), or FORMERR."""
    assert request.signature is not None
    if signed.error == wire.FORMERR:
        return said(request, wire.FORMERR)
    other = now.to_bytes(6) if signed.error == BADTIME else b""
    return _sealed(said(request, NOTAUTH), request, signed.key, now, error=signed.error, other=other)[0]


def sealed(reply: bytes, request: Request, key: dns.tsig.Key, now: int, *, tcp: bool) -> bytes:
    """A reply of one message with its signature. Where both have no room in a datagram, the question alone and TC are
    signed, which send the client to TCP (RFC 8945 section 5.3).
    """
    made = _sealed(reply, request, key, now)[0]
    if tcp or len(made) <= request.room:
        return made
    cut = _header(request, _TC, 0, additional=request.edns) + request.question + _opt(request)
    return _sealed(cut, request, key, now)[0]


def serial(request: Request, zone: Zone, table: Table, left: int) -> bytes:
    """The SOA alone: IXFR over UDP (RFC 1995 section 2), which sends the client to TCP. The zone expires in `left`
    seconds."""
    header = _header(request, wire.NOERROR, 1, authoritative=True, additional=request.edns)
    return header + request.question + _soa(zone, table) + _opt(request, left)


def reach(request: Request, table: Table) -> int | None:
    """The change number that an IXFR client is at, or None when only the whole zone will do."""
    if request.qtype != wire.IXFR or request.serial is None:
        return None
    number = table.change_number(request.serial)
    return number if number is not None and table.serial - number <= MOST_STEPS else None


def whole(zone: Zone, table: Table, *, expand: bool) -> Iterator[bytes]:
    """The records of AXFR: SOA first and last."""
    yield _soa(zone, table)
    yield from fixed(zone)
    for name in names(zone, table, expand=expand):
        yield from packed(name)
    yield _soa(zone, table)


def steps(
    zone: Zone,
    table: Table,
    after: int,
    changes: Iterable[Change],
    *,
    expand: bool,
    listable: Callable[[Network], bool] = lambda network: True,
) -> Iterator[bytes] | None:
    """The records of IXFR for a client at change number `after`, all steps in one; None when the changes do not lead
    from there to the table. `listable` is the feed's: what else the log holds has never been in a table.
    """
    soa = _soa(zone, table)
    if after == table.serial:
        return iter((soa,))
    before: dict[tuple[object, str], Change] = {}
    expected = after
    for change in changes:
        if change.seq > table.serial:
            break
        expected += 1
        if change.seq != expected:
            return None
        if listable(change.network):
            before.setdefault((change.network, change.kind), change)
    if expected != table.serial:
        return None
    back = [
        Change(seq=table.serial, network=c.network, kind=c.kind, present=not c.present) for c in before.values()
    ]  # a step changes something, so what was before a first step is its opposite
    old = table.changed(back)
    gone, come = difference(zone, old, table, [(c.network, c.kind) for c in back], expand=expand)
    serial = (table.soa_serial - (table.serial - after)) % 2**32
    return iter((soa, wire.record(wire.QNAME, wire.SOA, zone.soa_ttl, zone.soa(serial)), *gone, soa, *come, soa))


def messages(
    request: Request, records: Iterable[bytes], key: dns.tsig.Key | None, now: Callable[[], int], left: int
) -> Iterator[bytes]:
    """The records in messages without length prefix, each with the question and, when there is a key, signed at the
    moment at which it is made: the last one of a long transfer must not be older than `FUDGE`. The zone expires in
    `left` seconds.
    """
    context = None
    extra = _opt(request, left)
    for body, count in _filled(records, LARGEST - 12 - len(request.question) - len(extra)):
        message = _header(request, wire.NOERROR, count, authoritative=True, additional=bool(extra))
        message += request.question + body + extra
        if key is not None:
            message, context = _sealed(message, request, key, now(), context=context, multi=True)
        yield message
        extra = b""


def notify(zone: Zone, table: Table, ident: int, key: dns.tsig.Key | None, now: int) -> bytes:
    """NOTIFY with the new SOA (RFC 1996 section 3.7)."""
    name = wire.name(zone.labels) + b"\0"
    question = name + struct.pack("!HH", wire.SOA, wire.IN)
    message = _HEADER.pack(ident, _NOTIFY << 11 | _AA, 1, 1, 0, 0) + question + _soa(zone, table)
    return message if key is None else _signed(message, ident, key, now)[0]


def is_answer(packet: bytes, ident: int) -> bool:
    """Whether this is the reply to a NOTIFY with this id, whatever it says: it has been heard (RFC 1996 3.10)."""
    return len(packet) >= 12 and packet[:2] == ident.to_bytes(2) and packet[2] >> 3 == 0x10 | _NOTIFY


def _read(packet: bytes) -> Request:
    ident, flags, *counts = _HEADER.unpack_from(packet)
    if flags & _QR or flags >> 11 & 15 or counts[:2] != [1, 0] or counts[2] > 1 or counts[3] > 2:
        raise _Malformed
    labels = []
    at = 12
    while packet[at]:
        if packet[at] > 63:
            raise _Malformed
        labels.append(packet[at + 1 : at + 1 + packet[at]].lower())
        at += 1 + packet[at]
    at += 1
    if at - 12 > 255:
        raise _Malformed
    qtype, qclass = struct.unpack_from("!HH", packet, at)
    question = packet[12 : (at := at + 4)]
    serial, edns, room, expires, signature = None, False, wire.PLAIN_UDP, False, None
    for section in range(counts[2] + counts[3]):
        start = at
        at = _past_name(packet, at)
        rtype, rclass, _, length = _FIXED.unpack_from(packet, at)
        at += _FIXED.size
        end = at + length
        if end > len(packet) or signature is not None:
            raise _Malformed
        if section < counts[2]:
            if rtype != wire.SOA or length < 22:
                raise _Malformed
            serial = int.from_bytes(packet[end - 20 : end - 16])
        elif rtype == wire.OPT and not edns:
            edns, expires = True, wire.wants(packet[at:end], wire.EXPIRE)
            room = min(max(rclass, wire.PLAIN_UDP), wire.LARGEST_UDP)
        elif rtype == _TSIG and rclass == dns.rdataclass.ANY:
            owner, _ = dns.name.from_wire(packet, start)
            data = dns.rdata.from_wire(dns.rdataclass.ANY, dns.rdatatype.TSIG, packet, at, length)
            assert isinstance(data, TSIG)
            signature = _Signature(packet, start, owner, data)
        else:
            raise _Malformed
        at = end
    if at != len(packet):
        raise _Malformed
    plain = packet
    if signature is not None:
        plain = packet[:10] + (counts[3] - 1).to_bytes(2) + packet[12 : signature.start]
    return Request(ident, flags, question, tuple(labels), qtype, qclass, serial, edns, room, expires, plain, signature)


def _past_name(packet: bytes, at: int) -> int:
    """Where a name ends that may end in a pointer."""
    while packet[at]:
        if packet[at] >= 0xC0:
            return at + 2
        if packet[at] > 63:
            raise _Malformed
        at += 1 + packet[at]
    return at + 1


def _header(
    request: Request, rcode: int, count: int, *, authoritative: bool = False, additional: bool = False
) -> bytes:
    flags = _QR | (_AA if authoritative else 0) | request.flags & _RD | rcode
    return _HEADER.pack(request.ident, flags, 1, count, 0, 1 if additional else 0)


def _opt(request: Request, left: int | None = None) -> bytes:
    """An OPT record for who sent one (RFC 6891 6.1.1), or nothing; for who asked, with when the zone expires."""
    if not request.edns:
        return b""
    options = wire.option(wire.EXPIRE, left.to_bytes(4)) if request.expires and left is not None else b""
    return _OPT[:-2] + len(options).to_bytes(2) + options


def _soa(zone: Zone, table: Table) -> bytes:
    return wire.record(wire.QNAME, wire.SOA, zone.soa_ttl, zone.soa(table.soa_serial))


def _filled(records: Iterable[bytes], room: int) -> Iterator[tuple[bytes, int]]:
    """The records in portions of at most so many bytes, each with their number."""
    portion: list[bytes] = []
    size = 0
    for record in records:
        if size + len(record) > room or len(portion) == 0xFFFF:
            yield b"".join(portion), len(portion)
            portion, size = [], 0
        portion.append(record)
        size += len(record)
    yield b"".join(portion), len(portion)


def _sealed(
    message: bytes,
    request: Request,
    key: dns.tsig.Key | None,
    now: int,
    *,
    context: object = None,
    multi: bool = False,
    error: int = 0,
    other: bytes = b"",
) -> tuple[bytes, object]:
    """A reply with its signature, made over the request's; without a key the signature is empty."""
    signature = request.signature
    assert signature is not None
    if key is None:
        key = dns.tsig.Key(signature.owner, b"", signature.data.algorithm)
        return _with(message, key, _data(key, now, request.ident, error, other)), None
    at = signature.data.time_signed if error == BADTIME else now
    return _signed(
        message, request.ident, key, at, mac=signature.data.mac, context=context, multi=multi, error=error, other=other
    )


def _signed(
    message: bytes,
    ident: int,
    key: dns.tsig.Key,
    at: int,
    *,
    mac: bytes = b"",
    context: object = None,
    multi: bool = False,
    error: int = 0,
    other: bytes = b"",
) -> tuple[bytes, object]:
    data = _data(key, at, ident, error, other)
    made, context = dns.tsig.sign(message, key, data, at, mac, context, multi)  # type: ignore[no-untyped-call]
    return _with(message, key, made), context


def _data(key: dns.tsig.Key, at: int, ident: int, error: int, other: bytes) -> TSIG:
    """TSIG data that is still to be signed."""
    kind = (dns.rdataclass.ANY, dns.rdatatype.TSIG)
    return TSIG(*kind, key.algorithm, at, FUDGE, b"", ident, error, other)  # type: ignore[no-untyped-call]


def _with(message: bytes, key: dns.tsig.Key, data: TSIG) -> bytes:
    """A message with one more record."""
    owner, rdata = key.name.to_wire(), data.to_wire()
    assert owner is not None
    assert rdata is not None
    count = int.from_bytes(message[10:12]) + 1
    record = owner + _FIXED.pack(_TSIG, dns.rdataclass.ANY, 0, len(rdata)) + rdata
    return message[:10] + count.to_bytes(2) + message[12:] + record
