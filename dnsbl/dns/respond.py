"""The decision about one packet: who asks, what the reply is, and whether and how it is sent.

Pure but for the limits' memory (`guard.Pace`), and total: packet, client, transport, time and `Serving` in; a packet or
silence out, with the little that counters and the sampled log need. The order, cheap and safe first:

1. clients with the rule `drop` get nothing, unread;
2. `wire` parses; what deserves no reply gets none;
3. EDNS: NSID, cookies (a malformed one is FORMERR; in strict mode one that is not good is BADCOOKIE over UDP; who asks
   for a cookie alone gets it, with BADCOOKIE when the server's half that was shown is not good, RFC 7873 5.4), the
   version of the zone and when it expires, over TCP how long a connection may be idle, and over TLS padding;
4. the client's rule, unless the name has a known key or is one of the zone's own, which everybody may have (a resolver
   that goes label by label needs the origin before it can show a key), or the key is used from outside its networks
   where that is refused; class CH; which zone; what `answer` finds there;
5. response rate limits, for UDP without a good cookie or key. What is `odd` counts as an error, cookie or not, and over
   the limit it gets nothing: an engine sees to that before it hands the message over.

What is looked at is stated as data, for the engines, which hand over whatever of it they were not taught: `OPTIONS`,
`types`, `answer.APEX` and `LISTED`, `wire.OPCODES`; the only classes are IN and CH.

Zone transfers, and every class but IN and CH (ANY too), are REFUSED. Before the first table is there, SERVFAIL. A table
that the store has not confirmed for long is served on, marked as stale (RFC 8914).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import NamedTuple

from dnsbl.dns import answer, cookies, guard, sourced, wire
from dnsbl.dns.cookies import Cookies
from dnsbl.dns.guard import Keys, KnownKey, Pace, Prefixes
from dnsbl.dns.listed.table import Table
from dnsbl.dns.sourced import Sourced
from dnsbl.dns.wire import Query, Reply
from dnsbl.dns.zones import Zone, Zones
from dnsbl.settings import ClientRule
from tester.records import dataclass

#: EDNS options that are looked at, those that are over TCP and over TLS; all others are ignored (RFC 6891 6.1.2).
OPTIONS = frozenset({wire.NSID, wire.EXPIRE, wire.COOKIE, wire.ZONEVERSION})
TCP_OPTIONS = frozenset({wire.KEEPALIVE})
TLS_OPTIONS = frozenset({wire.PADDING})
#: Query types that no zone answers: whole zones are handed out by `serving.transfers`.
TRANSFERS = frozenset({wire.AXFR, wire.IXFR})

_SELF: Mapping[tuple[bytes, ...], str] = {
    (b"version", b"bind"): "version",
    (b"version", b"server"): "version",
    (b"id", b"server"): "id",
    (b"hostname", b"bind"): "id",
}


@dataclass(slots=True)
class Serving:
    """All that answers depend on. Shells swap fields by `change`, each in one assignment; nothing changes by itself."""

    zones: Zones
    table: Table | None = None
    sourced: Mapping[str, Sourced] = field(default_factory=dict)  #: by origin, what its sources hold; none: SERVFAIL
    seen: float = float("inf")  #: when the store last confirmed the table; Unix seconds
    stale_after: float = 3600.0  #: seconds
    rules: Prefixes[ClientRule] = field(default_factory=lambda: Prefixes({}))
    keys: Keys | None = None
    pace: Pace = field(default_factory=Pace)
    cookies: Cookies | None = None
    nsid: bytes | None = None
    proxies: Prefixes[bool] | None = None  #: who must tell for whom they ask; None where nobody does (`proxied`)
    askers: Prefixes[bool] = field(default_factory=lambda: Prefixes({}))  #: whose questions to a watched zone nominate
    tcp_idle: float = 10.0  #: seconds that a TCP connection may be idle (RFC 7828)
    told: Mapping[str, str] = field(default_factory=dict)  #: "version" and "id" for class CH; without one, REFUSED
    heard: Callable[[Serving], None] = lambda serving: None  #: called after every change: the engine

    def change(self, **fields: object) -> None:
        """Set these fields, from any thread."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.heard(self)


class KeyShown(NamedTuple):
    """What a question with a known key counts as."""

    digest: bytes  #: of the key
    hit: bool  #: whether something was said about what is listed
    refused: bool
    elsewhere: bool  #: whether it came from outside the key's networks


class Replied(NamedTuple):
    """The reply and what became of the question."""

    packet: bytes | None
    query: Query | None
    zone: str  #: the origin of the zone that was asked, or ""
    rcode: int  #: -1 when there is no reply
    why: str  #: "" for a plain reply, "slip" for an empty one with TC, or why there is none: acl, header, rate
    kinds: tuple[str, ...] = ()  #: of the listed address that the reply is about
    nodata: bool = False  #: whether the name is there, and has nothing of the type asked for
    key: KeyShown | None = None  #: a known key in the name, unless the message is `odd`


class _Said(NamedTuple):
    """The reply before limits, and who asked what."""

    reply: Reply
    zone: Zone | None = None  #: that was asked
    keyed: bool = False  #: whether a key was shown that is good here
    key: KnownKey | None = None
    away: bool = False  #: whether the key was used from outside its networks
    own: bool = False  #: whether the name is one of the zone's own
    soa: tuple[int, int] | None = None  #: serial of the zone as it is answered from, and its expire timer in seconds

    @property
    def use(self) -> KeyShown | None:
        """What it counts as for its key."""
        if self.key is None:
            return None
        hit, refused = bool(self.reply.answers) and not self.own, self.reply.rcode == wire.REFUSED
        return KeyShown(self.key.digest, hit, refused, self.away)


def types() -> frozenset[int]:
    """The query types that are looked at; of every other one a name has what the zone's file gives it, or nothing."""
    return answer.types() | TRANSFERS


def respond(
    packet: bytes, client: bytes, now: float, serving: Serving, *, tcp: bool, tls: bool = False, counted: bool = False
) -> Replied:
    """The reply to one message (over TCP, with `tls` or not: without its length prefix).

    `client` is the packed address, `now` in Unix seconds; `counted` says that an engine has found it `odd`, and within
    the limits, already. At most 512 bytes over UDP, or as many as the client's EDNS allows, up to 1232.
    """
    rule = serving.rules.of(client)
    if rule is not None and rule.action == "drop":
        return Replied(None, None, "", -1, "acl")
    query = wire.parse(packet)
    if query is None:
        return Replied(None, None, "", -1, "header")
    trusted, strange, options, said = tcp, odd(query, serving), b"", _Said(Reply(query.fault))
    if query.fault == wire.NOERROR:
        good, options, fault = _edns(query, client, now, serving)
        trusted = tcp or (good and not strange)
        if fault == wire.NOERROR or (fault == wire.BADCOOKIE and tcp and query.question):
            said = _reply(query, client, rule, now, serving)
            trusted = trusted or (said.keyed and not strange)
        else:
            said = _Said(Reply(fault))
        options += _about_zone(query, said, now, serving, tcp=tcp)
    reply, origin, why = said.reply, said.zone.origin if said.zone else "", ""
    if reply is answer.SILENCE:
        return Replied(None, query, origin, -1, "acl")
    use = None if strange else said.use
    if not trusted and not (counted and strange):
        sort = guard.ERROR if strange else _sort(reply)
        verdict = serving.pace.judge(client, sort, now, slips=not strange)
        if verdict == guard.DROP:
            return Replied(None, query, origin, -1, "rate", key=use)
        why = "slip" if verdict == guard.SLIP else ""
    padded = tls and not TLS_OPTIONS.isdisjoint(code for code, _ in (query.edns.options if query.edns else ()))
    packet = wire.assemble(query, reply, query.room(tcp=tcp), options=options, cut=why == "slip", padded=padded)
    nodata = reply.rcode == wire.NOERROR and bool(reply.authorities) and not reply.answers
    return Replied(packet, query, origin, reply.rcode, why, reply.kinds, nodata, use)


def _edns(query: Query, client: bytes, now: float, serving: Serving) -> tuple[bool, bytes, int]:
    """(whether a good cookie was shown, options to reply, the fault of the cookie)."""
    options = b""
    if query.edns is None:
        return False, options, wire.NOERROR
    asked = _asked(query)
    if serving.nsid is not None and wire.NSID in asked:
        options += wire.option(wire.NSID, serving.nsid)
    if serving.cookies is None or wire.COOKIE not in asked:
        return (False, options, wire.NOERROR) if query.question else (False, b"", wire.FORMERR)
    checked = serving.cookies.check(asked[wire.COOKIE], client, now)
    if checked is None:
        return False, b"", wire.FORMERR
    good, cookie = checked
    options += wire.option(wire.COOKIE, cookie)
    wrong = not good and (serving.cookies.strict if query.question else len(asked[wire.COOKIE]) > cookies.CLIENT)
    return good, options, wire.BADCOOKIE if wrong else wire.NOERROR


def _about_zone(query: Query, said: _Said, now: float, serving: Serving, *, tcp: bool) -> bytes:
    """Options about the zone that the reply is from, and about the connection; what a question has in them is ignored.

    The version is the serial, with the number of labels of the zone (RFC 9660 2 and 3.2). When the zone expires is told
    with its SOA, as by a secondary of what the table comes from (RFC 7314 2).
    """
    asked, options = _asked(query), b""
    if said.soa is not None and said.zone is not None:
        serial, expire = said.soa
        origin = said.own and len(query.labels) == len(said.zone.labels)
        if wire.EXPIRE in asked and origin and query.qtype == wire.SOA:
            options += wire.option(wire.EXPIRE, left(said.zone, expire, now, serving.seen).to_bytes(4))
        if wire.ZONEVERSION in asked:
            version = bytes((len(said.zone.labels), 0)) + serial.to_bytes(4)
            options += wire.option(wire.ZONEVERSION, version)
    if tcp and wire.KEEPALIVE in asked:
        options += wire.option(wire.KEEPALIVE, min(int(serving.tcp_idle * 10), 0xFFFF).to_bytes(2))
    return options


def left(zone: Zone, expire: int, now: float, seen: float) -> int:
    """Seconds until the zone expires, which counts from when the store last confirmed the table."""
    if zone.sources and not zone.listing:
        return expire
    return max(0, int(expire - max(0.0, now - seen)))


def _number(packed: bytes) -> int:
    return int.from_bytes(packed)


def _reply(query: Query, client: bytes, rule: ClientRule | None, now: float, serving: Serving) -> _Said:
    """What is said to a sound message, but for its cookies and limits."""
    zone = serving.zones.of(query.labels) if query.qclass == wire.IN else None
    below = query.labels[: len(query.labels) - len(zone.labels)] if zone else ()
    key, away = None, False
    if zone and serving.keys is not None and _key(zone, below):
        key = serving.keys.find(below[-1])
        away = key is not None and not serving.keys.at_home(key, client)
        if key is None or (away and serving.keys.stay):
            return _Said(Reply(wire.REFUSED, ede=wire.PROHIBITED), zone, key=key, away=away)
        below, rule = below[:-1], None
    own = zone is not None and query.qtype not in TRANSFERS and _own(zone, below, key is not None)

    soa: tuple[int, int] | None = None

    def said(reply: Reply) -> _Said:
        return _Said(reply, zone, key is not None, key, away, own, soa if reply.authoritative else None)

    if rule is not None and rule.action == "refuse" and not own:
        return said(Reply(wire.REFUSED, ede=wire.PROHIBITED))
    if not query.question:
        return said(Reply(wire.NOERROR))
    if query.qclass == wire.CH:
        return said(_chaos(query, serving))
    if query.qclass != wire.IN or query.qtype in TRANSFERS:
        return said(Reply(wire.REFUSED))
    if zone is None:  # no upward referral (RFC 1034 4.3.1 is for resolvers)
        return said(Reply(wire.REFUSED, ede=wire.NOT_AUTHORITATIVE))
    table = serving.table
    unwelcome = rule if rule is not None and rule.action != "pass" else None
    if zone.sources:
        held = serving.sourced.get(zone.origin)
        if held is None or (table is None and zone.listing):
            return said(Reply(wire.SERVFAIL, ede=wire.NOT_READY))
        soa = _number(held.soa[-20:-16]), _number(held.soa[-8:-4])
        if own:
            return said(sourced.fixed(query, zone, table, held, below))
        reply = sourced.listings(query, zone, table, held, below, unwelcome)
    elif table is None:
        return said(Reply(wire.SERVFAIL, ede=wire.NOT_READY))
    else:
        soa = table.soa_serial, _number(zone.soa_timers[8:12])
        if own:
            return said(answer.fixed(query, zone, table, below))
        if zone.trial and not zone.ended and unwelcome is None:
            return said(answer.trial(query, zone, table, below))
        reply = answer.listings(query, zone, table, below, unwelcome)
    if (zone.listing or not zone.sources) and reply.ede is None and now - serving.seen > serving.stale_after:
        reply = _stale(reply)
    return said(reply)


def _own(zone: Zone, below: tuple[bytes, ...], keyed: bool) -> bool:
    """Whether this name, without its key, has the zone's own records; a key's own name has none, it is no origin."""
    return below in zone.static and bool(below or not keyed)


def _key(zone: Zone, below: tuple[bytes, ...]) -> bool:
    """Whether a name has a label that may be meant as a key, next to the origin."""
    return bool(below) and Keys.like(below[-1]) and below[-1] not in zone.views and below[-1:] not in zone.static


def shown(query: Query, zones: Zones) -> str:
    """The name asked for, for the log: escaped as in zone files (RFC 4343 2.1), and without a key."""
    zone = zones.of(query.labels)
    below = len(query.labels) - len(zone.labels) if zone else 0
    keyed = zone is not None and _key(zone, query.labels[:below])
    return (
        ".".join("KEY" if keyed and n == below - 1 else _escaped(label) for n, label in enumerate(query.labels)) or "."
    )


def _escaped(label: bytes) -> str:
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E and byte not in b'."\\' else f"\\{byte:03d}" for byte in label)


def _chaos(query: Query, serving: Serving) -> Reply:
    """What the server tells about itself (RFC 4892)."""
    words = serving.told.get(_SELF.get(query.labels, ""))
    if words is None or query.qtype not in (wire.TXT, wire.ANY):
        return Reply(wire.REFUSED)
    told = wire.record(wire.QNAME, wire.TXT, 0, wire.text(words), rclass=wire.CH)
    return Reply(wire.NOERROR, True, (told,))


def _stale(reply: Reply) -> Reply:
    ede = wire.STALE_NXDOMAIN if reply.rcode == wire.NXDOMAIN else wire.STALE
    return replace(reply, ede=ede)


def odd(query: Query, serving: Serving) -> bool:
    """Whether this is anything but a sound question about a zone: broken, of another class, for a cookie alone, for a
    whole zone.
    """
    if query.fault != wire.NOERROR or not query.question or query.qclass != wire.IN or query.qtype in TRANSFERS:
        return True
    cookie = _asked(query).get(wire.COOKIE) if serving.cookies else None
    return cookie is not None and not Cookies.sound(cookie)


def _asked(query: Query) -> dict[int, bytes]:
    """The options that are looked at; the first of several counts (RFC 7873 5.2)."""
    if query.edns is None:
        return {}
    return {code: data for code, data in reversed(query.edns.options) if code in OPTIONS or code in TCP_OPTIONS}


def _sort(reply: Reply) -> int:
    """What a reply to a question that is not odd counts as for the limits."""
    if reply.rcode == wire.NXDOMAIN:
        return guard.NEGATIVE
    if reply.rcode != wire.NOERROR:
        return guard.ERROR
    return guard.ANSWER if reply.answers else guard.NEGATIVE
