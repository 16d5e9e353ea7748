"""What `python -m tester` may be told: its words, each read and bounded. Opens no file that they name, and looks up
nothing but this machine's own name.

An option takes one word at most, with commas where it may be several things, so that none takes the address behind it.
"""

from __future__ import annotations

import argparse
import re
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path as File
from typing import Any, NoReturn

from tester.cli import remote
from tester.vectors import PROFILES

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Hosts tested beside each other, at most.
MOST_AT_ONCE = 32

DESCRIPTION = """\
Test whether the mail server at ADDRESS relays mail from a stranger to a stranger, and print the conversation.

Letters are addressed to the collector domain, whose MX must point to this machine: only a letter that comes back to
the collector, which listens here while the test runs, shows an open relay. Test only servers that are yours, or that
you have a reason to test.

Exit status: 0 closed, 1 open, 2 could not be told (or nothing was tested)."""


class _Words(argparse.ArgumentParser):
    """Ends with one sentence where the words are wrong."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where all words are told; ends with 2."""
        self.exit(2, f"{self.prog}: {message}; see `{self.prog} -h`.\n")


def parser() -> argparse.ArgumentParser:
    """Reads the command line. We speak in this machine's name unless we are told another."""
    words = _Words(
        prog="python -m tester", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = socket.gethostname()
    add = words.add_argument
    add(
        "address",
        metavar="ADDRESS",
        type=_address,
        nargs="*",
        help="IPv4 or IPv6 address, no names; several are those of one host",
    )
    add("--targets", metavar="FILE", type=File, help="hosts to test: a list, an address a line, or nmap's (-oX or -oG)")
    add(
        "--networks",
        metavar="NETWORK,...|FILE",
        action="append",
        default=[],
        help="your own networks, or a file of them; every host of --targets must lie in one",
    )
    add("--at-once", metavar="N", type=_count, default=4, help="hosts of --targets at once; default: %(default)s")
    add(
        "--ports",
        "--port",
        metavar="PORT,...",
        type=_ports,
        default=(25,),
        help="ports to try, such as 25,587,2525,465 (465 begins with TLS); default: 25",
    )
    add(
        "--both-families",
        action="store_true",
        help="try the host's addresses of the other family too: those that its names lead to, and back",
    )
    add("--profile", choices=tuple(PROFILES), default="standard", help="forms to try; default: %(default)s")
    add("--explain", action="store_true", help="say why an open host relays, and what closes it")
    add("--progress", action="store_true", help="say how far it is, in place of the conversation")
    add(
        "--collector",
        metavar="ADDR:PORT",
        type=_endpoint,
        help="where the collector listens; default: port 25 of every address",
    )
    add(
        "--collector-domain",
        metavar="D",
        type=_name,
        default=here,
        help="domain of the recipients; its MX must point to this machine; default: %(default)s",
    )
    add("--bounce-domain", metavar="D", type=_name, help="domain of the senders; default: the collector domain")
    add(
        "--served-domain",
        metavar="D",
        type=_name,
        help="a domain that the server takes mail for, for the forms of the full profile that need one",
    )
    add("--helo", metavar="NAME", type=_name, default=here, help="our name in EHLO; default: %(default)s")
    add("--source", metavar="ADDR", type=_address, help="address to dial from")
    add(
        "--lab",
        metavar="NETWORK,...",
        type=_labs,
        action="extend",
        default=[],
        help="special-purpose networks that may be dialled, for laboratories",
    )
    add(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        default=60.0,
        help="how long to wait for accepted letters after a conversation; default: %(default)s",
    )
    remote.arguments(add)
    add("--json", action="store_true", help="one JSON document on stdout, the rest on stderr")
    return words


def _needed(what: str, read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Reads one word, and says what is needed where it is none."""

    def needed(text: str) -> Any:
        try:
            return read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{what} is needed (is {text[:60]!a})") from None

    return needed


def _one_address(text: str) -> Address:
    return ip_address(text.strip("[]"))


def _one_endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not 0 <= int(port) <= 65535:
        raise ValueError(port)
    return str(_one_address(host)), int(port)


def _some_ports(text: str) -> tuple[int, ...]:
    found = tuple(dict.fromkeys(int(word) for word in text.split(",")))
    if not all(0 < port <= 65535 for port in found) or len(found) > 10:
        raise ValueError(text)
    return found


def _some_networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(word) for word in text.split(","))


def _so_many(text: str) -> int:
    if not 1 <= int(text) <= MOST_AT_ONCE:
        raise ValueError(text)
    return int(text)


def _so_long(text: str) -> float:
    if not 0 <= float(text) < float("inf"):  # nor nan, which is neither
        raise ValueError(text)
    return float(text)


def _one_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", text):
        raise ValueError(text)
    return text.lower()


_address = _needed("an IPv4 or IPv6 address", _one_address)
_endpoint = _needed("ADDRESS:PORT, such as 192.0.2.1:25 or [2001:db8::1]:25,", _one_endpoint)
_ports = _needed("a port, or up to ten with commas, such as 25,587,", _some_ports)
_labs = _needed("a network, or several with commas, such as 10.0.0.0/8,", _some_networks)
_count = _needed(f"a number from 1 to {MOST_AT_ONCE}", _so_many)
_seconds = _needed("a number of seconds", _so_long)
_name = _needed("a domain name, such as c.example.org,", _one_name)
