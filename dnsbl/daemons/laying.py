"""Shell: lays a survey down: reads what is to be surveyed, checks that it may be, asks DNS where domains' mail goes.

Nobody who is to be tested is dialled here. What is refused leaves nothing behind; what a crash interrupts is begun
anew."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from dns.asyncresolver import Resolver
from dns.resolver import NoResolverConfiguration

from dnsbl.addresses import Address, canonical
from dnsbl.daemons.names import PATIENCE, mail_host
from dnsbl.daemons.surveyfolder import SurveyFolder, begin, target_line
from dnsbl.errors import DnsblError
from dnsbl.rules.surveys import scope, sources
from dnsbl.rules.surveys.sources import Domains, Mailhost
from dnsbl.settings import Settings, split_listen
from tester import nmap
from tester.errors import BadTargets
from tester.letter import Keyring
from tester.records import dataclass

#: Domains that are asked about beside each other, and octets of a file that are read at a time.
AT_ONCE, PIECE = 50, 256 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class SurveyOrder:
    """What somebody wants surveyed; one kind of source."""

    name: str
    operator: str
    form: str
    ranges: Sequence[str] = ()
    nmap: Path | None = None
    domains: Sequence[Path] = ()
    sample: int | None = None  #: so many hosts of the domains, drawn by `seed`
    seed: str = ""
    families: tuple[int, ...] = (4,)  #: IP versions whose first address of a domain's host is surveyed
    authorization: Path | None = None
    presence_port: int | None = None  #: where ranges are knocked at too when the mail port is silent
    resolver: str = ""  #: ADDRESS:PORT of whom to ask; "": whom the system asks


def lay(
    asked: SurveyOrder,
    settings: Settings,
    place: Path,
    *,
    now: datetime,
    random: Callable[[int], bytes],
    tell: Callable[[int, int], None],
) -> None:
    """Lay the survey down. `tell` hears how many domains of how many have been asked about. Raises DnsblError."""
    head: dict[str, Any] = {
        "format": 1,
        "name": asked.name,
        "begun": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "operator": asked.operator,
        "form": asked.form,
        "port": settings.tester.port,
    }
    key = Keyring.generate(random, int(now.timestamp()))
    try:
        if asked.ranges:
            begin(place, head | _ranges(asked, settings), (), key)
        elif asked.nmap is not None:
            kept: dict[str, Any] = {"there": True, "source": asked.nmap.name, "authorization": _own(asked)}
            addresses = list(_scanned(asked.nmap, settings))
            begin(place, head | kept | {"targets": len(addresses)}, map(target_line, addresses), key)
        else:
            more, targets = asyncio.run(_domains(asked, settings, now, tell))
            begin(place, head | more, targets, key)
    except OSError as error:
        raise DnsblError(f"{error.filename or place}: {error.strerror}.") from None


def allow_further(kept: SurveyFolder, today: date) -> None:
    """Read anew what has authorized a survey of domains before it goes on. Raises NotAuthorized where the file is
    away, or does not cover all of its domains now; Damaged."""
    if not (where := kept.head.get("authorization_file")):
        return
    try:
        octets = _whole(Path(where), scope.MOST_OCTETS)
    except OSError as error:
        raise scope.NotAuthorized(f"{where}: what has authorized it cannot be read: {error.strerror}.") from None
    by = scope.authorization(octets, source=Path(where).name)
    scope.allow_names(kept.domains(), str(kept.head.get("sha256", "")), by, today=today)


def _own(asked: SurveyOrder) -> dict[str, str]:
    """Ranges and scans are of networks that the settings name."""
    return {
        "who": asked.operator,
        "when": "",
        "what": "addresses in survey.authorized_networks",
        "source": "settings",
    }


def _ranges(asked: SurveyOrder, settings: Settings) -> dict[str, Any]:
    networks = sources.ranges(asked.ranges)
    scope.allow_networks(networks, settings.survey.authorized_networks)
    return {
        "there": False,
        "networks": [str(one) for one in networks],
        "targets": len(sources.Spread(networks)),
        "presence_port": asked.presence_port,
        "authorization": _own(asked),
    }


def _scanned(file: Path, settings: Settings) -> Iterator[Address]:
    """The hosts of nmap's file, each once. Raises OSError, NotAuthorized, BadSource."""
    seen: set[Address] = set()
    with file.open("rb") as data:
        first = data.read(PIECE)
        reader = nmap.begun(first)
        if reader is None:
            raise sources.BadSource(f"{file}: nmap has not written it (nmap -oX FILE or -oG FILE).")
        for piece, following in itertools.pairwise(
            itertools.chain([first], iter(lambda: data.read(PIECE), b""), [b""])
        ):
            try:
                found = reader.feed(piece, last=not following)
            except BadTargets as error:
                raise sources.BadSource(str(error)) from None
            for address in (canonical(one.address) for one in found):
                scope.allow_address(address, settings.survey.authorized_networks)
                if address not in seen:
                    seen.add(address)
                    yield address
            if len(seen) > sources.MOST:
                raise sources.BadSource(f"{file}: names more than {sources.MOST:,} hosts.")
    if not seen:
        raise sources.BadSource(f"{file}: names no host that is up.")


async def _domains(
    asked: SurveyOrder, settings: Settings, now: datetime, tell: Callable[[int, int], None]
) -> tuple[dict[str, Any], Iterable[str]]:
    lists = [_whole(file) for file in asked.domains]
    found = sources.domains([(file.name, octets) for file, octets in zip(asked.domains, lists, strict=True)])
    where = asked.authorization or settings.survey.authorization
    by = None if where is None else scope.authorization(_whole(where, scope.MOST_OCTETS), source=where.name)
    by = scope.allow_domains(found.names, lists, by, today=now.date())
    hosts = await _ask(found, asked, tell)
    reached = [(name, host) for name, host in hosts if host.addresses]
    dropped = Counter(host.why for _, host in hosts if not host.addresses)
    if asked.sample is not None:
        chosen = sources.drawn((name for name, _ in reached), asked.sample, asked.seed)
        reached = [(name, host) for name, host in reached if name in chosen]
    lines, seen = [], set[Address]()
    for name, host in reached:
        for address in map(canonical, host.addresses):
            if address in seen:
                dropped["a host that was there already"] += 1
                continue
            seen.add(address)
            lines.append(target_line(address, {"domain": name, "host": host.host, "by": "mx" if host.by_mx else "own"}))
    if not lines:
        raise sources.BadSource("None of the domains has a mail host with an address, as far as DNS says.")
    return {
        "there": True,
        "authorization": by.document(),
        "authorization_file": str(where.absolute()) if where is not None else "",
        "sha256": scope.digest(lists),
        "targets": len(lines),
        "seed": asked.seed,
        "population": {
            "lists": found.lists,
            "addresses": found.addresses,
            "domains": len(found.names),
            "with_address": sum(bool(host.addresses) for _, host in hosts),
            **({} if asked.sample is None else {"sample": len(reached)}),
            "dropped": dict(dropped),
        },
    }, lines


def _whole(file: Path, most: int = sources.MOST_OCTETS) -> bytes:
    with file.open("rb") as data:
        return data.read(most + 1)


async def _ask(found: Domains, asked: SurveyOrder, tell: Callable[[int, int], None]) -> list[tuple[str, Mailhost]]:
    """Where each domain's mail goes, in their order. Raises DnsblError where there is nobody to ask."""
    resolver = _resolver(asked.resolver)
    hosts: dict[str, Mailhost] = {}
    left = iter(found.names)

    async def some() -> None:
        for name in left:
            hosts[name] = await mail_host(name, asked.families, resolver)
            tell(len(hosts), len(found.names))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())
    return [(name, hosts[name]) for name in found.names]


def _resolver(where: str) -> Resolver:
    try:
        resolver = Resolver(configure=not where)
    except NoResolverConfiguration:
        raise DnsblError("This machine has no resolver; name one with --resolver ADDRESS:PORT.") from None
    if where:
        try:
            host, resolver.port = split_listen(where)
        except ValueError:
            raise DnsblError("--resolver needs ADDRESS:PORT, such as 127.0.0.1:53 or [::1]:53.") from None
        resolver.nameservers = [host]
    resolver.lifetime = PATIENCE
    return resolver
