"""A stranger tells the machine that the way to a client is narrow: replies leave whole all the same (RFC 9715).

Fragments of a reply are what off-path attackers can replace, and the kernel believes whoever sends "fragmentation
needed" (ICMP type 3, code 4), so such a word makes an ordinary socket's replies come in pieces.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterator

import pytest
from dns_list import ZONE, OurList
from dns_servers import TXT, query
from lab import CLIENT, RESPONDER, Lab

#: The way's width that is told, the least that the kernel believes by itself, and the port of the control.
NARROW, CONTROL = 552, 5353
BIG = "big"
#: Replies with so many bytes of zeros, from an ordinary socket.
ECHO = f"""
import socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("{RESPONDER}", {CONTROL}))
while True:
    udp.sendto(bytes(1100), udp.recvfrom(2048)[1])
"""


@pytest.fixture(scope="module")
def ours(lab: Lab) -> OurList:
    made = OurList(lab, RESPONDER)
    with (made.folder / "zones" / "list.toml").open("a") as file:
        for n in range(4):
            file.write(f'[[records]]\nname = "{BIG}"\ntype = "TXT"\ndata = "{n}{"x" * 249}"\n')
    made.serve()
    lab.popen("us", "control", [sys.executable, "-c", ECHO])
    return made


@pytest.fixture
def wire(lab: Lab) -> Iterator[socket.socket]:
    """All IPv4 packets that come to the client."""
    with lab.inside("client"):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    opened.settimeout(3)
    with opened:
        yield opened


def told(port: int, to: int) -> bytes:
    """ICMP, type 3 and code 4, about a reply of this port to that one of the client."""
    udp = struct.pack("!HHHH", port, to, 1108, 0)
    lost = struct.pack("!BBHHHBBH", 0x45, 0, 1128, 0, 0x4000, 64, 17, 0)
    lost += socket.inet_aton(RESPONDER) + socket.inet_aton(CLIENT)
    body = struct.pack("!HH", 0, NARROW) + lost + udp
    total = sum(struct.unpack(f"!{len(body) // 2}H", body)) + 0x0304
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!BBH", 3, 4, ~(total + (total >> 16)) & 0xFFFF) + body


@pytest.mark.parametrize("port", [CONTROL, 53], ids=["an ordinary socket", "ours"])
def test_b28_a_stranger_who_tells_of_a_narrow_way_gets_no_reply_cut_to_pieces(
    lab: Lab, ours: OurList, wire: socket.socket, port: int
) -> None:
    with lab.inside("client"):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with client, icmp:
        client.bind((CLIENT, 0))
        client.settimeout(3)
        packet = query(f"{BIG}.{ZONE}", TXT, edns=True)

        def asked() -> bytes:
            for _ in range(10):
                client.sendto(packet, (RESPONDER, port))
                try:
                    return client.recv(2048)
                except TimeoutError:
                    continue
            raise AssertionError("no reply")

        before = asked()
        assert len(before) > 1000
        icmp.sendto(told(port, client.getsockname()[1]), (RESPONDER, 0))
        lab.wait_for(
            "the kernel to believe it", lambda: f"mtu {NARROW}" in lab.run("us", ["ip", "route", "get", CLIENT]).stdout
        )
        wire.setblocking(False)
        while True:
            try:
                wire.recv(2048)
            except BlockingIOError:
                break
        after = asked()
        assert after == before
        seen, end = [], time.monotonic() + 0.5
        while time.monotonic() < end:
            try:
                seen.append(wire.recv(2048))
            except BlockingIOError:
                time.sleep(0.01)
        pieces = [ip for ip in seen if ip[9] == 17 and ip[12:16] == socket.inet_aton(RESPONDER)]
        assert pieces
        cut = any(int.from_bytes(ip[6:8]) & 0x3FFF for ip in pieces)  # "more fragments", or where one belongs
        assert cut == (port == CONTROL)
