"""Shell: whether those whom a list dials by its settings could be dialled from this machine, for `dnsbl doctor`: their
names lead somewhere, and this machine has a way there. Whoever is this machine itself is dialled, and nobody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address

from dnsbl.addresses import Address
from dnsbl.rules.checkup import Checked, Heard, ok, unknown, wrong
from dnsbl.settings import Settings
from dnsbl.settings.reaching import DialPlace, dialling
from tester.knocking import no_way

#: Seconds until somebody on this machine must have taken a connection.
PATIENCE = 3.0


async def reach(
    settings: Settings,
    roles: Sequence[str],
    find: Callable[[str], Awaitable[Heard]],
    no_way: Callable[[Address], str] = no_way,
) -> list[Checked]:
    """A row for each of them whom these roles dial; `find` tells the addresses of a name."""
    places = [one for one in dialling(settings) if one.role in roles]
    return list(await asyncio.gather(*(_looked_at(one, find, no_way) for one in places)))


async def _looked_at(
    one: DialPlace, find: Callable[[str], Awaitable[Heard]], no_way: Callable[[Address], str]
) -> Checked:
    of = f"{one.key} {one.text}"
    try:
        found: Heard = (str(ip_address(one.host)),)
    except ValueError:
        found = await find(one.host)
    if found is None:
        return unknown(
            "dialled", of, f"nobody could tell the addresses of {one.host}", "see whether the resolver answers"
        )
    if not found:
        do = f"correct {one.key}, or publish an A or AAAA record of {one.host}"
        return wrong("dialled", of, f"{one.host} has no address, so nobody can be dialled there", do)
    addresses = [ip_address(text) for text in found]
    hindered = {address: why for address in addresses if (why := no_way(address))}
    if len(hindered) == len(addresses):
        address, why = next(iter(hindered.items()))
        says = f"this machine has no way to {one.text}: {why}"
        return wrong("dialled", of, says, f"see `ip route get {address}`")
    if own := [address for address in addresses if address.is_loopback]:
        if await asyncio.to_thread(_answers, own[0], one.port):
            return ok("dialled", of, f"somebody answers at {one.text}")
        return wrong("dialled", of, f"nobody answers at {one.text} (TCP)", "see `ss -lntp`, and what should serve it")
    return ok("dialled", of, f"this machine has a way to {one.text}; whether anybody answers there was not tried")


def _answers(address: Address, port: int) -> bool:
    with suppress(OSError), socket.create_connection((str(address), port), timeout=PATIENCE):
        return True
    return False
