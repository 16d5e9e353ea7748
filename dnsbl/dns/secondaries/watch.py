"""What every server of a zone must say, and who does not: the judgement of `dnsbl monitor`.

Pure. RFC 5782 section 5: the test points say whether a list works; a server that lists 127.0.0.1 lists the world. The
last change says whether a server has the list of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from ipaddress import IPv6Address

from dnsbl.addresses import Address, reversed_labels
from dnsbl.dns.zones import NEVER, TEST_POINT, Zone
from tester.records import dataclass

Codes = frozenset[str]


@dataclass(frozen=True, slots=True)
class Expected:
    """One address and the A records that it must have."""

    owner: str  #: the name, without the dot at the end
    address: str  #: as people know it
    codes: Codes  #: none: not listed


@dataclass(slots=True)
class Heard:
    """What one server said about one zone; names that it did not answer are missing."""

    server: str
    zone: str
    serial: int | None = None
    answers: dict[str, Codes] = field(default_factory=dict)  #: by owner
    versions: dict[str, int | None] = field(default_factory=dict)  #: by owner: the serial behind the answer, if told
    refused: set[str] = field(default_factory=set)  #: owners that it refused to speak about


def expected(zone: Zone, last: tuple[Address, Iterable[str]] | None) -> list[Expected]:
    """The test points, their IPv6 twins, and the address of the last change with the kinds under which it is listed."""
    wanted: list[Expected] = []
    for address, kinds in (TEST_POINT, ()), (NEVER, ()), *([last] if last else []):
        named: list[tuple[Address, str]] = [(address, str(address))]
        if address in (TEST_POINT, NEVER):
            named.append((IPv6Address(twin := f"::ffff:{address}"), twin))
        codes = frozenset(zone.codes_of(address, kinds))
        wanted += [Expected(f"{reversed_labels(asked)}.{zone.origin}", shown, codes) for asked, shown in named]
    return wanted


def trouble(heard: Heard, wanted: Iterable[Expected], serial: int | None) -> list[str]:
    """What is wrong with a server, a sentence each; `serial` is what our own server says, None when it says nothing."""
    if heard.serial is None:
        return ["does not answer for the zone"]
    found = []
    if serial is not None and heard.serial != serial:
        behind = (serial - heard.serial) % 2**32
        word = f"{behind} behind" if behind < 2**31 else f"{2**32 - behind} ahead of"
        found.append(f"has serial {heard.serial}, {word} ours")
    old = {version for version in heard.versions.values() if version is not None and _behind(version, heard.serial)}
    if old:
        told = " and ".join(map(str, sorted(old)))
        found.append(f"answers from serial {told} too, so more than one server is behind this address")
    if heard.refused and not heard.answers:
        return [
            *found,
            'refuses to tell us what is listed; where its dns.acl asks for keys, give us a rule "pass" there',
        ]
    for one in wanted:
        said = heard.answers.get(one.owner)
        if said is None:
            found.append(f"does not answer about {one.address}")
        elif said != one.codes:
            found.append(f"says {_shown(said)} about {one.address}, not {_shown(one.codes)}")
    return found


def _behind(serial: int, other: int) -> bool:
    """Whether a serial is older than another (RFC 1982 3.2)."""
    return 0 < (other - serial) % 2**32 < 2**31


def report(
    heard: Iterable[Heard], wanted: Mapping[str, Iterable[Expected]], serials: Mapping[str, int | None]
) -> list[dict[str, object]]:
    """One record a server and zone, for people and programs."""
    return [
        {
            "server": one.server,
            "zone": one.zone,
            "serial": one.serial,
            "trouble": trouble(one, wanted[one.zone], serials[one.zone]),
        }
        for one in heard
    ]


def copied(
    url: str, head: Mapping[str, object] | None, serials: Mapping[str, int | None], now: datetime, lag: timedelta
) -> dict[str, object]:
    """One record about somebody's copy of JSON lines, by its head; None when none was to be had. `serials` is what our
    own server says. Stale is a copy whose not-after has come, and one that is behind and older than `lag`.
    """
    zone = str((head or {}).get("zone", "-"))[:255]
    record: dict[str, object] = {"server": url, "zone": zone, "serial": None, "trouble": []}
    made, until = _moment((head or {}).get("made")), _moment((head or {}).get("not_after"))
    serial = (head or {}).get("serial")
    if head is None or made is None or until is None or not isinstance(serial, int):
        return record | {"trouble": ["is no copy that can be read"]}
    if zone not in serials:
        return record | {"serial": serial, "trouble": ["is of no zone of ours"]}
    trouble, ours = [], serials[zone]
    if until <= now:
        trouble.append(f"should not have been used since {until:%Y-%m-%d %H:%M} UTC, its not-after")
    if ours is not None and 0 < (behind := (ours - serial) % 2**32) < 2**31 and now - made > lag:
        trouble.append(f"has serial {serial}, {behind} behind ours, and was made {made:%Y-%m-%d %H:%M} UTC")
    return record | {"serial": serial, "trouble": trouble}


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) and text.endswith("Z") else None
    except ValueError:
        return None


def _shown(codes: Codes) -> str:
    return " and ".join(sorted(codes)) or "nothing"
