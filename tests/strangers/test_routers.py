"""What routers, and hosts that would rather not be tested, can answer to a connection's first packet: a real kernel."""

from __future__ import annotations

import asyncio
import socket
import struct
from ipaddress import ip_address

import pytest
from lab import TESTER6, Lab

from tester.knocking import Knocker
from tester.smtp import Outcome

#: An address on the wire that nobody has, so that the kernel says nothing of it.
NOBODY, NOBODY6, RELAY6 = "198.51.100.99", "2001:db8::99", "2001:db8::7"


@pytest.fixture(scope="module")
def deaf(lab: Lab) -> Lab:
    """The lab, in which `relay` hears what is sent to nobody's addresses."""
    for host, address in (("us", TESTER6), ("relay", RELAY6)):
        lab.add_ipv6(host, address)
    (hardware,) = lab.run("relay", ["cat", "/sys/class/net/eth0/address"]).stdout.split()
    for address in (NOBODY, NOBODY6):
        lab.run("us", ["ip", "neigh", "add", address, "lladdr", hardware, "dev", "eth0", "nud", "permanent"])
    return lab


@pytest.mark.parametrize(
    ("version", "kind", "code"),
    [
        *((4, 3, code) for code in range(16)),
        *((4, kind, 0) for kind in (11, 12)),
        *((6, 1, code) for code in range(8)),
        *((6, kind, code) for kind in (2, 3, 4) for code in range(3)),
    ],
)
def test_no_icmp_message_passes_for_a_fault_of_our_own_machine(deaf: Lab, version: int, kind: int, code: int) -> None:
    """Else one host could end a survey of a million, and would never be tested to the end."""
    with deaf.inside("relay"):
        heard = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800 if version == 4 else 0x86DD))
        family, protocol = (
            (socket.AF_INET, socket.IPPROTO_ICMP) if version == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
        )
        answers = socket.socket(family, socket.SOCK_RAW, protocol)
    with heard, answers, deaf.inside("us"):
        assert asyncio.run(_knocked(version, heard, answers, bytes([kind, code]))) in (
            Outcome.CONN_UNREACH,
            Outcome.CONN_REFUSED,
            Outcome.CONN_TIMEOUT,
        )


async def _knocked(version: int, heard: socket.socket, answers: socket.socket, start: bytes) -> object:
    """What a knock comes to whose first packet is answered by a message that starts so."""
    heard.setblocking(False)
    target = ip_address(NOBODY if version == 4 else NOBODY6)
    async with asyncio.timeout(20):
        knock = asyncio.create_task(Knocker(1.0).knock(target, 25))
        at, protocol = (16, 9) if version == 4 else (24, 6)
        while True:
            packet = await asyncio.get_running_loop().sock_recv(heard, 2048)
            if packet[at:].startswith(target.packed) and packet[protocol] == socket.IPPROTO_TCP:
                break
        answer = start + bytes(6) + packet
        answer = start + struct.pack("!H", _checksum(answer)) + answer[4:]
        answers.sendto(answer, (str(ip_address(packet[12:16] if version == 4 else packet[8:24])), 0))
        return await knock


def _checksum(octets: bytes) -> int:
    """As RFC 1071 has it; of ICMPv6 the kernel makes its own."""
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
