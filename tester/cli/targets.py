"""Text of a file -> the hosts to test: a plain list of addresses, or what nmap writes. Pure.

A list is dialled only as far as it lies in networks that whoever starts the test has named as his own, whole or not at
all: one address outside of them, and nothing of it is tested. Files are bounded before they are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tester import nmap
from tester.errors import BadTargets
from tester.nmap import Target

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Octets of a file, and hosts in it, that are read.
MOST_OCTETS, MOST_HOSTS = 16 * 1024 * 1024, 4096
#: Shortest prefixes of what may be called a network of one's own.
WIDEST = {4: 8, 6: 20}


def read(data: bytes) -> list[Target]:
    """The hosts of a file, each once, in its order. Raises BadTargets."""
    if len(data) > MOST_OCTETS:
        raise BadTargets(f"The file of targets is larger than {MOST_OCTETS >> 20} MiB; cut it into several.")
    reader = nmap.begun(data)
    found = _listed(data) if reader is None else reader.feed(data, last=True)
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
