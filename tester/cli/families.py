"""Shell: a machine's addresses of the other family, by its own names. Asks the system's resolver, and nobody else.

A name counts only when it leads back to the address that was asked about: then whoever owns the name says of both
addresses that they are its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address
Others = Callable[[Address], Awaitable[tuple[Address, ...]]]

#: Seconds for all questions about one address, and addresses that are taken.
PATIENCE, MOST = 5.0, 4


async def others(address: Address) -> tuple[Address, ...]:
    """The addresses of the other family that the address's reverse name leads to, if it leads back to the address as
    well; nothing where no name does, or nobody answers in time."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, ValueError):  # nobody answers, or with what is no name
        async with asyncio.timeout(PATIENCE):
            name, _ = await loop.getnameinfo((str(address), 0), socket.NI_NAMEREQD)
            rows = await loop.getaddrinfo(name, None)
            return proven(address, [ip_address(str(row[4][0]).partition("%")[0]) for row in rows])
    return ()


def proven(address: Address, found: list[Address]) -> tuple[Address, ...]:
    """Of a name's addresses those of the other family, where the name leads back to `address` as well."""
    if address not in found:
        return ()
    return tuple(dict.fromkeys(one for one in found if one.version != address.version))[:MOST]
