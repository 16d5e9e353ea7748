"""Shell: asks DNS which name is a mail server's own. The only place here that asks DNS about a stranger.

A name is a server's own only when it resolves to the very address. What the server says, and what its reverse name
says, are both its owner's free choice and no more than hints: a server may call itself by a third party's name, and
what is sent in that name would come back to the third party. Every question is bounded in number and time.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.resolver import NoResolverConfiguration

from dnsbl.addresses import Address

_log = logging.getLogger(__name__)

#: Seconds for everything that is asked about one server.
PATIENCE = 5.0
#: Names that are looked up for one server.
MOST = 4


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


async def _leads_to(resolver: Resolver, name: str, address: Address) -> bool:
    try:
        answer = await resolver.resolve(f"{name}.", "A" if address.version == 4 else "AAAA", lifetime=PATIENCE)
    except (DNSException, OSError, ValueError):
        return False
    return any(record.address == str(address) for record in answer)


async def _reverse(resolver: Resolver, address: Address) -> list[str]:
    try:
        answer = await resolver.resolve(f"{address.reverse_pointer}.", "PTR", lifetime=PATIENCE)
    except (DNSException, OSError, ValueError):
        return []
    return sorted(record.target.to_text(omit_final_dot=True) for record in answer)
