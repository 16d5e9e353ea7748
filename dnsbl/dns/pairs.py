"""Names that stand for a test: a domain whose mail servers are our collector and, after it, the host under test.

Pure: pairs in, a zone out, which is answered like any other and lists nothing. Where a server takes mail for whoever
points an MX at it, a letter to such a name shows it (form M01). The collector comes first (RFC 5321 5.1): whoever
follows the MX records, the host itself or a smarthost behind it, hands the letter to us and never back to the host.
"""

from __future__ import annotations

from collections.abc import Iterable

import dnslib

from dnsbl.dns import wire
from dnsbl.dns.zonefile import packed
from dnsbl.dns.zones import View, Zone
from dnsbl.model import MxPair

#: Seconds for which these records may be kept: no longer than a test needs them.
TTL = 60
FIRST, SECOND = 10, 20  # preferences


def labels_of(name: str) -> tuple[bytes, ...]:
    """The labels of a name."""
    return tuple(name.encode("ascii").split(b"."))


def paired(origin: str, pairs: Iterable[MxPair], *, collector: str, like: Zone) -> Zone:
    """The zone `origin` with these pairs, of which `collector` is the first mail server. SOA and NS are those of
    `like`, a zone that the same servers answer for.

    The host is the second one by a name below the pair's, which has its address, and by the name that is its own: a
    server knows itself by the one or the other.
    """
    static: dict[tuple[bytes, ...], dict[int, tuple[int, tuple[bytes, ...]]]] = {(): {}}
    for pair in pairs:
        label = pair.label.encode("ascii")
        host = f"host.{pair.label}.{origin}"
        seconds = dict.fromkeys(name for name in (host, pair.name) if name)
        exchanges = (packed(dnslib.MX(collector, FIRST)), *(packed(dnslib.MX(name, SECOND)) for name in seconds))
        static[label,] = {wire.MX: (TTL, exchanges)}
        kind = wire.A if pair.address.version == 4 else wire.AAAA
        static[b"host", label] = {kind: (TTL, (pair.address.packed,))}
    return Zone(
        origin=origin,
        labels=labels_of(origin),
        bitmask=False,
        site=like.site,
        ttl=like.ttl,
        soa_ttl=TTL,
        negative_ttl=1,  # a name may be asked for a moment before it is there
        soa_names=like.soa_names,
        soa_timers=like.soa_timers,
        ns=like.ns,
        glue=(),
        static=static,
        views={b"": View({}, {})},
    )
