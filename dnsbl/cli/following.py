"""`dnsbl lookup` and `dnsbl status` on a node that follows another one: they answer from the table on its disk, as DNS
does there. Makes no database and asks nobody; why something is listed is known at the first node alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dnsbl.addresses import Address
from dnsbl.cli import show, terminal
from dnsbl.cli.later import later
from dnsbl.clock import Clock, SystemClock
from dnsbl.config import read_zones
from dnsbl.dns.listed.published import Bulletin
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.model import Brief
from dnsbl.rules import asking
from dnsbl.rules.bounds import Bounds
from dnsbl.rules.others import Opinion
from dnsbl.settings import Settings
from dnsbl.vocabulary import State
from tester.records import dataclass

with later():
    from dnsbl.casework import briefing
    from dnsbl.cli import lookups
    from dnsbl.daemons import answering
    from dnsbl.daemons import others as others_asked
    from dnsbl.web import briefs


#: What is said where the first node's zones are not those here.
OTHER_ZONES = "its zone files, web.base_url or bounds are not those here: no secondary gets a zone from this node"


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowedTable:
    """What a node that follows another one knows."""

    settings: Settings
    zones: Zones
    head: Bulletin
    table: Table
    clock: Clock

    @property
    def made(self) -> datetime:
        """When the first node's store stood by the table."""
        return datetime.fromtimestamp(self.head.made, tz=UTC)

    @property
    def age(self) -> int:
        """Seconds since then."""
        return max(0, round(self.clock.now().timestamp() - self.head.made))

    @property
    def of(self) -> str:
        """Whom the table is of, in words."""
        return self.settings.follow.url or "the node that is followed"

    def each(self, addresses: Sequence[Address]) -> list[Brief]:
        """What lists each of these addresses, in their order; whether one is tested is not known here."""
        found = [briefing.covering(self.table, address)[0] for address in addresses]
        return [
            Brief(address=address, state=State.LISTED if listings else State.UNKNOWN, listings=listings)
            for address, listings in zip(addresses, found, strict=True)
        ]


def kept(settings: Settings, clock: Clock = SystemClock()) -> FollowedTable:  # noqa: B008 (stateless)
    """What this node has fetched. Raises DnsblError where that is nothing yet, or is damaged."""
    zones = read_zones(settings)
    followed = answering.follower_of(settings, [], zones, Bounds.of(settings), clock)
    try:
        head, table = followed.kept()
    except FileNotFoundError:
        raise DnsblError(
            f"This node follows {settings.follow.url or 'another one'} and has no table yet, so it knows of no "
            f"address: `dnsbl serve --only dns{'' if settings.follow.url else ' --follow URL'}` fetches one."
        ) from None
    except OSError as error:
        of = settings.follow.url or "the node that is followed"
        raise DnsblError(f"The table of {of} cannot be read: {error.strerror}.") from None
    return FollowedTable(settings=settings, zones=zones, head=head, table=table, clock=clock)


def look_up(known: FollowedTable, address: str, file: Path | None, *, others: bool, as_json: bool) -> None:
    """Where an address stands, or in brief each address in a file, by the table here. Raises DnsblError."""
    site = known.settings.web.base_url
    if file is not None:
        lookups.lookup_each(known.each, known.zones, site, file, as_json=as_json)
        return
    where = asking.one(address, known.zones.origins, site)
    [row] = briefs.rows([str(where)], known.each, known.zones.codes_of, known.zones.origins, site)
    opinions: tuple[Opinion, ...] = ()
    if others:
        sources = others_asked.OtherLists(known.settings.others, known.clock)
        if not sources.on:
            raise DnsblError("No other lists are configured: name them in others.lists.")
        opinions = sources.look(where)
    if as_json:
        more = {"others": [{"says": each.sentence, "text": each.text} for each in opinions]} if others else {}
        show.document(row | more | {"follows": known.of, "as_of": _at(known.made)})
        return
    terminal.say(f"  {row['state'] if row['listings'] else 'not listed'}", strong=str(where))
    for one in row["listings"]:
        terminal.say(f"  listed as {one['kind']} ({one['network']})")
    for zone, codes in row["zones"].items():
        terminal.say(f"  {zone}: {', '.join(codes) or 'not listed'}")
    if not row["listings"] and any(row["zones"].values()):
        terminal.say(show.TEST_POINT)
    for each in opinions:
        terminal.say(f"  elsewhere: {each.sentence}" + (f" {each.text}" if each.text else ""))
    terminal.say(f"  by the table of {known.of}, as of {show.when(known.made)}; reasons and tests are known there")
    terminal.say(f"  more: {site}/ip/{where}")


def show_status(known: FollowedTable, *, as_json: bool) -> None:
    """Whom this node follows, and how old its table is."""
    if as_json:
        show.document(told(known))
    else:
        terminal.say("\n".join(lines(known)))


def told(known: FollowedTable) -> dict[str, Any]:
    """The picture as one JSON document."""
    return {
        "follows": known.of,
        "as_of": _at(known.made),
        "age": known.age,
        "stale": known.age > known.settings.dns.stale_after,
        "serial": known.table.soa_serial,
        "listed": len(known.table),
        "same_zones": known.head.zones == known.zones.digest,
    }


def lines(known: FollowedTable) -> Iterator[str]:
    """The picture for people."""
    found = told(known)
    yield f"follows: {known.of}; it has no database, tests nobody and lists nobody itself"
    yield f"table: serial {found['serial']}, as of {show.when(known.made)}, {known.age} seconds old"
    if found["stale"]:
        yield "  older than dns.stale_after: answers are marked as stale; the log of `dnsbl serve` says why"
    if not found["same_zones"]:
        yield f"  {OTHER_ZONES}"
    yield f"listed: {found['listed']} networks"
    yield f"more: `dnsbl status` at the first node, or {known.settings.web.base_url}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
