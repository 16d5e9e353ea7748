"""The PROXY header, version 2: for whom a proxy in front of us asks (HAProxy's PROXY protocol specification, 2.2).

Pure and total. A header is believed from proxies that the settings name, which must send one, before each datagram and
once at the start of a connection; from everybody else it is a lie. Of what it tells only the client's address is looked
at: neither ports, nor the address that was asked, nor the values that may follow.
"""

from __future__ import annotations

from dnsbl.dns.guard import Prefixes

#: How every header begins, and its bytes before the addresses.
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FIXED = 16
#: A header of more bytes is not read from a connection.
MOST = 4096

_LOCAL, _PROXY = 0x20, 0x21
#: By family and transport: bytes of a client's address, and of all addresses and ports. Both transports are taken for
#: both, since a proxy may ask over TCP for a client that asked over UDP.
_SIZES = {0x11: (4, 12), 0x12: (4, 12), 0x21: (16, 36), 0x22: (16, 36)}
_MAPPED = bytes(10) + b"\xff\xff"


def size_of(data: bytes) -> int | None:
    """Bytes of the header that begins here, of which at least `FIXED` must be there; None when it is none."""
    if len(data) < FIXED or not data.startswith(SIGNATURE) or data[12] not in (_LOCAL, _PROXY):
        return None
    return FIXED + int.from_bytes(data[14:16])


def client_of(data: bytes, peer: bytes) -> tuple[bytes, int] | None:
    """(the client's packed address, bytes of the header) of a whole header that `peer` sent; None when it is none.

    What a proxy asks on its own account (LOCAL) is from itself, and so is what it tells no address of (2.2: UNSPEC).
    """
    size = size_of(data)
    if size is None or size > len(data):
        return None
    if data[12] == _LOCAL or data[13] == 0:
        return peer, size
    address, addresses = _SIZES.get(data[13], (0, 0))
    if not address or size < FIXED + addresses:
        return None
    client = data[FIXED : FIXED + address]
    return client[12:] if client.startswith(_MAPPED) else client, size


def seen(packet: bytes, peer: bytes, proxies: Prefixes[bool]) -> tuple[bytes, bytes] | None:
    """(the message, its client) in a datagram from `peer`; None when it is to be dropped: a proxy's without a header,
    or a header from anybody else.
    """
    if not proxies.of(peer):
        return None if packet.startswith(SIGNATURE) else (packet, peer)
    found = client_of(packet, peer)
    return None if found is None else (packet[found[1] :], found[0])
