"""Asks every server of our zones what it says, as a stranger would: serial, test points, the last change.

A shell around `dns.secondaries.watch`: `dns.listen` (ourselves), `dns.secondaries` and `dns.monitor`, over UDP, all at
once; each answer tells from which version of the zone it is, where its server can (RFC 9660). Each question waits for
at most `SECONDS` and is asked `TRIES` times. Of others' copies on the web (`copies.mirrors`) the head is read,
HEAD_MOST octets of it at most.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.request import Request, urlopen

import dns.asyncquery
import dns.edns
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from dnsbl.addresses import Address
from dnsbl.casework.contents import Contents
from dnsbl.casework.views import Views
from dnsbl.dns import wire
from dnsbl.dns.secondaries.watch import Codes, Expected, Heard, copied, expected, report
from dnsbl.dns.zones import Zone, Zones
from dnsbl.opened import OpenedList
from dnsbl.settings import Dns, split_listen

SECONDS = 2.0
TRIES = 2
_WHICH_VERSION = dns.edns.GenericOption(str(wire.ZONEVERSION), b"")
#: Seconds for a copy on the web, and octets of its first line at most.
COPY_SECONDS, HEAD_MOST = 10.0, 4096
#: Questions at once, so that a long list of servers is no flood.
AT_ONCE = 50


def places(settings: Dns) -> list[str]:
    """The servers to be asked, ourselves first; an address that the system chooses the port of is nobody's to ask."""
    ours = [_at_home(place) for place in settings.listen if split_listen(place)[1]]
    return list(dict.fromkeys((*ours, *settings.secondaries, *settings.monitor)))


def _at_home(listen: str) -> str:
    """Where we ask ourselves: a server at every address is also at loopback."""
    host, port = split_listen(listen)
    if not ip_address(host).is_unspecified:
        return listen
    return f"[::1]:{port}" if ":" in host else f"127.0.0.1:{port}"


async def look(opened: OpenedList) -> list[dict[str, object]]:
    """Ask everybody once; one record a server and zone, as `watch.report` makes them."""
    casework = opened.casework
    records = await servers(opened.settings.dns, opened.zones, casework.contents, casework.views)
    serials: dict[str, int | None] = {zone.origin: None for zone in opened.zones.own}
    for record in reversed(records):
        serials[str(record["zone"])] = record["serial"] if isinstance(record["serial"], int) else None
    copies, now = opened.settings.copies, opened.clock.now()
    heads = await asyncio.gather(*(asyncio.to_thread(_head, url) for url in copies.mirrors))
    lag = timedelta(minutes=copies.lag_minutes)
    return records + [copied(url, head, serials, now, lag) for url, head in zip(copies.mirrors, heads, strict=True)]


async def servers(dns: Dns, zones: Zones, contents: Contents, views: Views) -> list[dict[str, object]]:
    """Ask every server of our zones once, ourselves first; one record a server and zone."""
    last = await asyncio.to_thread(_last_change, contents, views)
    return await ask(places(dns), zones.own, last)


def _head(url: str) -> dict[str, object] | None:
    """The head of a copy on the web; None when there is none."""
    request = Request(url, headers={"Range": f"bytes=0-{HEAD_MOST - 1}", "User-Agent": "dnsbl-monitor"})
    try:
        with urlopen(request, timeout=COPY_SECONDS) as answer:
            found: object = json.loads(answer.readline(HEAD_MOST))
    except (OSError, ValueError, HTTPException):
        return None
    return found if isinstance(found, dict) else None


async def ask(
    servers: Iterable[str], zones: Zones, last: tuple[Address, tuple[str, ...]] | None
) -> list[dict[str, object]]:
    """Ask these servers; the first of them is the one that knows."""
    wanted = {zone.origin: expected(zone, last) for zone in zones}
    turns = asyncio.Semaphore(AT_ONCE)
    heard = await asyncio.gather(
        *(_hear(server, zone, wanted[zone.origin], turns) for server in servers for zone in zones)
    )
    serials: dict[str, int | None] = {zone.origin: None for zone in zones}
    for one in heard:
        if serials[one.zone] is None and one.server == heard[0].server:
            serials[one.zone] = one.serial
    return report(heard, wanted, serials)


async def _hear(server: str, zone: Zone, wanted: Iterable[Expected], turns: asyncio.Semaphore) -> Heard:
    heard = Heard(server, zone.origin)
    soa = await _question(server, zone.origin, "SOA", turns)
    if soa is None or soa.rcode() != dns.rcode.NOERROR:
        return heard
    records = [rdata for rrset in soa.answer if rrset.rdtype == dns.rdatatype.SOA for rdata in rrset]
    if not records:
        return heard
    first: Any = records[0]
    heard.serial = first.serial
    heard.versions[zone.origin] = _version(soa)
    for one in wanted:
        reply = await _question(server, one.owner, "A", turns)
        if reply is not None:
            heard.versions[one.owner] = _version(reply)
        if reply is not None and reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            heard.answers[one.owner] = Codes(
                str(rdata) for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset
            )
        elif reply is not None and reply.rcode() == dns.rcode.REFUSED:
            heard.refused.add(one.owner)
    return heard


async def _question(server: str, name: str, rtype: str, turns: asyncio.Semaphore) -> dns.message.Message | None:
    """The reply, or None: no answer, or one that makes no sense."""
    host, port = split_listen(server)
    query = dns.message.make_query(name, rtype, flags=0, use_edns=0, payload=1232, options=[_WHICH_VERSION])
    for _ in range(TRIES):
        try:
            async with turns:
                reply = await dns.asyncquery.udp(query, host, port=port, timeout=SECONDS)
        except (dns.exception.DNSException, OSError):
            continue
        if reply.rcode() != dns.rcode.FORMERR:
            return reply
        query.use_edns(False)  # a server from before EDNS
    return None


def _version(reply: dns.message.Message) -> int | None:
    """The serial of the zone that the reply was made from, where the server tells it (RFC 9660 2)."""
    for option in reply.options:
        data = option.to_wire() if option.otype == wire.ZONEVERSION else None
        if data is not None and len(data) == 6 and data[1] == 0:
            return int.from_bytes(data[2:])
    return None


def _last_change(contents: Contents, views: Views) -> tuple[Address, tuple[str, ...]] | None:
    """The first address of the network that changed last, with the kinds that it is listed under now."""
    number = contents.last_change()
    changes = contents.changes(number - 1, most=1) if number else []
    if not changes:
        return None
    address = changes[0].network.network_address
    return address, tuple(listing.kind for listing in views.look_up(address).listings)


def fine(records: Iterable[Mapping[str, object]]) -> bool:
    """Whether nobody lags or lies."""
    return not any(record["trouble"] for record in records)
