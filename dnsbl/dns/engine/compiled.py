"""The door to the compiled engine: what it must know, as numbers and bytes.

Pure; `present` says whether it is here. It answers the common packets with the bytes of the reference and hands over
all others, among them whatever has an option or a type that the reference looks at (`respond.OPTIONS`, `respond.types`)
and the engine was not taught (`OPTIONS`, `TYPES` here). A test names every field of a zone and of `Serving`, so that
none is added without a thought for the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from dnsbl.dns import answer, guard, respond, sourced, wire
from dnsbl.dns.engine.present import missing as missing
from dnsbl.dns.engine.present import which as which
from dnsbl.dns.guard import Keys, Pace, Prefixes
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving
from dnsbl.dns.sourced import Sourced
from dnsbl.dns.sources.dataset import Dataset
from dnsbl.dns.zones import Kind, Zone, Zones
from dnsbl.settings import IN_BAND, ClientRule

with suppress(ImportError):
    from dnsbl.dns.engine import _compiled
if TYPE_CHECKING:
    from dnsbl.dns.engine._compiled import Core, Guard, Loaded, Plan, Sourcing

#: Kinds that the engine tells apart, over all zones.
MOST_KINDS = 64
#: EDNS options and query types that the engine was taught. Options that nobody knows it skips, of such types a name has
#: nothing.
OPTIONS = frozenset({wire.NSID, wire.EXPIRE, wire.COOKIE, wire.ZONEVERSION})
TYPES = frozenset({wire.A, wire.NS, wire.SOA, wire.TXT, wire.ANY})
#: Query types in counts; the first is every other one.
COUNTED = ("other", *wire.TYPES.values())

_ACTIONS = {"pass": 0, "drop": 1, "refuse": 2, "empty": 3}
_CODE, _OTHERWISE = 4, 255
_NOTHING_LISTED = Table.of([])
_SORTS = bytes(COUNTED.index(wire.TYPES.get(qtype, "other")) for qtype in range(256))


class Compiled:
    """The compiled engine of one responder, for so many `loops` (sockets times threads).

    `every` is that of the query log, `bounds` those of the histogram of times. Only where nothing is `missing`.
    """

    def __init__(self, loops: int, *, every: int = 0, bounds: tuple[float, ...] = ()) -> None:
        self.core: Core = _compiled.Core(loops, every=every, sorts=_SORTS, bounds=bounds)
        self._loops = loops
        self._loading = Lock()
        self._made: dict[str, tuple[tuple[object, ...], Any]] = {}  # part -> (what it was made of, it)

    def load(self, serving: Serving) -> None:
        """Answer as `serving` says from now on: what has changed is made anew, and swapped in as one."""
        with self._loading:
            before = {part: made for part, (_, made) in self._made.items()}
            zones, held = serving.zones, serving.sourced  # once: another thread may change them meanwhile
            plan: Plan = self._part("plan", (zones,), lambda: _plan(zones, self._loops))
            guarding = (serving.rules, serving.pace, serving.cookies, serving.keys, serving.nsid, serving.proxies)
            guard_: Guard = self._part(
                "guard",
                (*guarding, serving.askers, serving.stale_after),
                lambda: _compiled.Guard(_guard(serving, self._loops)),
            )
            table = serving.table
            loaded: Loaded | None = self._part(
                "table",
                (plan, table),
                lambda: None if table is None else _compiled.Loaded(plan, table.bands(), table.soa_serial),
            )
            sourcing: Sourcing | None = self._part("sourced", (zones, held), lambda: _sourcing(zones, held))
            self.core.confirm(serving.seen)
            if before != {"plan": plan, "guard": guard_, "table": loaded, "sourced": sourcing}:
                self.core.swap(_compiled.State(plan, guard_, loaded, sourcing))

    def replied(self) -> dict[tuple[str, int, str, bool], int]:
        """Replies over UDP as the responder counts them: by origin or "", rcode and type."""
        return {(zone, rcode, COUNTED[sort], False): n for (zone, rcode, sort), n in self.core.replied().items()}

    def found(self) -> dict[tuple[str, str, str], int]:
        """Of these replies what was hit, and what had nothing, as the responder tells it."""
        return {
            ("nodata", zone, COUNTED[sort]) if kind is None else ("hit", zone, kind): n
            for (zone, kind, sort), n in self.core.found().items()
        }

    def _part(self, name: str, of: tuple[object, ...], make: Any) -> Any:
        made_of, made = self._made.get(name, ((), None))
        if len(of) != len(made_of) or any(a is not b for a, b in zip(of, made_of, strict=True)):
            made = make()
            self._made[name] = of, made
        return made


def _plan(zones: Zones, loops: int) -> Plan:
    """The zones; one whose kinds are too many is left to the reference, and so are those that list beside
    their sources, and those for trials."""
    names: list[str] = []
    plans = []
    for zone in _nearest_first(zones):
        new = sorted({name for view in zone.views.values() for name in view.kinds} - set(names))
        known = len(names) + len(new) <= MOST_KINDS and not (zone.sources and zone.listing) and not zone.trial
        names += new if known else []
        plans.append((zone, known))
    names.sort()  # several records come in this order
    bits = {name: bit for bit, name in enumerate(names)}
    return _compiled.Plan(tuple(names), [_zone(zone, bits, known) for zone, known in plans], loops)


def _nearest_first(zones: Zones) -> list[Zone]:
    """As the engine looks for them: of two, one inside the other, the one inside comes first."""
    return sorted(zones, key=lambda zone: -len(zone.labels))


def _sourcing(zones: Zones, held: Mapping[str, Sourced]) -> Sourcing | None:
    """What the sources of the zones hold."""
    if not held:
        return None
    datasets: list[Dataset] = []
    places: dict[int, int] = {}  # id of a dataset -> its index
    found: list[dict[str, Any] | None] = []
    for zone in _nearest_first(zones):
        one = held.get(zone.origin)
        if one is None:
            found.append(None)
            continue
        for dataset in (dataset for view in one.views.values() for dataset in view):
            if id(dataset) not in places:
                places[id(dataset)] = len(datasets)
                datasets.append(dataset)
        views = sorted(one.views.items(), key=lambda view: -len(view[0]))
        found.append(
            {
                "negative": wire.record(b"", wire.SOA, one.negative_ttl, one.soa),
                "views": [
                    (wire.name(below), len(below), [places[id(dataset)] for dataset in view]) for below, view in views
                ],
                "ways": sorted(map(wire.name, zone.between.union(*map(_between, one.views)))),
                "own": [*_origin(zone, one)],
            }
        )
    return _compiled.Sourcing(datasets, found)


def _between(below: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    """The names between an origin and a name below it."""
    return (below[n:] for n in range(1, len(below)))


def _origin(zone: Zone, one: Sourced) -> Iterator[tuple[int, int, bytes, int, bytes]]:
    """What a zone with sources has at its origin, as `_own`."""
    ours = {rtype for rtype, _ in _stated(one)}
    for qtype in sorted({*zone.static[()], *TYPES, *ours}):
        query = wire.Query(0, wire.QUERY, False, b"", zone.labels, qtype, wire.IN, None, wire.NOERROR)
        reply = sourced.fixed(query, zone, None, one, ())
        if reply.answers:
            additionals = reply.additionals
            yield qtype, len(reply.answers), b"".join(reply.answers), len(additionals), b"".join(additionals)


def _stated(one: Sourced) -> Iterator[tuple[int, bytes]]:
    """(type, data) of the records that sources state of the origin."""
    for hit in sourced.consulted(one, ())[0]:
        if hit.dataset.records:
            rtype, _, rdata = hit.dataset.record(hit.value)
            yield rtype, rdata


def _zone(zone: Zone, bits: dict[str, int], known: bool) -> dict[str, Any]:
    kinds = {name: kind for view in zone.views.values() for name, kind in view.kinds.items()} if known else {}
    views = [(b"", zone.views[b""]), *((label, view) for label, view in zone.views.items() if label)] if known else []
    return {
        "known": known,
        "origin": zone.origin,
        "name": wire.name(zone.labels),
        "labels": len(zone.labels),
        "sourced": bool(zone.sources),
        "watched": zone.watched,
        "ttl": zone.ttl,
        "bitmask": zone.bitmask,
        "soa_ttl": zone.soa_ttl,
        "negative_ttl": zone.negative_ttl,
        "soa_names": zone.soa_names,
        "soa_timers": zone.soa_timers,
        "statics": sorted({labels[-1] for labels in zone.static if labels}),
        "own": [(wire.name(below), [*_own(zone, below)] if below or not zone.sources else []) for below in zone.static]
        if known
        else [],
        "blocked": answer.blocked(zone),
        "kinds": [(bits[name], kind.ttl, kind.packed, _text(kind, zone.site)) for name, kind in kinds.items()],
        "views": [
            (
                label,
                [bits[name] for name in view.kinds],
                [(int(address), bits[kind.name]) for address, kind in view.tests.items()],
            )
            for label, view in views
        ],
    }


def _own(zone: Zone, below: tuple[bytes, ...]) -> Iterator[tuple[int, int, bytes, int, bytes]]:
    """The zone's own records at a name, but for the SOA, as the reference says them: (type, number and bytes of its
    answers, number and bytes of its additional records).
    """
    for qtype in sorted({*zone.static[below], *TYPES, *answer.APEX} - {wire.SOA}):
        query = wire.Query(0, wire.QUERY, False, b"", (*below, *zone.labels), qtype, wire.IN, None, wire.NOERROR)
        reply = answer.fixed(query, zone, _NOTHING_LISTED, below)
        if reply.answers:
            additionals = reply.additionals
            yield qtype, len(reply.answers), b"".join(reply.answers), len(additionals), b"".join(additionals)


def _rule(rule: ClientRule) -> int:
    """The action of a rule, and in the higher byte what it answers."""
    if rule.action == "code" and rule.code is not None and rule.code in IN_BAND:
        return _CODE | rule.code.packed[3] << 8
    return _ACTIONS.get(rule.action, _OTHERWISE)


def _text(kind: Kind, site: str) -> list[bytes]:
    """The TXT record around the address, as `Kind.text` and `zones.page` make it."""
    return kind.txt.replace("{url}", f"{site}/ip/{{address}}").encode("ascii").split(b"{address}")


def _guard(serving: Serving, loops: int) -> dict[str, Any]:
    """All but zones and table."""
    pace: Pace = serving.pace
    keys = serving.keys
    return {
        "rules": _levels(serving.rules, _rule),
        "allowed": _levels(pace.allow, int),
        "askers": _levels(serving.askers, int),
        "proxies": None if serving.proxies is None else _levels(serving.proxies, int),
        "steps": pace.steps,
        "slip": pace.slip,
        "multiplier": pace.multiplier,
        "memory": pace.memory,
        "slot_bits": guard.SLOTS_BITS,
        "secrets": serving.cookies.secrets if serving.cookies else (),
        "strict": bool(serving.cookies and serving.cookies.strict),
        "keys": None if keys is None else [(one, _homes(keys, one)) for one in keys.known],
        "stay": keys is not None and keys.stay,
        "loops": loops,
        "nsid": serving.nsid,
        "stale_after": serving.stale_after,
        "options": _bits(respond.OPTIONS - OPTIONS),
        "types": _bits(respond.types() - TYPES),
    }


def _homes(keys: Keys, digest: bytes) -> list[list[tuple[int, list[int], list[int]]]] | None:
    """The networks of a key, or None where it has none."""
    return _levels(keys.homes[digest], int) if digest in keys.homes else None


def _bits(numbers: Iterable[int]) -> bytes:
    """A bit for each number of 16 bits, the lowest of a byte first."""
    bits = bytearray(1 << 13)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return bytes(bits)


def _levels(prefixes: Prefixes[Any], value: Any) -> list[list[tuple[int, list[int], list[int]]]]:
    """For IPv4 and IPv6: (shift, sorted numbers, their values), the longest prefix first."""
    return [
        [(shift, sorted(found), [value(found[number]) for number in sorted(found)]) for shift, found in levels]
        for levels in (prefixes.levels(4), prefixes.levels(16))
    ]
