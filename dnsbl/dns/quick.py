"""The quick path of the plain twin: the packet that mail servers send all day, answered without making objects of it.

Pure. An IPv4 address (four octets, not in 127.0.0.0/8) at a zone's origin or in a sublist, type A or TXT, class IN,
without EDNS or with an OPT record without options. Every other packet is left to `answer`; for these the bytes are the
same.
"""

from __future__ import annotations

from dnsbl.dns import fast, wire
from dnsbl.dns.table import Table
from dnsbl.dns.zones import Kind, View, Zone, Zones

_OCTETS = {str(n).encode(): n for n in range(256)}
_WORDS = [str(n) for n in range(256)]
_PLAIN = b"\0\1\0\0\0\0\0\0"
_EDNS = b"\0\1\0\0\0\0\0\1"
_ONE_ANSWER = (b"\0\1\0\1\0\0\0\0", b"\0\1\0\1\0\0\0\1")
_NO_ANSWER = (b"\0\1\0\0\0\1\0\0", b"\0\1\0\0\0\1\0\1")
_OPT = b"\0\0\x29" + wire.LARGEST_UDP.to_bytes(2) + bytes(6)
_OPT_DO = b"\0\0\x29" + wire.LARGEST_UDP.to_bytes(2) + b"\0\0\x80\0\0\0"
_LEAST = 12 + 8 + 5
#: Combinations of kinds whose answer is kept, for each end.
MOST_KNOWN = 1000


class _End:
    """What a question ends with: the name of a list, type and class."""

    __slots__ = ("kinds", "offset", "soa", "txt", "view", "zone")

    def __init__(self, zone: Zone, view: View, offset: int, txt: bool) -> None:
        self.zone = zone
        self.view = view
        self.offset = offset  # of the zone's own name in the end
        self.txt = txt
        self.soa = b""  # the record of a negative answer, behind its owner
        self.kinds: dict[tuple[str, ...], Kind | bytes | None] = {}  # found names -> what to say


class Quick:
    """Answers from the table given last; one thread calls `answer`."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._state: tuple[Table, dict[bytes, _End]] | None = None
        self._answered = [0, 0, 0]  # NOERROR, silent, NXDOMAIN

    def swap(self, table: Table | None) -> None:
        """Answer from this table from now on; without one, nothing is answered here."""
        if table is None:
            self._state = None
            return
        ends: dict[bytes, _End] = {}
        for zone in self._zones:
            if not fast.known(zone):
                continue
            name = b"".join(bytes([len(label)]) + label for label in zone.labels) + b"\0"
            soa = wire.record(b"", wire.SOA, zone.negative_ttl, zone.soa(table.serial))
            for label, view in zone.views.items():
                before = bytes([len(label)]) + label if label else b""
                for rtype in (wire.A, wire.TXT):
                    end = _End(zone, view, len(before), rtype == wire.TXT)
                    end.soa = soa
                    ends[before + name + rtype.to_bytes(2) + b"\0\1"] = end
        self._state = table, ends

    def counted(self) -> dict[str, int]:
        """As the responder counts."""
        found, silent, missing = self._answered
        return {"udp": found + silent + missing, "silent": silent, "rcode_0": found, "rcode_3": missing}

    def answer(self, packet: bytes) -> bytes | None:
        """The reply, or None when `answer` is to be asked."""
        state = self._state
        counts = packet[4:12]
        if state is None or len(packet) < _LEAST or packet[2] & 0xF8:
            return None
        edns = counts == _EDNS
        if edns:
            opt = packet[-11:]
            if opt[:3] != b"\0\0\x29" or opt[6] or opt[9] or opt[10]:
                return None
            question = packet[12:-11]
        elif counts == _PLAIN:
            question = packet[12:]
        else:
            return None
        try:
            at = question[0] + 1
            fourth = _OCTETS[question[1:at]]
            begin = at + 1
            at = begin + question[at]
            third = _OCTETS[question[begin:at]]
            begin = at + 1
            at = begin + question[at]
            second = _OCTETS[question[begin:at]]
            begin = at + 1
            at = begin + question[at]
            first = _OCTETS[question[begin:at]]
            table, ends = state
            end = ends[question[at:].lower()]
        except (KeyError, IndexError):
            return None
        if first == 127:
            return None
        names = table.kinds_at(4, first << 24 | second << 16 | third << 8 | fourth)
        said = end.kinds.get(names)
        if said is None:
            said = _said(end, names)
            if len(end.kinds) < MOST_KNOWN:
                end.kinds[names] = said
        if said == b"":
            if at == 8:  # four digits may be nibbles of an IPv6 prefix too
                return None
            self._answered[2] += 1
            owner = 0xC00C + at + end.offset
            head = packet[:2] + (b"\x85\3" if packet[2] & 1 else b"\x84\3") + _NO_ANSWER[edns]
            body = owner.to_bytes(2) + end.soa
        elif isinstance(said, bytes):
            self._answered[0] += 1
            head = packet[:2] + (b"\x85\0" if packet[2] & 1 else b"\x84\0") + _ONE_ANSWER[edns]
            body = said
        elif isinstance(said, Kind):
            self._answered[0] += 1
            head = packet[:2] + (b"\x85\0" if packet[2] & 1 else b"\x84\0") + _ONE_ANSWER[edns]
            text = said.text_of(f"{_WORDS[first]}.{_WORDS[second]}.{_WORDS[third]}.{_WORDS[fourth]}", end.zone.site)
            body = wire.record(wire.QNAME, wire.TXT, said.ttl, wire.text(text))
        else:
            return None
        if not edns:
            reply = head + question + body
        else:
            reply = head + question + body + (_OPT_DO if opt[7] & 0x80 else _OPT)
        return reply if len(reply) <= wire.PLAIN_UDP else None


def _said(end: _End, names: tuple[str, ...]) -> Kind | bytes | None:
    """Of the kinds found, what this list says: b"" for nothing, an A record whole, or the kind of a TXT record. None
    for several kinds at once.
    """
    kinds = [end.view.kinds[name] for name in names if name in end.view.kinds]
    if not kinds:
        return b""
    if len(kinds) > 1:
        return None
    return kinds[0] if end.txt else wire.record(wire.QNAME, wire.A, kinds[0].ttl, kinds[0].packed)
