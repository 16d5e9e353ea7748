"""Shell: asks DNS which name is a mail server's own, which other addresses are the same machine, what a name leads to
and says, and where a domain's mail goes. What other lists say of an address asks `others`, and who answers for it
`contacts`.

A name is a server's own only when it resolves to the very address. What the server says, and what its reverse name
says, are both its owner's free choice and no more than hints: a server may call itself by a third party's name, and
what is sent in that name would come back to the third party. Every question is bounded in number and time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, NoResolverConfiguration

from dnsbl.addresses import Address
from dnsbl.rules.surveys.sources import Mailhost, lowest
from tester.records import dataclass

_log = logging.getLogger(__name__)

#: Seconds for everything that is asked about one server.
PATIENCE = 5.0
#: Names that are looked up for one server.
MOST = 4
#: Other addresses that names lead to and that are asked about; a name may lead to a thousand that are not its owner's.
CANDIDATES = 4
#: TXT records at one name that are looked at.
TEXTS = 20
#: Addresses of one host name that are looked at.
ADDRESSES = 8


async def own_name(address: Address, names: tuple[str, ...], resolver: Resolver | None = None) -> str:
    """The first of these names, then of the address's reverse names, that resolves to the address; or ""."""
    try:
        resolver = resolver or Resolver()
    except NoResolverConfiguration:
        _log.warning("this machine has no resolver; no server's own name is known")
        return ""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            for name in names[:MOST]:
                if await _leads_to(resolver, name, address):
                    return name
            for name in (await _reverse(resolver, address))[:MOST]:
                if name not in names and await _leads_to(resolver, name, address):
                    return name
    return ""


async def twins(address: Address, names: tuple[str, ...], resolver: Resolver | None = None) -> tuple[Address, ...]:
    """Addresses of the other family that may be the same machine, CANDIDATES at most: those to which one of these
    names, or of the address's reverse names, leads that leads back to the address too. Whoever wrote the name could
    name anybody's address beside his own, so each of these must still say so itself: see `shared`."""
    found: dict[Address, None] = {}
    kind = "AAAA" if address.version == 4 else "A"
    async for asked, name in _names(address, names, resolver):
        if await _leads_to(asked, name, address):
            found |= dict.fromkeys(sorted(await _addresses(asked, name, kind), key=int))
        if len(found) >= CANDIDATES:
            break
    return tuple(found)[:CANDIDATES]


async def shared(address: Address, other: Address, names: tuple[str, ...], resolver: Resolver | None = None) -> str:
    """The first name that `address` has for itself, among these that it was heard to say and its reverse names, that
    leads to both addresses; or "". Then they are one machine: each side has said so, in what only it can say."""
    async for asked, name in _names(address, names, resolver):
        if await _leads_to(asked, name, address) and await _leads_to(asked, name, other):
            return name
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookups:
    """What DNS tells of a host's names; tests bring answers of their own."""

    own_name: Callable[[Address, tuple[str, ...]], Awaitable[str]] = own_name
    twins: Callable[[Address, tuple[str, ...]], Awaitable[tuple[Address, ...]]] = twins
    shared: Callable[[Address, Address, tuple[str, ...]], Awaitable[str]] = shared


async def texts(name: str, resolver: Resolver | None = None) -> list[str] | None:
    """The TXT records at a name, each as one text, TEXTS of them at most; None when nobody could tell."""
    try:
        asked = resolver or Resolver()
        async with asyncio.timeout(PATIENCE):
            answer = await asked.resolve(name, "TXT", raise_on_no_answer=False, search=False)
    except NXDOMAIN:
        return []
    except (DNSException, NoResolverConfiguration, TimeoutError):
        return None
    found = [b"".join(record.strings).decode("ascii", "replace") for record in answer.rrset or ()]
    return found[:TEXTS]


async def mail_host(domain: str, families: tuple[int, ...], resolver: Resolver) -> Mailhost:
    """Where a domain's mail goes: the lowest MX and its first address, by number, of each of these IP versions;
    without an MX the domain's own (RFC 5321 5.1). Never raises for what DNS says."""
    try:
        answer = await resolver.resolve(f"{domain}.", "MX", raise_on_no_answer=False, search=False)
        host = lowest((one.preference, one.exchange.to_text()) for one in answer.rrset or ())
        if host == "":
            return Mailhost(why="takes no mail")
        found: list[Address] = []
        for kind in ("A" if version == 4 else "AAAA" for version in families):
            with suppress(NoAnswer, NXDOMAIN):
                there = await resolver.resolve(f"{host or domain}.", kind, search=False)
                # Records come in any order: the lowest is the same one for every domain with this host.
                found += sorted((ip_address(one.address) for one in there), key=int)[:1]
    except NXDOMAIN:
        return Mailhost(why="no address")
    except (DNSException, OSError, ValueError):
        return Mailhost(why="no answer")
    return Mailhost(
        host=host or domain, addresses=tuple(found), by_mx=host is not None, why="" if found else "no address"
    )


async def _names(
    address: Address, names: tuple[str, ...], resolver: Resolver | None
) -> AsyncIterator[tuple[Resolver, str]]:
    """The first of these names, then of the address's reverse names, while there is time; each with whom to ask. None
    for a loopback address, of which no resolver knows anything, unless one was brought."""
    if resolver is None:
        if address.is_loopback:
            return
        try:
            resolver = Resolver()
        except NoResolverConfiguration:
            return
    began = asyncio.get_running_loop().time()
    known = dict.fromkeys(names[:MOST])
    for name in known:
        yield resolver, name
    for name in (await _reverse(resolver, address))[:MOST]:
        if asyncio.get_running_loop().time() - began > PATIENCE:
            return
        if name not in known:
            yield resolver, name


async def _leads_to(resolver: Resolver, name: str, address: Address) -> bool:
    return address in await _addresses(resolver, name, "A" if address.version == 4 else "AAAA")


async def _addresses(resolver: Resolver, name: str, kind: str) -> set[Address]:
    try:
        answer = await resolver.resolve(f"{name}.", kind, lifetime=PATIENCE)
        return {ip_address(record.address) for record in answer}
    except (DNSException, OSError, ValueError):
        return set()


async def _reverse(resolver: Resolver, address: Address) -> list[str]:
    try:
        answer = await resolver.resolve(f"{address.reverse_pointer}.", "PTR", lifetime=PATIENCE)
    except (DNSException, OSError, ValueError):
        return []
    return sorted(record.target.to_text(omit_final_dot=True) for record in answer)


async def addresses_of(name: str, resolver: Resolver | None = None) -> list[Address] | None:
    """The addresses of a host name, ADDRESSES at most, IPv4 first; none where it has none, None when nobody could
    tell."""
    found: set[Address] = set()
    try:
        asked = resolver or Resolver()
        async with asyncio.timeout(PATIENCE):
            for kind in ("A", "AAAA"):
                answer = await asked.resolve(f"{name}.", kind, raise_on_no_answer=False, search=False)
                found |= {ip_address(record.address) for record in answer.rrset or ()}
    except NXDOMAIN:
        return []
    except (DNSException, NoResolverConfiguration, TimeoutError, OSError, ValueError):
        return None
    return sorted(found, key=lambda address: (address.version, int(address)))[:ADDRESSES]


def addresses_now(names: Sequence[str]) -> list[list[Address] | None]:
    """The addresses of each host name. Blocking, for PATIENCE at most: for threads without a loop."""

    async def all_of_them() -> list[list[Address] | None]:
        return list(await asyncio.gather(*map(addresses_of, names)))

    return asyncio.run(all_of_them())


def texts_now(name: str) -> list[str]:
    """The TXT records at a name, or none. Blocking, for a few seconds at most: for threads without a loop."""
    return asyncio.run(texts(name)) or []
