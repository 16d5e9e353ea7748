from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.guard import Prefixes
from dnsbl.dns.proxied import FIXED, SIGNATURE, client_of, seen, size_of

PROXIES = Prefixes({ip_network("192.0.2.0/24"): True, ip_network("2001:db8::/32"): True})
PROXY, STRANGER = ip_address("192.0.2.1").packed, ip_address("203.0.113.9").packed


def header(client: str, *, command: int = 0x21, transport: int = 2, tail: bytes = b"") -> bytes:
    """What a proxy sends before a message of this client."""
    source = ip_address(client).packed
    addresses = source + bytes(len(source)) + b"\x12\x34\x00\x35" + tail
    family = 0x10 if len(source) == 4 else 0x20
    return SIGNATURE + bytes((command, family | transport)) + len(addresses).to_bytes(2) + addresses


@pytest.mark.parametrize("transport", [1, 2])
@pytest.mark.parametrize("tail", [b"", b"\x04\0\x03abc"])
@pytest.mark.parametrize("client", ["198.51.100.7", "2001:db9::7", "0.0.0.0"])
def test_b60_a_proxys_client_is_the_one_that_it_tells_of(client: str, tail: bytes, transport: int) -> None:
    packet = header(client, tail=tail, transport=transport) + b"message"
    for proxy in (PROXY, ip_address("2001:db8::1").packed):
        assert seen(packet, proxy, PROXIES) == (b"message", ip_address(client).packed)


def test_b60_a_mapped_address_is_of_ipv4() -> None:
    assert seen(header("::ffff:198.51.100.7") + b"x", PROXY, PROXIES) == (b"x", ip_address("198.51.100.7").packed)


@pytest.mark.parametrize(
    "head", [header("198.51.100.7", command=0x20), SIGNATURE + b"\x20\0\0\0", SIGNATURE + b"\x21\0\0\x02ab"]
)
def test_b60_what_a_proxy_asks_on_its_own_account_is_from_itself(head: bytes) -> None:
    assert seen(head + b"message", PROXY, PROXIES) == (b"message", PROXY)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"message",
        SIGNATURE,
        SIGNATURE + b"\x21\x11\0",
        header("198.51.100.7")[:-1],
        header("198.51.100.7", command=0x22),
        header("198.51.100.7", command=0x11),
        header("198.51.100.7", transport=0),
        header("198.51.100.7", transport=3),
        SIGNATURE + b"\x21\x31\0\xd8" + bytes(216),
        SIGNATURE + b"\x21\x12\0\x0b" + bytes(11),
        SIGNATURE + b"\x21\x21\0\x23" + bytes(35),
        SIGNATURE.replace(b"QUIT", b"QUIZ") + header("198.51.100.7")[12:],
    ],
)
def test_b60_a_proxys_datagram_without_a_sound_header_is_dropped(packet: bytes) -> None:
    assert seen(packet, PROXY, PROXIES) is None


@pytest.mark.parametrize("packet", [header("198.51.100.7") + b"message", SIGNATURE])
def test_b60_a_header_from_anybody_else_is_dropped(packet: bytes) -> None:
    assert seen(packet, STRANGER, PROXIES) is None
    assert seen(b"message", STRANGER, PROXIES) == (b"message", STRANGER)


@given(st.binary(max_size=80), st.booleans(), st.sampled_from([PROXY, STRANGER, ip_address("2001:db8::1").packed]))
def test_b60_whatever_comes_is_read_or_dropped(data: bytes, signed: bool, peer: bytes) -> None:
    packet = SIGNATURE + data if signed else data
    found = seen(packet, peer, PROXIES)
    if found is not None:
        assert packet.endswith(found[0]) and len(found[1]) in (4, 16)
    size = size_of(packet)
    assert size is None or size >= FIXED
    assert client_of(packet, peer) is None or size is not None
