"""Addresses and networks: parse what people type, one canonical form, and the names they have in DNS.

Pure. IPv4-mapped IPv6 addresses are the IPv4 address (one host has one name). Leading zeros are refused.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: No text form of an address or network is longer; longer input is refused unread.
MOST = 64

_OCTETS = tuple(map(str, range(256)))


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
        raise ValueError("An IP address is needed.")
    if "%" in bare or len(bare) > MOST:
        raise ValueError("This is not an IP address.")
    try:
        return canonical(ip_address(bare))
    except ValueError:
        raise ValueError(f"{_quoted(typed)} is not an IPv4 or IPv6 address.") from None


def parse_network(text: str) -> Network:
    """One network (`192.0.2.0/24`, `2001:db8::/32`) or a single address as its /32 or /128.

    Raises ValueError with one sentence, which quotes what was typed; host bits set are a mistake.
    """
    bare = text.strip()[: MOST + 1]
    if not bare or "%" in bare or len(bare) > MOST:
        raise ValueError("This is not an IP network.")
    try:
        if "/" not in bare:
            return network_of(parse_address(bare))
        head, _, length = bare.partition("/")
        if not (length.isascii() and length.isdigit()):
            raise ValueError
        network = ip_network(f"{head}/{length}", strict=False)
    except ValueError:
        raise ValueError(f"{_quoted(bare)} is not an IPv4 or IPv6 network.") from None
    if ip_address(head) != network.network_address:
        raise ValueError(f"{_quoted(bare)} has bits set behind its prefix; {network} is the network.")
    if isinstance(network, IPv6Network):
        inner = network.network_address.ipv4_mapped
        if inner is not None and network.prefixlen >= 96:
            return IPv4Network((inner, network.prefixlen - 96))
    return network


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


def _quoted(text: str) -> str:
    return f'"{printable(text)}"'
