"""What DNS answers about an address, with the meaning of each code in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dnsbl.addresses import Address
from dnsbl.dns.zones import Kind, View, Zone
from dnsbl.web import words
from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one list answers."""

    zone: str
    codes: tuple[tuple[str, str], ...]  #: A record, and what it means; none: not listed
    unread: bool = False  #: it answers from data files too, which are not read here, so that none tells nothing
    left_out: tuple[str, ...] = ()  #: the meanings of those kinds that this list leaves to its sublists


def answers(
    zones: Iterable[Zone], codes: Mapping[str, Sequence[str]], address: Address, kinds: Iterable[str]
) -> list[Answer]:
    """The answers of all zones and of those sublists that answer what their zone leaves out. `codes`: the A records of
    each zone that can be told, see `Zones.codes_of`; `kinds`: what the address is listed under."""
    kinds, known = frozenset(kinds), {zone.origin: zone for zone in zones if not zone.ended}
    found: list[Answer] = []
    for origin, records in codes.items():
        zone = known.get(origin)
        if zone is None:
            found.append(Answer(zone=origin, codes=tuple((record, "") for record in records)))
            continue
        held = zone.views[b""].kinds_of(address, kinds)
        beside = list(_beside(zone, address, kinds - {kind.name for kind in held}))
        left = tuple(dict.fromkeys(word for one in beside for _, word in one.codes))
        found.append(
            Answer(zone=origin, codes=_meant(zone, zone.views[b""], held, records, address), left_out=left),
        )
        found += beside
    return found + [Answer(zone=name, codes=(), unread=True) for name in known if name not in codes]


def _beside(zone: Zone, address: Address, kinds: Iterable[str]) -> Iterator[Answer]:
    """The sublists that answer under kinds that the origin does not have."""
    for label, view in zone.views.items():
        if label and address not in view.tests and (held := view.kinds_of(address, kinds)):
            records = [str(kind.code) for kind in held]
            yield Answer(
                zone=f"{label.decode('ascii')}.{zone.origin}", codes=_meant(zone, view, held, records, address)
            )


def _meant(
    zone: Zone, view: View, held: Sequence[Kind], records: Sequence[str], address: Address
) -> tuple[tuple[str, str], ...]:
    if address in view.tests:
        return tuple((record, "test point: always answered") for record in records)
    named = [words.CODE.get(kind.name, f"entry by hand, “{kind.name}”") for kind in held]
    if zone.bitmask and len(records) == 1:
        return ((records[0], " and ".join(named)),)
    meaning = {str(kind.code): word for kind, word in zip(held, named, strict=True)}
    return tuple((record, meaning.get(record, "")) for record in records)
