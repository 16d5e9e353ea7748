"""Responders for a test, and a client's end of their connections."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from ipaddress import ip_network

import dns.asyncquery
import dns.edns
import dns.exception
import dns.message
import dns.rcode

from dnsbl.dns.listed.table import Table
from dnsbl.dns.zones import Zones
from dnsbl.serving.responder import Responder
from dnsbl.settings import Dns
from tests.waiting import until

LONG = "".join(f'[[records]]\nname = "long"\ntype = "TXT"\ndata = "{n}{"x" * 250}"\n' for n in range(60))


ZONE = f"""
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {{address}}"
{LONG}
"""


LISTED = dns.message.make_query("7.2.0.192.bl.test", "A")


class Served:
    def __init__(self, responder: Responder, bound: list[tuple[str, int]]) -> None:
        self.responder = responder
        self.bound = bound
        self.host, self.port = bound[0]

    async def connect(self, **options: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, **options)

    async def udp(self, query: dns.message.Message = LISTED) -> dns.message.Message:
        return await dns.asyncquery.udp(query, self.host, port=self.port, timeout=5)


class Serve:
    """Starts responders, and closes them after the test."""

    def __init__(self, zones: Zones) -> None:
        self.zones = zones
        self.started: list[Responder] = []

    async def __call__(self, *listen: str, **settings: object) -> Served:
        dns_settings = Dns(listen=listen or ("127.0.0.1:0",), **settings)
        responder = Responder(dns_settings, self.zones, Table.of([(ip_network("192.0.2.0/24"), "relay")], serial=5))
        bound = await responder.start()
        self.started.append(responder)
        return Served(responder, bound)


def framed(query: dns.message.Message) -> bytes:
    packet = query.to_wire()
    return struct.pack("!H", len(packet)) + packet


async def read_reply(reader: asyncio.StreamReader) -> dns.message.Message:
    [length] = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), 5))
    return dns.message.from_wire(await asyncio.wait_for(reader.readexactly(length), 5))


async def ended(reader: asyncio.StreamReader) -> bool:
    with suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(1), 5) == b""
    return True


async def round_of_the_loop(served: Served) -> None:
    """Until the server has looked at all its connections: another client has been answered."""
    reader, writer = await served.connect()
    writer.write(framed(LISTED))
    await read_reply(reader)
    writer.close()
    await writer.wait_closed()


async def gone(served: Served) -> None:
    """Until the server has forgotten every connection."""
    await until(lambda: not served.responder.connections)


def listed(reply: dns.message.Message) -> bool:
    return [str(rdata) for rrset in reply.answer for rdata in rrset] == ["127.0.0.2"]
