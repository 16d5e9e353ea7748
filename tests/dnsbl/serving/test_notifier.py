"""Secondaries are told of changes, again when they do not answer, and not for ever."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import dns.asyncquery
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest

from dnsbl.dns.listed.table import Table
from dnsbl.dns.zones import Zones
from dnsbl.model import Change
from dnsbl.serving.notifier import Notifier
from dnsbl.settings import Dns
from tests.dnsbl.serving.test_transfers import KEYS, ORIGIN, RING, ZONES
from tests.waiting import until


class Secondary(asyncio.DatagramProtocol):
    """Hears NOTIFY, and answers after so many tries."""

    def __init__(self, silent: int = 0) -> None:
        self.heard: list[dns.message.Message] = []
        self.silent = silent

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = dns.message.from_wire(data, keyring=RING)
        self.heard.append(message)
        if len(self.heard) > self.silent:
            self.transport.sendto(dns.message.make_response(message).to_wire(), addr)

    async def hears(self, count: int) -> None:
        await until(lambda: len(self.heard) >= count)


async def listening(silent: int = 0) -> tuple[Secondary, str]:
    loop = asyncio.get_running_loop()
    transport, secondary = await loop.create_datagram_endpoint(lambda: Secondary(silent), local_addr=("127.0.0.1", 0))
    return secondary, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"


def notifier(place: str, **timing: object) -> Notifier:
    settings = Dns.model_validate(
        {"listen": ["127.0.0.1:0"], "transfer": ["127.0.0.1 mirror"], "tsig_keys": "keys", "secondaries": [place]}
    )
    return Notifier(settings, ZONES, KEYS, **timing)  # type: ignore[arg-type]


def numbered(serial: int) -> Table:
    return Table.of([], serial=serial).numbered(0, since=serial, zones_digest=ZONES.digest)


def test_nobody_is_told_of_a_serial_that_stands_for_other_zones() -> None:
    telling, others = notifier("127.0.0.1:5"), Zones(tuple(ZONES), "other files")
    telling.table = old = numbered(5)
    telling._changed.clear()
    telling.zones = others
    telling.table = numbered(6)
    telling.table = numbered(6).numbered(9, since=6, zones_digest="-")
    assert not telling._changed.is_set()
    telling.table = numbered(6).numbered(9, since=6, zones_digest=others.digest)
    assert telling._changed.is_set()
    telling._changed.clear()
    telling.zones = ZONES  # a follower's files, which are behind its table
    assert not telling._changed.is_set()
    telling.table = old
    assert telling._changed.is_set()


async def test_secondaries_are_told_at_the_start_and_of_changes_with_the_new_serial() -> None:
    secondary, place = await listening()
    telling = notifier(place, between=0.05, again=3600.0)
    stop = asyncio.Event()
    running = asyncio.create_task(telling.run(stop))
    telling.table = table = numbered(5)
    await secondary.hears(1)
    for n in range(50):  # within one pause: one telling
        telling.table = table = table.changed(
            [Change(seq=6 + n, network=ip_network("192.0.2.1"), kind="manual", present=not n % 2)]
        )
    await secondary.hears(2)
    stop.set()
    await running
    [first, *_, last] = secondary.heard
    assert first.opcode() == dns.opcode.NOTIFY
    assert first.had_tsig
    assert first.flags & dns.flags.AA
    assert (first.question[0].name, first.question[0].rdtype) == (ORIGIN, dns.rdatatype.SOA)
    assert first.answer[0][0].serial == 5
    assert last.answer[0][0].serial == 55
    assert len(secondary.heard) == 2
    assert telling.counters["answered"] == 2
    secondary.transport.close()


async def test_a_secondary_that_does_not_answer_is_told_again_and_then_left() -> None:
    secondary, place = await listening(silent=2)
    telling = notifier(place, waits=(0.02, 0.02, 5.0))
    stop = asyncio.Event()
    running = asyncio.create_task(telling.run(stop))
    telling.table = numbered(5)
    await secondary.hears(3)
    assert len({message.id for message in secondary.heard}) == 1
    stop.set()
    await running
    secondary.transport.close()


async def test_a_secondary_that_has_answered_is_told_once_more_and_no_oftener() -> None:
    secondary, place = await listening()
    telling = notifier(place, between=0.01, again=0.01)
    stop = asyncio.Event()
    running = asyncio.create_task(telling.run(stop))
    telling.table = table = numbered(5)
    await until(lambda: telling.counters["answered"] == 2)
    assert [message.answer[0][0].serial for message in secondary.heard] == [5, 5]
    telling.table = table.changed([Change(seq=6, network=ip_network("192.0.2.1"), kind="manual", present=True)])
    await until(lambda: telling.counters["answered"] == 4)
    stop.set()
    await running
    assert [message.answer[0][0].serial for message in secondary.heard] == [5, 5, 6, 6]
    assert len({message.id for message in secondary.heard}) == 4
    secondary.transport.close()


async def test_nobody_at_home_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    secondary, place = await listening(silent=100)
    telling = notifier(place, waits=(0.01, 0.01))
    stop = asyncio.Event()
    running = asyncio.create_task(telling.run(stop))
    telling.table = numbered(5)
    await until(lambda: telling.counters["unanswered"])
    stop.set()
    await running
    assert f"{place} has not taken the news of bl.test: no answer" in caplog.text
    secondary.transport.close()
