"""Rows, changes and whole tables to test with."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from random import Random

from hypothesis import strategies as st

from dnsbl.addresses import Address, Network
from dnsbl.dns.listed.table import Table
from dnsbl.model import Change

Row = tuple[Network, str]


def rows(*texts: str) -> list[Row]:
    return [(ip_network(text.split()[0]), text.partition(" ")[2]) for text in texts]


def change(seq: int, network: str, kind: str, present: bool = True) -> Change:
    return Change(seq=seq, network=ip_network(network), kind=kind, present=present)


def brute(listed: list[Row], address: Address) -> tuple[str, ...]:
    """The definition, row by row."""
    covering = [(n.prefixlen, kind) for n, kind in listed if n.version == address.version and address in n]
    nearest = max((length for length, kind in covering if kind == ""), default=-1)
    return tuple(sorted({kind for length, kind in covering if kind and length >= nearest}))


def dumped(table: Table) -> bytes:
    return b"".join(table.parts())


def loaded(data: bytes) -> Table:
    table = Table.over(memoryview(data))
    table.verify()
    return table


# A corner of each address space, so that networks meet: 8 free bits.
def _v4(offset: int, length: int) -> IPv4Network:
    return IPv4Network((0xC0000200 + offset, 24 + length), strict=False)


def _v6(offset: int, length: int) -> IPv6Network:
    return IPv6Network((int(IPv6Address("2001:db8::")) + offset, 120 + length), strict=False)


def _wide_v6(offset: int, length: int) -> IPv6Network:
    return IPv6Network((int(IPv6Address("2001:db8::")) + (offset << 72), 48 + length), strict=False)


NETWORKS = st.builds(
    lambda make, offset, length: make(offset, length),
    st.sampled_from([_v4, _v6, _wide_v6]),
    st.integers(0, 255),
    st.integers(0, 8),
)


ROWS = st.lists(st.tuples(NETWORKS, st.sampled_from(["relay", "manual", ""])), max_size=12)


def corner(network: Network) -> list[Address]:
    """All addresses of a small network; of a wide one, one in each of its /56."""
    step = 1 if network.num_addresses <= 256 else 1 << 72
    return [network[n] for n in range(0, network.num_addresses, step)]


EVERYWHERE = [address for make in (_v4, _v6, _wide_v6) for address in corner(make(0, 0))][::11]


def many(count: int) -> list[Row]:
    """Rows of every width, enough for guides, with dense and empty parts."""
    drawn = Random(5)
    found: list[Row] = []
    for _ in range(count):
        low = drawn.getrandbits(12)
        found += [
            (IPv4Network(drawn.choice([low, drawn.getrandbits(32)])), "relay"),
            (IPv4Network((drawn.getrandbits(18) << 14, 18)), ""),
            (IPv6Network((0x20010DB8 << 96 | low << drawn.choice([64, 80]), 64)), "relay"),
            (IPv6Network(0x20010DB8 << 96 | low << 90 | drawn.getrandbits(6)), "manual"),
            (IPv6Network(0x20010DB8 << 96 | drawn.getrandbits(30)), "close"),
        ]
    return found


def arrays(table: Table) -> list[tuple[object, ...]]:
    """All that lies in memory, guides too."""
    return [tuple(bytes(part) if isinstance(part, memoryview) else part for part in one) for one in table.bands()]
