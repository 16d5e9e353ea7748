"""What nmap writes, piece by piece -> the hosts that it has found up: its XML (-oX) or its greppable form (-oG).

Pure. Holds one host at a time, so that a file of any length takes the same memory. XML that declares entities is
refused, and no tree is built of it; a line of the greppable form is bounded before it is read.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from xml.parsers import expat

from tester.errors import BadTargets
from tester.records import dataclass

Address = IPv4Address | IPv6Address

#: Octets of one line of the greppable form.
LONGEST = 1024 * 1024
_HOST = re.compile(rb"Host: (\S{1,64}) \([^\t]{0,300}\)\t(.*)", re.DOTALL)
_PORT = re.compile(rb"\s*([0-9]{1,5})/([a-z|]+)/tcp/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One host of a file."""

    address: Address
    open: frozenset[int] | None = None  #: TCP ports that nmap found open; None: nobody has looked


class Xml:
    """The hosts of nmap's XML (its nmap.dtd): `host` with `address` and `ports/port/state`. Hosts that are down are
    left out."""

    def __init__(self) -> None:
        self._found: list[Target] = []
        self._root = ""
        self._address: Address | None = None
        self._down = False
        self._open: set[int] | None = None
        self._port = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.EntityDeclHandler = _no_entities

    def feed(self, data: bytes, *, last: bool = False) -> list[Target]:
        """The hosts that are complete with this piece; `last` says that no other follows. Raises BadTargets."""
        try:
            self._parser.Parse(data, last)
        except (expat.ExpatError, LookupError, ValueError) as error:  # of an encoding that there is not
            raise BadTargets(f"The XML of the targets cannot be read: {error}.") from None
        found, self._found = self._found, []
        return found

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
            self._address = _named(given.get("addr", ""))
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


class Greppable:
    """The hosts of nmap's greppable form, a line or two each: `Host: ADDRESS (NAME)`, then fields behind tabs, of which
    `Status` and `Ports` (PORT/STATE/PROTOCOL/...) are read. Hosts that are down are left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0
        self._host: Target | None = None  # whose next line may still come

    def feed(self, data: bytes, *, last: bool = False) -> list[Target]:
        """The hosts that are complete with this piece; `last` says that no other follows. Raises BadTargets."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if last:
            lines.append(self._rest)
        elif len(self._rest) > LONGEST:
            raise BadTargets(f"Line {self._number + len(lines) + 1} of nmap's hosts is longer than {LONGEST} octets.")
        found = []
        for line in lines:
            self._number += 1
            if line.strip() and not line.startswith(b"#"):
                found += self._line(line.rstrip(b"\r"))
        if last and self._host is not None:
            found.append(self._host)
            self._host = None
        return found

    def _line(self, line: bytes) -> list[Target]:
        """The host before, where this line is about another one."""
        read = _HOST.fullmatch(line[:LONGEST])
        if read is None:
            raise BadTargets(f"Line {self._number} is none of nmap's (nmap -oG FILE): {ascii(line[:60])[1:]}.")
        address = _named(read[1].decode("latin-1"))
        fields = [field.strip() for field in read[2].split(b"\t")]
        before = self._host
        same = before if before is not None and before.address == address else None
        ports = same.open if same is not None else None
        for field in fields:
            if field.startswith(b"Ports: "):
                states = [_PORT.match(port) for port in field[7:].split(b",")]
                ports = frozenset(int(one[1]) for one in states if one and one[2] == b"open")
        self._host = None if b"Status: Down" in fields else Target(address=address, open=ports)
        return [] if same is not None or before is None else [before]


def begun(start: bytes) -> Xml | Greppable | None:
    """What reads a file that begins so, or None when nmap has not written it."""
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        return Xml()
    lines = [line for line in start.splitlines() if line.strip() and not line.startswith(b"#")]
    nmaps = lines[0].startswith(b"Host: ") if lines else start.startswith(b"# Nmap ")
    return Greppable() if nmaps else None


def _named(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise BadTargets(f"nmap names {ascii(text)[:60]}, which is no address.") from None


def _no_entities(*_: object) -> None:
    raise BadTargets("The XML of the targets declares entities, which nmap's never does.")
