"""The door to the compiled twin of `answer`: whether it is here, and what it must know about the zones.

Pure but for one look at the environment: DNSBL_PURE=1 forces the plain twin, as does a machine where nothing was
compiled. The compiled twin answers the common packets with the same bytes and hands over all others; a zone with a
feature that is not named here is handed over as a whole, so that a new feature is right before it is fast.
"""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from dnsbl.dns.table import Table
from dnsbl.dns.zones import Kind, View, Zone, Zones

if TYPE_CHECKING:
    from dnsbl.dns._fast import Engine

#: What the compiled twin knows of, or may ignore. Any other field must be empty, or the zone is handed over.
KNOWN: dict[type, frozenset[str]] = {
    Zone: frozenset(
        "origin labels site ttl soa_ttl negative_ttl soa_names soa_timers ns glue static views".split()  # noqa: SIM905
    ),
    View: frozenset({"kinds", "tests"}),
    Kind: frozenset({"name", "code", "txt", "ttl", "packed"}),
}
#: Kinds that the twin tells apart, over all zones.
MOST_KINDS = 64

try:
    from dnsbl.dns import _fast

    missing = ""  #: why there is no compiled engine, or ""
except ImportError:
    missing = "not built here"
if os.environ.get("DNSBL_PURE") == "1":
    missing = "DNSBL_PURE=1"


def words() -> str:
    """Which engine answers, for people."""
    return f"pure Python ({missing})" if missing else "compiled"


class Twin:
    """The compiled twin for these zones."""

    def __init__(self, zones: Zones) -> None:
        names = tuple(sorted({name for zone in zones for view in zone.views.values() for name in view.kinds}))
        bits = {name: bit for bit, name in enumerate(names)}
        self._plan = _fast.Plan(names, [_zone(zone, bits) for zone in zones])
        self.engine: Engine = _fast.Engine(self._plan)

    def swap(self, table: Table | None) -> None:
        """Answer from this table from now on; without one, everything is handed over."""
        self.engine.swap(None if table is None else _fast.Loaded(self._plan, table.shelves(), table.serial % 2**32))

    def counted(self) -> dict[str, int]:
        """As the responder counts: messages over UDP, replies by rcode, and what got none."""
        udp, silent, unsent, _, *rcodes = self.engine.counted()
        return {"udp": udp, "silent": silent, "unsent": unsent} | {f"rcode_{n}": c for n, c in enumerate(rcodes)}


def twin(zones: Zones) -> Twin | None:
    """The compiled twin for these zones, or None when it is not here or knows none of them."""
    kinds = {name for zone in zones for view in zone.views.values() for name in view.kinds}
    if missing or len(kinds) > MOST_KINDS or not any(map(known, zones)):
        return None
    return Twin(zones)


def known(zone: Zone) -> bool:
    """Whether the twin knows all that this zone makes use of."""
    things: list[Any] = [zone, *zone.views.values(), *(k for view in zone.views.values() for k in view.kinds.values())]
    return all(
        field.name in KNOWN[type(thing)] or not getattr(thing, field.name)
        for thing in things
        for field in fields(thing)
    )


def _zone(zone: Zone, bits: dict[str, int]) -> dict[str, Any]:
    """What the twin must know about a zone, as numbers and bytes."""
    kinds = {name: kind for view in zone.views.values() for name, kind in view.kinds.items()}
    views = [(b"", zone.views[b""]), *((label, view) for label, view in zone.views.items() if label)]
    return {
        "known": known(zone),
        "name": b"".join(bytes([len(label)]) + label for label in zone.labels),
        "labels": len(zone.labels),
        "soa_ttl": zone.soa_ttl,
        "negative_ttl": zone.negative_ttl,
        "soa_names": zone.soa_names,
        "soa_timers": zone.soa_timers,
        "statics": sorted({labels[-1] for labels in zone.static if labels}),
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


def _text(kind: Kind, site: str) -> list[bytes]:
    """The TXT record around the address, as `Kind.text` and `zones.page` make it."""
    return kind.txt.replace("{url}", f"{site}/ip/{{address}}").encode("ascii").split(b"{address}")
