"""The responder under far more questions than it can answer: it loses what is too much, and nothing else."""

from __future__ import annotations

import random
import re
import sys
import time
from ipaddress import ip_network
from pathlib import Path
from urllib.request import urlopen

import pytest
from dns_list import ZONE, OurList
from dns_servers import NS, A, ask, query
from lab import Lab

pytestmark = pytest.mark.alone

ADDRESS = "127.0.0.21"
METRICS = "127.0.0.21:9153"
IN, CH, NOERROR, REFUSED = 1, 3, 0, 5
#: Seconds of the flood; those after which all must be as before it; and what the memory may grow by meanwhile.
FLOOD, AFTER, GROWTH = 6, 1.0, 20 * 1024
#: Sends the packets of a file (in hexadecimal, a line each) for so many seconds from 64 ports as fast as it can, waits
#: for nothing, reads nothing; says how many it sent, and when by the machine's clock it had done.
SENDER = """
import itertools, socket, sys, time
host, seconds, path = sys.argv[1:]
packets = [bytes.fromhex(line) for line in open(path)]
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(64)]
for opened in sockets:
    opened.connect((host, 53))
    opened.setblocking(False)
sent, ways, end = 0, itertools.cycle(opened.send for opened in sockets), time.monotonic() + float(seconds)
while time.monotonic() < end:
    for packet, send in zip(packets, ways):
        try:
            send(packet)
            sent += 1
        except BlockingIOError:
            pass
print(sent, time.monotonic())
"""


@pytest.fixture(scope="module")
def ours(lab: Lab) -> OurList:
    made = OurList(lab, ADDRESS, dns=[f'metrics_listen = "{METRICS}"'])
    made.add([ip_network("198.51.100.0/24")])
    made.serve()
    return made


def status(pid: int, word: str) -> int:
    """A line of what the kernel says of a process; KiB."""
    [found] = re.findall(rf"^{word}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found)


def metrics(lab: Lab) -> dict[str, float]:
    """The samples of the page, by name and labels as they are written there."""
    with lab.inside("us"), urlopen(f"http://{METRICS}/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


@pytest.mark.parametrize(
    ("asked", "kind", "engine"),
    [("7.100.51.198.", A, True), ("", NS, True), ("7.100.51.198.", A, False)],
    ids=["common", "the zone's own", "handed over"],
)
def test_b56_after_a_flood_all_is_as_before_it_and_what_was_lost_is_counted(
    lab: Lab, ours: OurList, asked: str, kind: int, engine: bool
) -> None:
    """Of what the engine answers itself, this machine cannot send too much; what it hands over, it can."""
    assert ours.process is not None
    pid = ours.process.pid
    end = bytes([0, IN if engine else CH])
    listed = query(f"{asked}{ZONE}", kind)[:-2] + end
    before = ask(lab, ADDRESS, listed)
    assert before[3] & 15 == (NOERROR if engine else REFUSED)
    chance = random.Random(56)
    names = [".".join(str(chance.randrange(256)) for _ in range(4)) if asked else "" for _ in range(4096)]
    packets = lab.folder / "flood"
    asking = (query(f"{name}.{ZONE}".lstrip("."), kind)[:-2] + end for name in names)
    packets.write_text("".join(f"{packet.hex()}\n" for packet in asking))
    first, memory = metrics(lab), status(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the highest point of its memory is counted from now

    said = lab.run("us", [sys.executable, "-c", SENDER, ADDRESS, str(FLOOD), str(packets)]).stdout.split()
    sent, ended = int(said[0]), float(said[1])
    while True:
        try:
            reply = ask(lab, ADDRESS, listed, seconds=0.2)
            break
        except TimeoutError:
            assert time.monotonic() - ended < AFTER, "no answer within a second of the end of the flood"
    took = time.monotonic() - ended
    assert took < AFTER
    assert reply == before

    assert ours.process.poll() is None
    grown = status(pid, "VmHWM") - memory
    assert grown < GROWTH, f"{grown} KiB more memory"
    last = metrics(lab)

    def counted(name: str) -> float:
        return sum(value - first.get(sample, 0) for sample, value in last.items() if sample.startswith(name))

    taken, dropped = counted('dnsbl_dns_queries_total{transport="udp"}'), counted("dnsbl_dns_socket_drops_total")
    unsent, answered = counted('dnsbl_dns_dropped_total{reason="unsent"}'), counted("dnsbl_dns_replies_total")
    assert sent <= taken + dropped <= sent + 10, "every message was taken or counted as dropped"
    assert taken == answered + unsent
    assert answered > 0
    if not engine:
        assert dropped + unsent > sent // 100, "the flood was no flood"
    assert counted("dnsbl_dns_answer_seconds_count") == pytest.approx(answered / 64, abs=3)
    log = lab.log(ours.name)
    assert "Traceback" not in log
    assert "ERROR" not in log
    print(
        f"{sent / FLOOD:.0f} a second sent, {answered / FLOOD:.0f} answered, {(dropped + unsent) / FLOOD:.0f} dropped; "
        f"an answer {took * 1000:.0f} ms after; {grown} KiB more at most"
    )
