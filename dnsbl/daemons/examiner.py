"""Shell: looks at a list as the world sees it, and at the machine that it runs on, for `dnsbl doctor`.

Asks one resolver, connects to this machine's own addresses, and looks at files; it never turns to anybody else. What it
hears is judged by `rules.checkup`. Each question waits PATIENCE seconds at most, and AT_ONCE are under way.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
import socket
import ssl
import stat
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoNameservers
from dns.reversename import from_address

from dnsbl.addresses import Address, printable
from dnsbl.daemons import families, reach, standing
from dnsbl.daemons.reserve import fitted, granted
from dnsbl.dns.zones import Zone, Zones
from dnsbl.errors import DnsblError
from dnsbl.files import strangers
from dnsbl.rules import checkup
from dnsbl.rules.checkup import Checked, Heard, ok, unknown, wrong
from dnsbl.rules.founding import is_example
from dnsbl.settings import Settings, split_listen
from dnsbl.settings.reaching import listening

#: Whether this list listens at a host and port; None: that cannot be seen.
IsOurs = Callable[[str, int], bool | None]

PATIENCE, AT_ONCE = 5.0, 20
#: Records of one answer that are looked at, and octets of one of HTTP.
RECORDS, SAID = 50, 512
#: Octets that the disk of the state folder should have free.
ROOM = 1 << 30


class Outside:
    """What one resolver tells."""

    def __init__(self, resolver: Resolver) -> None:
        self.failing: set[str] = set()  #: names about which the resolver could get nothing (SERVFAIL)
        self._resolver = resolver
        self._places = asyncio.Semaphore(AT_ONCE)

    async def hear(self, name: str, kind: str) -> Heard:
        """The records of this type at a name. Never raises."""
        try:
            async with self._places, asyncio.timeout(PATIENCE):
                answer = await self._resolver.resolve(
                    f"{name.rstrip('.')}.", kind, raise_on_no_answer=False, search=False
                )
        except NXDOMAIN:
            return ()
        except NoNameservers as error:
            replies = [reply for *_, reply in error.kwargs.get("errors", ()) if reply is not None]
            if any(reply.rcode() == dns.rcode.SERVFAIL for reply in replies):
                self.failing.add(name)
            return None
        except (DNSException, OSError, TimeoutError, ValueError):
            return None
        records = list(answer.rrset or ())[:RECORDS]
        if kind == "TXT":
            return tuple(b"".join(record.strings).decode("ascii", "replace") for record in records)
        return tuple(record.to_text() for record in records)

    async def addresses(self, name: str) -> Heard:
        """All addresses of a name."""
        found = await asyncio.gather(self.hear(name, "A"), self.hear(name, "AAAA"))
        told = [one for one in found if one is not None]
        if len(told) < len(found) and not any(told):
            return None
        return tuple(str(ip_address(text)) for one in told for text in one)


async def from_outside(settings: Settings, zones: Zones, resolver: Resolver, roles: Sequence[str]) -> list[Checked]:
    """What DNS says of a list whose node may do this."""
    outside = Outside(resolver)
    looks = [_zone(outside, zone) for zone in zones if not is_example(zone.origin)]
    found = [
        unknown("delegation", zone.origin, f"{zone.origin} is a name for examples", "`dnsbl init` writes another")
        for zone in zones
        if is_example(zone.origin)
    ]
    if "worker" in roles:  # else others test, receive and write
        looks += _written(outside, settings)
    looks.append(reach.reach(settings, roles, outside.addresses))
    for rows in await asyncio.gather(*looks):
        found += rows
    return found


def _written(outside: Outside, settings: Settings) -> list[Coroutine[None, None, list[Checked]]]:
    """What is looked at for who tests, receives and writes mail."""
    tester, collector, notices = settings.tester, settings.collector, settings.notices
    looks = [_mx(outside, domain, collector.hostname) for domain in sorted(tester.domains)]
    looks.append(_host(outside, "collector", collector.hostname, collector.addresses))
    for name in tester.helos:
        looks.append(_host(outside, "helo", name, tester.source_addresses))
    looks += [_reverse(outside, address, tester.helos) for address in tester.source_addresses]
    if domain := notices.sender.rpartition("@")[2]:
        looks.append(_spf(outside, domain))
    selectors = (tester.dkim_selector, *tester.more_dkim_selectors) if tester.dkim_key else ()
    looks += [
        _dkim(outside, f"{selector}._domainkey.{domain}") for selector in selectors for domain in tester.bounce_domains
    ]
    return looks


def from_outside_now(settings: Settings, zones: Zones, resolver: Resolver, roles: Sequence[str]) -> list[Checked]:
    """The same, for who has no event loop."""
    return asyncio.run(from_outside(settings, zones, resolver, roles))


async def _zone(outside: Outside, zone: Zone) -> list[Checked]:
    named, test = [_name(data) for data in zone.ns], f"{checkup.TEST_POINT}.{zone.origin}"
    heard, point = await asyncio.gather(outside.hear(zone.origin, "NS"), outside.hear(test, "A"))
    hosts = sorted({name.rstrip(".").lower() for name in (*named, *(heard or ()))})
    told = dict(zip(hosts, await asyncio.gather(*map(outside.addresses, hosts)), strict=True))
    return [
        *checkup.delegation(zone.origin, named, heard, told, failing=zone.origin in outside.failing),
        checkup.answered(zone.origin, point, failing=test in outside.failing),
    ]


async def _mx(outside: Outside, domain: str, hostname: str) -> list[Checked]:
    return [checkup.exchange(domain, await outside.hear(domain, "MX"), hostname)]


async def _host(outside: Outside, about: str, name: str, ours: Sequence[Address]) -> list[Checked]:
    return [checkup.host(about, name, await outside.addresses(name), ours)]


async def _reverse(outside: Outside, address: Address, helos: Sequence[str]) -> list[Checked]:
    names = await outside.hear(from_address(str(address)).to_text(), "PTR")
    bare = [name.rstrip(".").lower() for name in names or ()][:4]
    forward = dict(zip(bare, await asyncio.gather(*map(outside.addresses, bare)), strict=True))
    return [checkup.reverse(address, names, forward, helos)]


async def _spf(outside: Outside, domain: str) -> list[Checked]:
    return [checkup.policy_of(domain, await outside.hear(domain, "TXT"))]


async def _dkim(outside: Outside, name: str) -> list[Checked]:
    return [checkup.signed(name, await outside.hear(name, "TXT"))]


def _name(data: bytes) -> str:
    """A name in wire form, as text."""
    labels, at = [], 0
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode("ascii"))
        at += data[at] + 1
    return ".".join(labels)


# -- this machine --------------------------------------------------------------------------------------------------
def at_home(settings: Settings, zones: Zones, roles: Sequence[str]) -> Iterator[Checked]:
    """What this machine offers a node that may do this: ports, descriptors, disk, files."""
    left = set(listening(families.had(settings, roles)[0]))
    for one in listening(settings):
        if one.role not in roles and not (one.role == "survey" and "worker" in roles):
            continue
        if one in left:
            yield from _place(one.key, one.place, _ours_at(one.key, settings, zones), udp=one.udp)
        else:
            yield _passed_over(one.key, one.place)
    try:
        _, shortage = fitted(settings, roles, granted())
        do = "raise the limit (LimitNOFILE of systemd, or ulimit -n)"
        yield wrong("descriptors", "", shortage, do) if shortage else ok("descriptors", "", f"{granted()} may be open")
    except DnsblError as error:
        yield wrong("descriptors", "", str(error), "raise the limit (LimitNOFILE of systemd, or ulimit -n)")
    if "worker" in roles:
        yield from _sources(settings.tester.source_addresses)
    yield _disk(settings.service.state_dir)
    yield from _owners(settings.service.state_dir)
    yield from _modes(settings)


def _ours_at(key: str, settings: Settings, zones: Zones) -> IsOurs:
    """How it is seen that it is this list that listens at a place of this key."""
    match key:
        case "dns.listen":
            return lambda host, port: _dns_is_ours(
                zones, lambda asked: dns.query.udp(asked, host, port=port, timeout=2.0)
            )
        case "dns.tls_listen":
            trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # whoever it shows itself to be, it answers for our zone
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            return lambda host, port: _dns_is_ours(
                zones, lambda asked: dns.query.tls(asked, host, port=port, timeout=3.0, ssl_context=trusting)
            )
        case "collector.listen":
            return lambda host, port: _greets(host, port, settings.collector.hostname)
        case "survey.listen":
            return lambda host, port: _greets(host, port, settings.survey.collector_domain)
        case "web.listen" | "dns.metrics_listen":
            return lambda host, port: _speaks_http(host, port, "/healthz", b" 200 ")
        case _:  # what it says depends on who asks
            return lambda host, port: _speaks_http(host, port, "/")


def _place(key: str, place: str, is_ours: IsOurs, *, udp: bool = False) -> Iterator[Checked]:
    """Whether we could listen there, or do."""
    host, port = split_listen(place)
    for kind, word in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP"))[not udp :]:
        of, where = f"{key} {place}{f' ({word})' if udp else ''}", f"{place} ({word})"
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as trial:
                if kind == socket.SOCK_STREAM:
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if ":" in host:
                    trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                trial.bind((host, port))
                if kind == socket.SOCK_STREAM:
                    trial.listen(1)
        except OSError as error:
            if families.lacked(host):
                do = f"name a place of IPv4 in {key}, such as 127.0.0.1:{port}"
                yield wrong("port", of, f"{families.NONE}, so nobody can listen at {where}", do)
            else:
                yield _not_bound(of, where, error, lambda: is_ours(_at_home(host), port))
        else:
            yield ok("port", of, f"{where} is free: nobody listens there now")


def _passed_over(key: str, place: str) -> Checked:
    """What `serve` does with a place of a family that this machine does not have, where others stand beside it."""
    return ok(
        "port", f"{key} {place}", f"{families.NONE}, so nobody listens at {place}; the other places of {key} serve"
    )


def _not_bound(of: str, where: str, error: OSError, is_ours: Callable[[], bool | None]) -> Checked:
    if error.errno == errno.EADDRINUSE:
        if (ours := is_ours()) is None:
            return unknown(
                "port", of, f"somebody listens at {where}; without zones it is not seen whether this list does"
            )
        if ours:
            return ok("port", of, f"this list answers at {where}")
        return wrong(
            "port", of, f"somebody else listens at {where}, or this list does not answer there", "see `ss -lntup`"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        do = "give the service CAP_NET_BIND_SERVICE (AmbientCapabilities= of systemd), or start it as root"
        return wrong("port", of, f"this user may not listen at {where}", do)
    if error.errno == errno.EADDRNOTAVAIL:
        return wrong("port", of, f"this machine has no address for {where}", "set it to one that `ip address` shows")
    return unknown("port", of, f"{where} cannot be tried: {error.strerror or error}")


def _at_home(host: str) -> str:
    if not ip_address(host).is_unspecified:
        return host
    return "::1" if ":" in host else "127.0.0.1"


def _dns_is_ours(zones: Zones, ask: Callable[[dns.message.Message], dns.message.Message]) -> bool | None:
    """Whether a server that is asked so answers for the first of our zones, as its master; None where there is none."""
    for zone in zones:
        try:
            reply = ask(dns.message.make_query(f"{checkup.TEST_POINT}.{zone.origin}", "A"))
        except (DNSException, OSError):
            return False
        return reply.rcode() == dns.rcode.NOERROR and checkup.LISTED in str(reply.answer)
    return None


def _greets(host: str, port: int, hostname: str) -> bool:
    return reach.greets(reach.greeting(host, port), hostname)


def _speaks_http(host: str, port: int, path: str, status: bytes = b" ") -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=3.0) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("ascii"))
        return (said := wire.recv(SAID)).startswith(b"HTTP/1.") and said[8:].startswith(status)
    return False


def _sources(addresses: Sequence[Address]) -> Iterator[Checked]:
    gone = standing.absent(addresses)
    for address in addresses:
        if address in gone:
            do = "give it that address, or set tester.source_addresses to those that `ip address` shows"
            left = standing.lacking(addresses, gone) and f"; {standing.ELSE}"
            yield wrong("source", str(address), standing.sentence([address]) + left, do)
        else:
            yield ok("source", str(address), f"this machine can dial from {address}")


def _disk(folder: Path) -> Checked:
    try:
        free = shutil.disk_usage(next(each for each in (folder, *folder.absolute().parents) if each.exists())).free
    except OSError as error:
        return unknown("disk", str(folder), f"it cannot be looked at: {error.strerror}")
    says = f"{free >> 20} MiB are free for {folder}"
    return (
        ok("disk", str(folder), says) if free >= ROOM else wrong("disk", str(folder), says, "make room: 1 GiB at least")
    )


def _owners(folder: Path) -> Iterator[Checked]:
    """What in the state folder the service cannot open, if the folder is its own."""
    try:
        for path, owners, home in strangers(folder):
            yield wrong(
                "owner", str(path), f"{path} belongs to {owners}, and its folder to {home}", f"chown {home} {path}"
            )
    except OSError:  # others say so
        return


def secrets_of(settings: Settings) -> dict[str, Path]:
    """Files that nobody else may read, by what they are."""
    state = settings.service.state_dir
    named = {
        "tester.dkim_key": settings.tester.dkim_key,
        "dns.tsig_keys": settings.dns.tsig_keys,
        "dns.tls_key": settings.dns.tls_key,
        "collector.tls_key": settings.collector.tls_key,
        "notices.credentials_file": settings.notices.credentials_file,
        "the letters' keys": state / "keys.json",
        "the table's key": state / "publish.key",
    }
    return {what: path for what, path in named.items() if path is not None}


def _modes(settings: Settings) -> Iterator[Checked]:
    for what, path in secrets_of(settings).items():
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            if what[:3] != "the":  # those are made when they are needed
                yield wrong(
                    "key file", str(path), f"{what}: there is no such file", "put it there, or take the key out"
                )
        except OSError as error:
            yield unknown("key file", str(path), f"{what}: it cannot be looked at: {error.strerror}")
        else:
            if mode & (stat.S_IROTH | stat.S_IWOTH):
                yield wrong(
                    "key file", str(path), f"{what}: everybody here may read it", f"chmod 640 {path}; make a new one"
                )
            else:
                yield ok("key file", str(path), f"{what}: nobody else may read it")


def asked_of(place: str) -> Resolver:
    """The resolver at ADDRESS or ADDRESS:PORT, or without a place the machine's own. Raises DnsblError."""
    try:
        if not place:
            return Resolver()
        host, port = split_listen(place) if place.count(":") == 1 or place.startswith("[") else (place, 53)
        resolver = Resolver(configure=False)
        resolver.nameservers, resolver.port = [str(ip_address(host))], port
    except DNSException as error:
        raise DnsblError(f"There is no resolver to ask: {error}.") from None
    except ValueError:
        needed = "ADDRESS or ADDRESS:PORT is needed, such as 192.0.2.53 or [2001:db8::53]:53"
        raise DnsblError(f"There is no resolver to ask: {needed} (is {printable(place[:60])}).") from None
    return resolver
