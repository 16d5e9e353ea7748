"""Addresses and networks: parse what people type, one canonical form, and the names they have in DNS.

Pure. IPv4-mapped IPv6 addresses are the IPv4 address (one host has one name). Leading zeros are refused.
"""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: No text form of an address or network is longer; longer input is refused unread.
MOST = 64

#: How one is written, for who has typed something else.
ADDRESSES, NETWORKS = "192.0.2.1 or 2001:db8::1", "192.0.2.0/24 or 2001:db8::/32"

_OCTETS = tuple(map(str, range(256)))
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_PORT = re.compile(r":[0-9]{1,5}\Z")
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#]*).*", re.IGNORECASE)
_GROUPS = re.compile(r"[0-9a-z:.]+\Z", re.IGNORECASE)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)+\Z")


def parse_address(text: str) -> Address:
    """One address from what a person typed: blanks around it, `[...]`, and an `IPv6:` tag are let pass.

    Raises ValueError with one sentence, which quotes what was typed.
    """
    typed = bare = text.strip()[: MOST + 1]
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1].strip()
    if bare[:5].lower() == "ipv6:":
        bare = bare[5:]
    if not bare:
        raise ValueError(f"An IP address is needed, such as {ADDRESSES}.")
    if (found := _address(bare)) is None:
        raise ValueError(_no_network(bare) or _host(bare) or _unlike(typed, "address", ADDRESSES, amiss(typed)))
    return found


def parse_network(text: str) -> Network:
    """One network (`192.0.2.0/24`, `2001:db8::/32`) or a single address as its /32 or /128.

    Raises ValueError with one sentence, which quotes what was typed; host bits set are a mistake.
    """
    bare = text.strip()[: MOST + 1]
    if not bare:
        raise ValueError(f"An IP network or address is needed, such as {NETWORKS}.")
    head, slash, length = bare.partition("/")
    if not slash:
        with suppress(ValueError):
            return network_of(parse_address(bare))
    try:
        if "%" in bare or len(bare) > MOST or not (length.isascii() and length.isdigit()):
            raise ValueError
        network = ip_network(f"{head}/{length}", strict=False)
    except ValueError:
        raise ValueError(_host(bare) or _unlike(bare, "network", NETWORKS, _amiss_of_network(bare))) from None
    if ip_address(head) != network.network_address:
        raise ValueError(f"{_quoted(bare)} has bits set behind its prefix; {network} is the network.")
    if isinstance(network, IPv6Network):
        inner = network.network_address.ipv4_mapped
        if inner is not None and network.prefixlen >= 96:
            return IPv4Network((inner, network.prefixlen - 96))
    return network


def amiss(text: str) -> str:
    """What is wrong with a text that is nearly an address, no full stop, or "": whoever typed it knows then what to
    type."""
    bare = text.strip()[: MOST + 1]
    if len(bare) > MOST:
        return "it is longer than any"
    if (place := place_of_link(bare)) is not None:
        inside = _PORT.sub("", place)
        return f"it is a link; give {inside} alone" if _address(inside) else "it is a link"
    if "@" in bare:
        return "it is a mail address; the one that the server sends from is needed"
    head, zone, rest = bare.partition("%")
    if zone and _address(head):
        return f"leave out %{printable(rest)}, which a single machine knows"
    for part, what in ((_PORT.sub("", bare), "port"), (bare.rstrip("."), "dot"), (bare.partition("/")[0], "length")):
        if part != bare and _address(part) and (what != "port" or "." in part or part.endswith("]")):
            return f"give {part.strip('[]')} without the {what} behind it"
    if _ranged(bare):
        return "it is a range, and one address is needed"
    if bare.count(":") > 1 and _GROUPS.match(bare):
        return "one of IPv6 has eight groups of hexadecimal digits, or fewer and :: once"
    if _NUMBERS.match(bare):
        numbers = bare.split(".")
        if len(numbers) != 4:
            return "one of IPv4 has four numbers"
        if any(number[0] == "0" != number for number in numbers):
            return "a number with a zero in front is read in two ways; write it without"
        return "no number in one is above 255"
    return ""


def place_of_link(text: str) -> str | None:
    """Of a link the place that it leads to, perhaps with a port: what stands before and behind it is others' business.
    None of anything else."""
    return link[1] if (link := _LINK.fullmatch(text)) else None


def host_labels(word: str) -> list[str]:
    """The labels, in lower case, of what is written as a host's name, perhaps with a port; none of anything else, such
    as an address or a range, which end with a number (RFC 1123 2.1)."""
    labels = _PORT.sub("", word).lower().rstrip(".").split(".")
    named = len(labels) > 1 and all(_LABEL.match(label) for label in labels) and labels[-1][0].isalpha()
    return labels if named else []


def how_to_find(labels: list[str]) -> str:
    """How whoever has typed a host's name finds the addresses that it has, the end of a sentence."""
    return f"`dig +short {'.'.join(labels)[:253]}` names those that it has."


def canonical(address: Address) -> Address:
    """The one form: an IPv4-mapped IPv6 address becomes IPv4."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def network_of(address: Address) -> Network:
    """The /32 or /128 that holds just this address."""
    number = int(address)  # which is not written down and read again, as an address would be
    return IPv4Network(number) if isinstance(address, IPv4Address) else IPv6Network(number)


def text_at(version: int, number: int) -> str:
    """The text of the address with this number, as `str` has it: for those who write millions and make none."""
    if version == 4:
        octets = _OCTETS
        return f"{octets[number >> 24]}.{octets[number >> 16 & 255]}.{octets[number >> 8 & 255]}.{octets[number & 255]}"
    return str(IPv6Address(number))


def reversed_labels(address: Address) -> str:
    """The labels under a list's zone: reversed octets (RFC 5782 2.1) or 32 reversed nibbles (2.4)."""
    if isinstance(address, IPv4Address):
        return ".".join(reversed(str(address).split(".")))
    return ".".join(reversed(address.exploded.replace(":", "")))


def reverse_zone(network: Network) -> str:
    """The reverse zone of just this network (RFC 1035 3.5, RFC 3596 2.5), or "" for a prefix between two labels."""
    if network.prefixlen == 0 or network.prefixlen % label_bits(network):
        return ""
    labels = network.network_address.reverse_pointer.split(".")
    return ".".join(labels[(network.max_prefixlen - network.prefixlen) // label_bits(network) :])


def label_bits(network: Network) -> int:
    """Bits that one label of a reverse name stands for: an octet, or a nibble for IPv6."""
    return 8 if network.version == 4 else 4


def neighbourhood(address: Address) -> Network:
    """The network that counts as one requester or one neighbour: /24, or /48 for IPv6."""
    length = 24 if isinstance(address, IPv4Address) else 48
    return ip_network((address, length), strict=False)


def region(address: Address) -> Network:
    """The network that counts as one where somebody may have many neighbourhoods: /16, or /32 for IPv6."""
    return ip_network((address, 16 if address.version == 4 else 32), strict=False)


def printable(text: str) -> str:
    """What somebody typed, as he typed it; only what is not printable ASCII becomes a question mark."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)


def _address(text: str) -> Address | None:
    bare = text[1:-1].strip() if text.startswith("[") and text.endswith("]") else text
    if "%" in bare or len(bare) > MOST:
        return None
    with suppress(ValueError):
        return canonical(ip_address(bare))
    return None


def _ranged(bare: str) -> bool:
    """Whether it is an address to another one, or a pattern of addresses."""
    return ("-" in bare and any(map(_address, bare.split("-")[:2]))) or bool(re.match(r"[0-9.]+\.\*", bare))


def _amiss_of_network(bare: str) -> str:
    head, _, _ = bare.partition("/")
    if _ranged(bare):
        return f"a range is given as networks, such as {NETWORKS}"
    if "/" not in bare or "://" in bare or _address(head) is None:
        return amiss(bare if "://" in bare else head)
    most = 128 if ":" in head else 32
    return f"the length of its prefix stands behind /, a number up to {most}"


def _no_network(bare: str) -> str:
    """Of a network, that one address is needed, or ""."""
    with suppress(ValueError):
        if "/" in bare and (network := parse_network(bare)).num_addresses > 1:
            return f"{network} is a network, and one address is needed."
    return ""


def _host(bare: str) -> str:
    """Of a host's name, that addresses are needed, or ""."""
    place = place_of_link(bare)
    labels = host_labels(bare if place is None else place) if len(bare) <= MOST else []
    if not labels:
        return ""
    what = "host name" if place is None else "link"
    return f"{printable(bare)} is a {what}, and an address is needed: {how_to_find(labels)}"


def _unlike(typed: str, what: str, examples: str, why: str) -> str:
    ends = f": {why}." if why else f"; one is written {examples}."
    return f"{_quoted(typed)} is not an IPv4 or IPv6 {what}{ends}"


def _quoted(text: str) -> str:
    return f'"{printable(text)}"'
