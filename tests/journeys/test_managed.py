"""`dnsbl serve` under a service manager: what it is told, and sockets that outlive the process that answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import dns.message
import dns.query
import dns.rcode
import pytest

ZONE = """
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
"""
#: Execs with the sockets at the descriptors that sd_listen_fds(3) names, and with its own number.
STARTER = """
import fcntl, os, sys
count = int(sys.argv[1])
fds = [int(word) for word in sys.argv[2 : 2 + count]]
moved = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
for n, fd in enumerate(moved):
    os.dup2(fd, 3 + n)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "dnsbl", *sys.argv[2 + count :]])
"""
QUESTION = dns.message.make_query("2.0.0.127.bl.test", "A")


class Managed(NamedTuple):
    process: subprocess.Popen[bytes]
    notified: socket.socket
    place: tuple[str, int]
    web: str


@pytest.fixture
def managed(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Managed]:
    with ExitStack() as stack:
        notified = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(30)
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        tcp.bind(udp.getsockname())
        web = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        web.bind(("127.0.0.1", 0))
        for one in (tcp, web):
            one.listen()
        place, site = udp.getsockname(), web.getsockname()
        (tmp_path / "zones").mkdir()
        (tmp_path / "zones" / "bl.toml").write_text(ZONE)
        config = tmp_path / "config.toml"
        config.write_text(f'[dns]\nlisten = ["{place[0]}:{place[1]}"]\n[web]\nlisten = "{site[0]}:{site[1]}"\n')
        numbers = [one.fileno() for one in (udp, tcp, web)]
        words = ["serve", "--only", request.param, "--config", str(config)]
        process = subprocess.Popen(
            [sys.executable, "-c", STARTER, str(len(numbers)), *map(str, numbers), *words],
            pass_fds=numbers,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={
                **os.environ,
                "LISTEN_FDS": str(len(numbers)),
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "400000",
            },
        )
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
        yield Managed(process, notified, place, f"http://{site[0]}:{site[1]}")


def heard(managed: Managed, wanted: Callable[[str], bool]) -> str:
    """The first message of this kind, of those that come until then. The socket's own time-out is the bound."""
    while True:
        message = managed.notified.recv(65536).decode()
        if wanted(message):
            return message


def asked(managed: Managed, seconds: float = 10) -> dns.rcode.Rcode:
    return dns.query.udp(QUESTION, managed.place[0], port=managed.place[1], timeout=seconds).rcode()


@pytest.mark.parametrize("managed", ["dns", "dns,web"], indirect=True)
def test_a_manager_hears_of_the_start_life_reload_and_end(managed: Managed) -> None:
    heard(managed, lambda said: said == "READY=1")
    assert asked(managed) == dns.rcode.NOERROR
    assert dns.query.tcp(QUESTION, managed.place[0], port=managed.place[1], timeout=10).rcode() == dns.rcode.NOERROR
    heard(managed, lambda said: said.startswith("STATUS=at work: ") and "dns" in said)
    for _ in range(2):
        heard(managed, lambda said: said == "WATCHDOG=1")
    managed.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in heard(managed, lambda said: said.startswith("RELOADING=1"))
    heard(managed, lambda said: said == "READY=1")
    managed.process.send_signal(signal.SIGTERM)
    heard(managed, lambda said: said == "STOPPING=1")
    assert managed.process.wait(20) == 0


@pytest.mark.parametrize("managed", ["dns,web"], indirect=True)
def test_what_is_asked_while_nobody_answers_waits_in_the_socket_that_the_manager_opened(managed: Managed) -> None:
    heard(managed, lambda said: said == "READY=1")
    with urlopen(f"{managed.web}/healthz", timeout=10) as reply:
        assert reply.status == 200
    children = Path(f"/proc/{managed.process.pid}/task/{managed.process.pid}/children").read_text().split()
    answers = next(pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == "dnsbl dns\n")
    os.kill(int(answers), signal.SIGSTOP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(managed.place)
        client.settimeout(20)
        for _ in range(100):  # more than it takes at once
            client.send(QUESTION.to_wire())
        os.kill(int(answers), signal.SIGKILL)
        replies, end = 0, time.monotonic() + 20
        with suppress(TimeoutError):
            while replies < 100 and time.monotonic() < end:
                client.recv(4096)
                replies += 1
    assert replies >= 36, "at most one batch is lost with a process"
