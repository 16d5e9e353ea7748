"""Text of a file -> the hosts to test: a plain list of addresses, or the XML that nmap writes. Pure.

A list is dialled only as far as it lies in networks that whoever starts the test has named as his own, whole or not at
all: one address outside of them, and nothing of it is tested. Files are bounded before they are read; XML that declares
entities is refused, and no tree is built of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from xml.parsers import expat

from tester.errors import TesterError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Octets of a file, and hosts in it, that are read.
MOST_OCTETS, MOST_HOSTS = 16 * 1024 * 1024, 4096
#: Shortest prefixes of what may be called a network of one's own.
WIDEST = {4: 8, 6: 20}


class BadTargets(TesterError):
    """The file, or what it asks for, is refused; the sentence says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One host of a file."""

    address: Address
    open: frozenset[int] | None = None  #: TCP ports that nmap found open; None: nobody has looked


def read(data: bytes) -> list[Target]:
    """The hosts of a file, each once, in its order. Raises BadTargets."""
    if len(data) > MOST_OCTETS:
        raise BadTargets(f"The file of targets is larger than {MOST_OCTETS >> 20} MiB; cut it into several.")
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    found = _Nmap().read(data) if start.startswith(b"<") else _listed(data)
    hosts: dict[Address, Target] = {}
    for target in found:
        hosts.setdefault(target.address, target)
    if not hosts:
        raise BadTargets("The file of targets names no address.")
    if len(hosts) > MOST_HOSTS:
        raise BadTargets(f"The file of targets names more than {MOST_HOSTS} hosts; cut it into several.")
    return list(hosts.values())


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks of one's own, from the words of a command line or the lines of a file (# begins a remark).

    Raises BadTargets for what is none, and for one that is too wide to be anybody's.
    """
    found = []
    for text in texts:
        word = text.partition("#")[0].strip()
        if not word:
            continue
        try:
            network = ip_network(word)
        except ValueError:
            raise BadTargets(f"{ascii(word)[:60]} is no network, such as 192.0.2.0/24.") from None
        if network.prefixlen < WIDEST[network.version]:
            raise BadTargets(f"{network} is too wide to be a network of your own; name its parts that are.")
        found.append(network)
    return tuple(found)


def own(hosts: Sequence[Target], allowed: Collection[Network]) -> None:
    """Raises BadTargets unless every host lies in a network of one's own."""
    if not allowed:
        raise BadTargets("A list is tested only in networks of your own: name them with --networks.")
    outside = [target.address for target in hosts if not any(target.address in network for network in allowed)]
    if outside:
        more = f" and {len(outside) - 1} more" if outside[1:] else ""
        raise BadTargets(f"{outside[0]}{more} lies in no network that --networks names; nobody was tested.")


def _listed(data: bytes) -> list[Target]:
    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        word = line.removeprefix("\ufeff").partition("#")[0].strip()
        if not word:
            continue
        try:
            found.append(Target(address=ip_address(word.strip("[]"))))
        except ValueError:
            what = "a network, whose addresses must be named one by one" if "/" in word else "no IP address"
            raise BadTargets(f"Line {number} of the targets is {what}: {ascii(word)[:60]}.") from None
    return found


class _Nmap:
    """The hosts of nmap's XML (its nmap.dtd): `host` with `address` and `ports/port/state`. Hosts that are down are
    left out."""

    def __init__(self) -> None:
        self._found: list[Target] = []
        self._root = ""
        self._address: Address | None = None
        self._down = False
        self._open: set[int] | None = None
        self._port = 0

    def read(self, data: bytes) -> list[Target]:
        """Raises BadTargets."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = _no_entities
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise BadTargets(f"The XML of the targets cannot be read: {error}.") from None
        return self._found

    def _begin(self, name: str, given: dict[str, str]) -> None:
        if not self._root:
            self._root = name
            if name != "nmaprun":
                raise BadTargets("The XML of the targets is not nmap's (nmap -oX FILE).")
        elif name == "host":
            self._address, self._down, self._open = None, False, None
        elif name == "status":
            self._down = given.get("state") == "down"
        elif name == "address" and given.get("addrtype") in ("ipv4", "ipv6"):
            try:
                self._address = ip_address(given.get("addr", ""))
            except ValueError:
                raise BadTargets(f"nmap names {ascii(given.get('addr', ''))[:60]}, which is no address.") from None
        elif name in ("ports", "extraports"):
            self._open = self._open or set()
        elif name == "port":
            number = given.get("portid", "")
            tcp = given.get("protocol", "tcp") == "tcp"
            self._port = int(number) if tcp and number.isascii() and number.isdigit() and len(number) < 6 else 0
        elif name == "state" and self._port and given.get("state") == "open":
            self._open = {*(self._open or ()), self._port}

    def _end(self, name: str) -> None:
        if name == "port":
            self._port = 0
        elif name == "host" and self._address is not None and not self._down:
            ports = None if self._open is None else frozenset(self._open)
            self._found.append(Target(address=self._address, open=ports))


def _no_entities(*_: object) -> None:
    raise BadTargets("The XML of the targets declares entities, which nmap's never does.")
