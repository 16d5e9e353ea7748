"""Shell: whether those whom a list dials by its settings could be dialled from this machine, for `dnsbl doctor`: their
names lead somewhere, and this machine has a way there. Whoever is this machine itself is dialled, our own collector,
and nobody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_address

from dnsbl.addresses import Address, printable
from dnsbl.daemons import standing
from dnsbl.rules.checkup import Checked, Heard, ok, unknown, wrong
from dnsbl.settings import Settings
from dnsbl.settings.reaching import DialPlace, dialling
from tester.knocking import no_way

#: Seconds until somebody on this machine must have taken a connection.
PATIENCE = 3.0
#: Octets of a greeting that are looked at, and characters that are shown.
GREETING, SHOWN = 512, 60


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


def greeting(host: str, port: int, source: Address | None = None) -> bytes | None:
    """The beginning of what a server says, to who comes from this address of ours; None where there is none."""
    whence = None if source is None else (str(source), 0)
    with suppress(OSError), socket.create_connection((host, port), PATIENCE, whence) as wire:
        said = wire.recv(GREETING)
        with suppress(OSError):
            wire.sendall(b"QUIT\r\n")
        return said
    return None


def greets(said: bytes | None, hostname: str) -> bool:
    """Whether this is the greeting of our collector."""
    return said is not None and said.startswith(b"220 ") and said.split()[1:2] == [hostname.encode("ascii")]


def collector(
    settings: Settings,
    resolved: Iterable[Address],
    absent: Callable[[Iterable[Address]], tuple[Address, ...]] = standing.absent,
) -> Iterator[Checked]:
    """Whether the collector answers at these addresses of its name, dialled from each address that we test from, as far
    as the settings name them as our own: nobody else is dialled.

    Where it stands on another machine this shows too whether somebody between answers port 25 in its place, as the
    proxies of some providers do: then whatever we heard of hosts would be the proxy's word.
    """
    name, sources = settings.collector.hostname, settings.tester.source_addresses
    gone = set(absent(sources))
    for address in resolved:
        of = f"{name} {address}"
        if address not in {*settings.collector.addresses, *sources}:
            says = (
                f"{address} is none of this machine's addresses that the settings name, so it is not dialled from here"
            )
            yield unknown("collector", of, says, f"try it from elsewhere: nc {address} 25")
            continue
        ours: list[Address | None] = [one for one in sources if one.version == address.version and one not in gone]
        heard = {source: greeting(str(address), 25, source) for source in ours or [None]}
        if all(greets(said, name) for said in heard.values()):
            yield ok("collector", of, f"the collector answers at {address}, port 25")
            continue
        source, said = next((source, said) for source, said in heard.items() if not greets(said, name))
        whence = "" if source is None else f" from {source}"
        if not said:
            do = "see whether dnsbl serve runs and collector.listen has port 25, or a firewall leads it there"
            yield wrong("collector", of, f"the collector does not answer{whence} at {address}, port 25", do)
            continue
        shown = printable(said.split(b"\n")[0].decode("latin-1").strip())[:SHOWN]
        says = f'at {address}, port 25, somebody else answers{whence}, with "{shown}", and not {name}'
        do = "see `ss -lntp`, or collector.hostname"
        if absent([address]):  # it is another machine, and what is said came over the network
            do = "see what listens there; if the collector does, somebody between (a proxy) answers port 25 for all"
        yield wrong("collector", of, says, do)
