"""The responder under load and change: nothing lost, nothing mixed, everything within a second, and a clean end."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from ipaddress import ip_network

import pytest
from dns_list import ZONE, OurList
from dns_servers import A, ask, query
from lab import Lab

pytestmark = pytest.mark.alone

ADDRESS = "127.0.0.20"
NAMES = 50
#: Seconds between two changes of the list under load, and how many there are.
PAUSE, CHANGES = 0.4, 12
#: Questions under way at once.
WINDOW = 16


@pytest.fixture(scope="module")
def ours(lab: Lab) -> OurList:
    made = OurList(lab, ADDRESS)
    made.add([ip_network("198.51.100.0/24")])
    made.serve()
    return made


class Load(threading.Thread):
    """Asks for the same names over and over; notes (sent, received, listed) of every answer in the order they came."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[float, float, bool]] = []
        self.lost = 0
        self._under_way: dict[int, float] = {}
        self._enough = threading.Event()
        with lab.inside("us"):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((ADDRESS, 53))

    def run(self) -> None:
        with suppress(ConnectionRefusedError):  # nobody listens there any more
            self._ask()
        self.lost += len(self._under_way)

    def _ask(self) -> None:
        packets = [query(f"{n}.2.0.192.{ZONE}", A) for n in range(NAMES)]
        number = 0
        while not self._enough.is_set() or self._under_way:
            while len(self._under_way) < WINDOW and not self._enough.is_set():
                number = (number + 1) % 65536
                self._under_way[number] = time.monotonic()
                self._socket.send(number.to_bytes(2) + packets[number % NAMES][2:])
            if not select.select([self._socket], [], [], 5)[0]:
                return
            reply = self._socket.recv(512)
            sent = self._under_way.pop(int.from_bytes(reply[:2]))
            assert reply[3] & 15 in (0, 3)
            self.seen.append((sent, time.monotonic(), reply[3] & 15 == 0))

    def stop(self) -> None:
        self._enough.set()
        self.join(20)
        self._socket.close()


def test_under_load_every_answer_is_the_old_one_or_the_new_one_and_none_is_lost(lab: Lab, ours: OurList) -> None:
    """A change of 50 names is one transaction. Once a new answer has come, every question sent later gets a new one."""
    networks = [ip_network(f"192.0.2.{n}/32") for n in range(NAMES)]
    load = Load(lab)
    load.start()
    began = time.monotonic()
    for n in range(CHANGES):
        time.sleep(PAUSE)
        (ours.drop if n % 2 else ours.add)(networks)
    time.sleep(PAUSE)
    load.stop()
    assert load.lost == 0
    versions, since = 0, 0.0
    for sent, received, listed in load.seen:
        if listed == bool(versions % 2):
            continue
        if sent > since:  # later than the first answer of the version before: this is a new version
            versions, since = versions + 1, received
    assert versions == CHANGES, f"{versions} changes were seen, {CHANGES} were made"
    rate = len(load.seen) / (time.monotonic() - began)
    print(f"{len(load.seen)} answers, {rate:.0f} a second, {CHANGES} changes of {NAMES} names, none lost or mixed")
    assert len(load.seen) > 1000


def test_what_is_added_and_deleted_shows_within_a_second(lab: Lab, ours: OurList) -> None:
    packets = [query(f"9.113.0.203.{ZONE}", A), query(f"{'.'.join('0' * 24 + '8bd01002')}.{ZONE}", A)]
    for network, packet in zip(("203.0.113.9", "2001:db8::/32"), packets, strict=True):
        for words, rcode in ((("listing", "add"), 0), (("listing", "drop"), 3)):
            assert ask(lab, ADDRESS, packet)[3] & 15 == 3 - rcode
            ours.command(*words, network, "--reason", "a test")
            done = time.monotonic()
            lab.wait_for(
                "the change", lambda packet=packet, rcode=rcode: ask(lab, ADDRESS, packet)[3] & 15 == rcode, 1, 0.01
            )
            print(f"{' '.join(words)} {network}: seen after {time.monotonic() - done:.2f} s")


def test_asked_to_end_it_ends_with_0_and_says_nothing_bad(lab: Lab, ours: OurList) -> None:
    """Under load, and with a TCP client that holds its connection."""
    assert ours.process is not None
    with lab.inside("us"), socket.create_connection((ADDRESS, 53), 5):
        load = Load(lab)
        load.start()
        time.sleep(0.3)
        os.kill(ours.process.pid, signal.SIGTERM)
        assert ours.process.wait(10) == 0
        load.stop()
    said = lab.log(ours.name)
    assert "Traceback" not in said
    assert "ERROR" not in said
