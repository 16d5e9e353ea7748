"""A flood of connections to one role leaves the others as they were, with no more descriptors than usual."""

from __future__ import annotations

import resource
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest
from house import LISTED, ZONE, Asking, House, children

from dnsbl.addresses import parse_address, reversed_labels

#: What a process gets unless its administrator says otherwise.
FEW = ["prlimit", "--nofile=1024:1024"]
#: What all of it may cost: megabytes of memory and octets of log.
MEMORY, LOG = 60, 20_000

Houses = Callable[..., House]


@pytest.fixture(autouse=True)
def many_descriptors() -> None:
    """We ourselves need more than the list."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class OverTcp(Asking):
    """The same over TCP, each question on a connection of its own."""

    def _ask(self) -> None:
        name = f"{reversed_labels(parse_address(self._address))}.{ZONE}"
        while not self._enough.wait(0.02):
            answer = "SILENT"
            with suppress(dns.exception.DNSException, OSError, EOFError):
                reply = dns.query.tcp(dns.message.make_query(name, "A"), "127.0.0.1", port=self._house.dns, timeout=2)
                answer = reply.answer[0][0].to_text() if reply.answer else "NOTHING"
            self.asked += 1
            self.lost += answer == "SILENT"
            if answer not in self.answers[-1:]:
                self.answers.append(answer)


class Posting(threading.Thread):
    """Brings mail to the collector all the time, from an address that is not the flood's."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self._house, self._enough = house, threading.Event()
        self.brought, self.lost = 0, 0

    def __enter__(self) -> Posting:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()

    def run(self) -> None:
        while not self._enough.wait(0.2):
            try:
                with smtplib.SMTP(
                    "127.0.0.1", self._house.collector, timeout=5, source_address=("127.200.0.1", 0)
                ) as to:
                    to.ehlo("client.test")
                    assert to.mail("a@client.test")[0] == 250
                    assert to.rcpt("postmaster@c.test")[0] == 250
                self.brought += 1
            except (smtplib.SMTPException, OSError, AssertionError):
                self.lost += 1


@contextmanager
def flood(port: int, count: int, said: bytes = b"", *, sources: int = 1) -> Iterator[list[socket.socket]]:
    """So many connections that say this and nothing more, from so many networks; opened again when they are ended."""
    enough, clients = threading.Event(), []

    def connect(number: int) -> socket.socket:
        client = socket.socket()
        client.setblocking(False)
        client.bind((f"127.{1 + number % sources}.0.1", 0))
        client.connect_ex(("127.0.0.1", port))
        return client

    def keep_up() -> None:
        while not enough.wait(0.05):
            for number, client in enumerate(clients):
                ended = False
                try:
                    if said:
                        client.send(said)
                    ended = client.recv(4096) == b""
                except BlockingIOError:
                    pass
                except OSError:
                    ended = True
                if ended and number % 10 == 0:  # some come again at once
                    client.close()
                    clients[number] = connect(number)

    clients += [connect(number) for number in range(count)]
    thread = threading.Thread(target=keep_up, daemon=True)
    thread.start()
    try:
        yield clients
    finally:
        enough.set()
        thread.join()
        for client in clients:
            client.close()


def memory(pid: int) -> float:
    """Megabytes that a process and its children have in memory."""
    total = 0.0
    for each in (pid, *children(pid)):
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                total += int(line.split()[1]) / 1024
    return total


FLOODS = {
    "1,500 idle connections to the web": ("web", 1500, b"", 1),
    "1,500 idle connections to the web, from everywhere": ("web", 1500, b"", 200),
    "520 half requests": ("web", 520, b"GET / HTTP/1.1\r\nX-A: b", 1),
    "520 half bodies": ("web", 520, b"POST /remove HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", 100),
    "500 idle connections to the collector": ("collector", 500, b"", 1),
    "500 that say NOOP to the collector, from everywhere": ("collector", 500, b"NOOP\r\n", 100),
    "1,500 idle connections to DNS itself": ("dns", 1500, b"", 1),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_connections_reaches_no_other_role_and_costs_little(
    houses: Houses, name: str, record_property: Callable[[str, object], None]
) -> None:
    role, count, said, sources = FLOODS[name]
    house = houses()
    house.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    process = house.serve(before=FEW)
    house.until("the listing", lambda: house.ask("8.8.8.8") == LISTED)
    house.until("the pages", lambda: house.page("/")[0] == 200)
    before, logged = memory(process.pid), len(house.said())
    port = {"web": house.web, "collector": house.collector, "dns": house.dns}[role]
    with (
        Asking(house, "8.8.8.8") as udp,
        OverTcp(house, "8.8.8.8") as tcp,
        Posting(house) as posting,
        flood(port, count, said, sources=sources),
    ):
        time.sleep(2)
        house.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
        house.until("the feed", lambda: house.ask("9.9.9.9") == LISTED)
        pages = [house.page("/")[0] for _ in range(10)]
        time.sleep(2)
        cost = memory(process.pid) - before
    told = len(house.said()) - logged
    print(f"\n{name}: {cost:.0f} MB, {told} octets logged, {udp.lost} of {udp.asked} answers lost over UDP, ", end="")
    print(
        f"{tcp.lost} of {tcp.asked} over TCP, {posting.lost} of {posting.brought + posting.lost} letters, pages {pages}"
    )
    assert process.poll() is None
    assert (udp.answers, udp.lost) == ([LISTED], 0)
    assert (tcp.answers, tcp.lost) == ([LISTED], 0) and tcp.asked > 20
    assert pages == [200] * 10, "and the web itself answers, from the very network of the flood"
    assert posting.brought > 5
    if role != "collector":
        assert posting.lost == 0
    assert cost < MEMORY and told < LOG
    assert "Traceback" not in house.said()
    house.until("the pages afterwards", lambda: house.page("/")[0] == 200)
    if role != "dns":
        assert f'dnsbl_troubles_total{{server="{role}"' in house.page("/metrics")[1]
