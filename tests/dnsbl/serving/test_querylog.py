import asyncio
import logging
from ipaddress import ip_address
from itertools import pairwise

import dns.message
import pytest

from dnsbl.dns.guard import Keys
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zonefile import zones_from
from dnsbl.serving import querylog as module
from dnsbl.serving.querylog import QueryLog
from dnsbl.serving.responder import Responder
from dnsbl.settings import Dns
from tests.waiting import until

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
V4, V6 = ip_address("192.0.2.77").packed, ip_address("2001:db8:1:2::3").packed


@pytest.fixture
def responder() -> Responder:
    dns_settings = Dns(acl=["198.51.100.0/24 drop"], rate_errors=1, rate_slip=2)
    return Responder(dns_settings, zones_from({"bl": ZONE}, site="https://s.example"), Table.of([]))


def log_of(responder: Responder, every: int = 1) -> QueryLog:
    responder.watcher = log = QueryLog(responder.serving, every=every)
    return log


def ask(responder: Responder, name: str, rdtype: str = "A", *, client: bytes = V4, tcp: bool = False) -> None:
    responder.reply(dns.message.make_query(name, rdtype).to_wire(), client, tcp=tcp)


def written(log: QueryLog, caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.INFO):
        log.write()
    return [record.getMessage() for record in caplog.records]


def test_whole_addresses_are_logged_only_where_that_is_asked_for(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    responder.watcher = log = QueryLog(responder.serving, every=1, whole=True)
    ask(responder, "3.3.3.3.bl.test")
    ask(responder, "bl.test", "SOA", client=V6)
    assert written(log, caplog) == [
        "192.0.2.77 udp 3.3.3.3.bl.test A rcode=3",
        "2001:db8:1:2::3 udp bl.test SOA rcode=0",
    ]


def test_b54_a_line_has_the_clients_network_but_not_its_address(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    log = log_of(responder)
    ask(responder, "3.3.3.3.bl.test")
    ask(responder, "2.0.0.127.BL.test", "TXT", client=V6, tcp=True)
    ask(responder, "bl.test", "TYPE4711")
    assert written(log, caplog) == [
        "192.0.2.0/24 udp 3.3.3.3.bl.test A rcode=3",
        "2001:db8:1::/48 tcp 2.0.0.127.bl.test TXT rcode=0",
        "192.0.2.0/24 udp bl.test TYPE4711 rcode=0",
    ]


def test_b54_no_control_byte_and_no_key_is_written(responder: Responder, caplog: pytest.LogCaptureFixture) -> None:
    responder.serving.keys = Keys()
    log = log_of(responder)
    ask(responder, r"\027[31m\010fake.bl.test")
    ask(responder, "7.2.0.192.0123456789abcdefghij.bl.test")
    lines = written(log, caplog)
    assert [line.split()[2] for line in lines] == [r"\027[31m\010fake.bl.test", "7.2.0.192.KEY.bl.test"]
    assert all(line.isprintable() for line in lines)


def test_b54_one_of_so_many_is_logged(responder: Responder, caplog: pytest.LogCaptureFixture) -> None:
    log = log_of(responder, every=10)
    for n in range(1, 36):
        ask(responder, f"{n}.bl.test")
    names = [int(line.split()[2].split(".")[0]) for line in written(log, caplog)]
    assert len(names) == 3
    assert all(later - earlier == 10 for earlier, later in pairwise(names))


def test_what_was_not_sent_is_told_and_what_was_never_read_is_not_there(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    responder.serving.pace = type(responder.serving.pace)(errors=1, slip=2)
    log = log_of(responder)
    for _ in range(4):
        ask(responder, "example.org")
    ask(responder, "bl.test", client=ip_address("198.51.100.1").packed)
    assert [line.split(" A ")[1] for line in written(log, caplog)] == ["rcode=5", "rcode=5", "rate", "rcode=5 slip"]


def test_b54_a_full_queue_loses_lines_and_counts_them(
    responder: Responder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 5)
    log = log_of(responder)
    for _ in range(8):
        ask(responder, "bl.test")
    assert log.lost == 3
    assert len(written(log, caplog)) == 5
    ask(responder, "bl.test")
    assert log.lost == 3


async def test_run_writes_what_waits_and_the_rest_at_the_end(
    responder: Responder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.001)
    log = log_of(responder)
    stop = asyncio.Event()
    with caplog.at_level(logging.INFO):
        running = asyncio.create_task(log.run(stop))
        ask(responder, "bl.test")
        await until(lambda: caplog.records)
        ask(responder, "bl.test")
        stop.set()
        await running
    assert len(caplog.records) == 2
