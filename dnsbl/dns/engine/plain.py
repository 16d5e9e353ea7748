"""The plain engine: the packet that mail servers send all day, answered without making objects of it.

Pure. An IPv4 address (four octets, not in 127.0.0.0/8) at a zone's origin or in a sublist, type A or TXT, class IN,
without EDNS or with an OPT record without options, from a client whose rule, if any, is `pass`; and the zone's own
records, of the types in `TYPES`, for everybody but who is dropped. Every other packet is left to `respond`; for these
the bytes are the same, and the same limits count them. `rest` tells those that even `respond` would not answer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from dnsbl.dns import answer, guard, respond, wire
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving
from dnsbl.dns.zones import Kind, View, Zone, Zones

#: Query types that the engine was taught; of those that nobody knows a name of the zone's own has nothing.
TYPES = frozenset({wire.A, wire.NS, wire.SOA, wire.TXT, wire.ANY})

_OCTETS = {str(n).encode(): n for n in range(256)}
_WORDS = [str(n) for n in range(256)]
_PLAIN = b"\0\1\0\0\0\0\0\0"
_EDNS = b"\0\1\0\0\0\0\0\1"
_ONE_ANSWER = (b"\0\1\0\1\0\0\0\0", b"\0\1\0\1\0\0\0\1")
_NO_ANSWER = (b"\0\1\0\0\0\1\0\0", b"\0\1\0\0\0\1\0\1")
_OPT = b"\0\0\x29" + wire.LARGEST_UDP.to_bytes(2) + bytes(6)
_OPT_DO = b"\0\0\x29" + wire.LARGEST_UDP.to_bytes(2) + b"\0\0\x80\0\0\0"
_LEAST = 12 + 1 + 4
#: Combinations of kinds whose answer is kept, for each end; and clients whose place in the limits is.
MOST_KNOWN = 1000
MOST_CLIENTS = 10000
#: What becomes of the rest.
SILENT, HAND_OVER, COUNTED = range(3)
#: In place of a slot: no limit concerns the client, or the reference decides.
_FREE, _OTHERWISE = -1, -2


class _End:
    """What a question ends with: the name of a list, type and class."""

    __slots__ = ("found", "kinds", "missing", "offset", "soa", "txt", "view", "watched", "zone")

    def __init__(self, zone: Zone, view: View, offset: int, txt: bool) -> None:
        self.zone = zone
        self.watched = zone.watched
        self.view = view
        self.offset = offset  # of the zone's own name in the end
        self.txt = txt
        self.soa = b""  # the record of a negative answer, behind its owner
        self.kinds: dict[tuple[str, ...], tuple[Kind | bytes | None, str]] = {}  # found names -> what to say, its kind
        self.found, self.missing = ((zone.origin, rcode, "TXT" if txt else "A", False) for rcode in (0, wire.NXDOMAIN))


class _Records:
    """What a name of the zone's own has of one type: the ends of replies, up to the options."""

    __slots__ = ("body", "counts", "sort")

    def __init__(self, reply: wire.Reply) -> None:
        counts = len(reply.answers), len(reply.authorities), len(reply.additionals)
        self.counts = tuple(b"\0\1" + struct.pack("!HHH", *counts[:2], counts[2] + opt) for opt in (0, 1))
        self.body = b"".join(reply.answers + reply.authorities + reply.additionals)
        self.sort = guard.ANSWER if reply.answers else guard.NEGATIVE


class _Own:
    """The zone's own names, with what the reference says of each when it is asked for first."""

    def __init__(self, zones: Zones, table: Table) -> None:
        self._table = table
        self._names = {
            wire.name((*below, *zone.labels)) + b"\0": (zone, below)
            for zone in zones
            if not zone.sources  # left to the reference
            for below in zone.static
            if zones.of((*below, *zone.labels)) is zone  # not where a zone inside it answers
        }
        self._said: dict[tuple[bytes, int], _Records] = {}

    def of(self, name: bytes, qtype: int) -> tuple[Zone, _Records] | None:
        """The zone of this name (packed, in lower case) and its records, or None when it is no such name."""
        if name not in self._names:
            return None
        zone, below = self._names[name]
        if qtype not in TYPES and qtype not in zone.static[below]:
            qtype = 0  # stands for all that have no records
        records = self._said.get((name, qtype))
        if records is None:
            query = wire.Query(0, wire.QUERY, False, b"", (*below, *zone.labels), qtype, wire.IN, None, wire.NOERROR)
            records = self._said[name, qtype] = _Records(answer.fixed(query, zone, self._table, below))
        return zone, records


class Plain:
    """Answers as `load` was told last; one thread calls `answer`.

    `packed` makes four or sixteen bytes of a client's address as text, `now` tells the time in Unix seconds.
    """

    def __init__(self, packed: Callable[[str], bytes], now: Callable[[], float]) -> None:
        self.replies: dict[tuple[str, int, str, bool], int] = {}  #: as the responder counts them
        self.found: dict[tuple[str, str, str], int] = {}  #: as the responder tells it
        self.dropped = self.slipped = 0  #: over a limit
        self.barred = self.unread = 0  #: from clients with the rule `drop`; no query
        self._packed = packed
        self._now = now
        self._serving: Serving | None = None
        self._made_of: tuple[object, object, object, object] = (None, None, None, None)
        self._state: tuple[Table, dict[bytes, _End]] | None = None
        self._own: _Own | None = None
        self._untaught: frozenset[int] = frozenset()
        self._slots: dict[str, int] = {}
        self._asks: Callable[[bytes], bool | None] = lambda client: None

    def load(self, serving: Serving) -> None:
        """Answer as `serving` says from now on; without a table, nothing is answered here."""
        self._serving = serving
        made_of = serving.zones, serving.table, serving.rules, serving.pace
        self._asks = serving.askers.of
        if any(new is not old for new, old in zip(made_of, self._made_of, strict=True)):
            self._made_of = made_of
            table = serving.table
            self._untaught = respond.types() - TYPES
            self._state = None if table is None else (table, self._ends(serving, table))
            self._own = None if table is None else _Own(serving.zones, table)
            self._slots = {}

    def _ends(self, serving: Serving, table: Table) -> dict[bytes, _End]:
        ends: dict[bytes, _End] = {}
        for zone in serving.zones:
            if zone.sources or zone.trial:  # left to the reference
                continue
            name = wire.name(zone.labels) + b"\0"
            soa = wire.record(b"", wire.SOA, zone.negative_ttl, zone.soa(table.soa_serial))
            for label, view in zone.views.items():
                before = wire.name([label]) if label else b""
                for rtype in (wire.A, wire.TXT):
                    end = _End(zone, view, len(before), rtype == wire.TXT)
                    end.soa = soa
                    ends[before + name + rtype.to_bytes(2) + b"\0\1"] = end
                    self.replies.setdefault(end.found, 0)
                    self.replies.setdefault(end.missing, 0)
        return ends

    def _slot(self, host: str) -> int:
        """Where the limits count this client, or _FREE or _OTHERWISE."""
        serving = self._serving
        assert serving is not None
        client = self._packed(host)
        rule = serving.rules.of(client)
        slot = _FREE if not any(serving.pace.steps) or serving.pace.allow.of(client) else serving.pace.slot(client)
        slot = slot if rule is None or rule.action == "pass" else _OTHERWISE
        if len(self._slots) >= MOST_CLIENTS:
            self._slots = {}
        self._slots[host] = slot
        return slot

    def answer(self, packet: bytes, host: str) -> bytes | None:
        """The reply, b"" when there is to be none, or None when `respond` is to be asked."""
        state, serving = self._state, self._serving
        counts = packet[4:12]
        if state is None or serving is None or len(packet) < _LEAST or packet[2] & 0xF8:
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
            return self._own_records(packet, question, opt if edns else b"", host)
        slot = self._slots.get(host)
        if slot is None:
            slot = self._slot(host)
        if end.watched and self._asks(self._packed(host)):  # what is asked here is told to others by the reference
            return None
        if first == 127 or slot == _OTHERWISE or (edns and self._now() - serving.seen > serving.stale_after):
            return None
        names = table.kinds_at(4, first << 24 | second << 16 | third << 8 | fourth)
        known = end.kinds.get(names)
        if known is None:
            known = _said(end, names)
            if len(end.kinds) < MOST_KNOWN:
                end.kinds[names] = known
        said, kind = known
        tail = b"" if not edns else _OPT_DO if opt[7] & 0x80 else _OPT
        rd = packet[2] & 1
        if said == b"":
            if at == 8:  # four digits may be nibbles of an IPv6 prefix too
                return None
            sort, rcode, told = guard.NEGATIVE, wire.NXDOMAIN, _NO_ANSWER[edns]
            body = (0xC00C + at + end.offset).to_bytes(2) + end.soa
        elif isinstance(said, bytes):
            sort, rcode, told, body = guard.ANSWER, wire.NOERROR, _ONE_ANSWER[edns], said
        elif isinstance(said, Kind):
            sort, rcode, told = guard.ANSWER, wire.NOERROR, _ONE_ANSWER[edns]
            text = said.text_of(f"{_WORDS[first]}.{_WORDS[second]}.{_WORDS[third]}.{_WORDS[fourth]}", end.zone.site)
            body = wire.record(wire.QNAME, wire.TXT, said.ttl, wire.text(text))
        else:
            return None
        if 12 + len(question) + len(body) + len(tail) > wire.PLAIN_UDP:
            return None
        verdict = guard.SEND if slot == _FREE else serving.pace.judge_slot(slot, sort, self._now())
        if verdict == guard.DROP:
            self.dropped += 1
            return b""
        if rcode:
            self.replies[end.missing] += 1
        else:
            self.replies[end.found] += 1
            self._count("hit", end.zone.origin, kind)
        if verdict == guard.SLIP:
            self.slipped += 1
            return packet[:2] + bytes((0x86 | rd, rcode)) + counts + question + tail
        return packet[:2] + bytes((0x84 | rd, rcode)) + told + question + body + tail

    def _own_records(self, packet: bytes, question: bytes, opt: bytes, host: str) -> bytes | None:
        """As `answer`, for the zone's own records."""
        own, serving, qtype = self._own, self._serving, int.from_bytes(question[-4:-2])
        if own is None or serving is None or question[-2:] != b"\0\1" or qtype in self._untaught:
            return None
        found = own.of(question[:-4].lower(), qtype)
        if found is None:
            return None
        zone, records = found
        client = self._packed(host)
        rule = serving.rules.of(client)
        tail = b"" if not opt else _OPT_DO if opt[7] & 0x80 else _OPT
        if (rule and rule.action == "drop") or 12 + len(question) + len(records.body) + len(tail) > wire.PLAIN_UDP:
            return None
        verdict = serving.pace.judge(client, records.sort, self._now())
        if verdict == guard.DROP:
            self.dropped += 1
            return b""
        counted = zone.origin, wire.NOERROR, wire.TYPES.get(qtype, "other"), False
        self.replies[counted] = self.replies.get(counted, 0) + 1
        if records.sort == guard.NEGATIVE:
            self._count("nodata", zone.origin, counted[2])
        rd = packet[2] & 1
        if verdict == guard.SLIP:
            self.slipped += 1
            return packet[:2] + bytes((0x86 | rd, 0)) + packet[4:12] + question + tail
        return packet[:2] + bytes((0x84 | rd, 0)) + records.counts[bool(opt)] + question + records.body + tail

    def _count(self, what: str, zone: str, name: str) -> None:
        self.found[what, zone, name] = self.found.get((what, zone, name), 0) + 1

    def rest(self, packet: bytes, host: str) -> int:
        """What becomes of a packet that `answer` has left to the reference: HAND_OVER, COUNTED (it is `odd`, and within
        the limits), or SILENT, since the reference would not reply either.
        """
        serving = self._serving
        if serving is None:
            return HAND_OVER
        client = self._packed(host)
        rule = serving.rules.of(client)
        if rule is not None and rule.action == "drop":
            self.barred += 1
            return SILENT
        query = wire.parse(packet)
        if query is None:
            self.unread += 1
            return SILENT
        if not respond.odd(query, serving):
            return HAND_OVER
        if serving.pace.judge(client, guard.ERROR, self._now(), slips=False) == guard.SEND:
            return COUNTED
        self.dropped += 1
        return SILENT


def _said(end: _End, names: tuple[str, ...]) -> tuple[Kind | bytes | None, str]:
    """Of the kinds found, what this list says: b"" for nothing, an A record whole, or the kind of a TXT record. None
    for several kinds at once. With it the name of the kind.
    """
    kinds = [end.view.kinds[name] for name in names if name in end.view.kinds]
    if not kinds:
        return b"", ""
    if len(kinds) > 1:
        return None, ""
    kind = kinds[0]
    return kind if end.txt else wire.record(wire.QNAME, wire.A, kind.ttl, kind.packed), kind.name
