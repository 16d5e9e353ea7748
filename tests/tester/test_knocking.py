"""Connections begun side by side: what each comes to."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from bench.fleet import mute
from tester.errors import Undialled
from tester.knocking import CONNECT_ERRORS, Knocker, no_way
from tester.smtp import Outcome

HERE = ip_address("127.0.0.1")


@pytest.fixture(autouse=True)
def _unswept() -> Iterator[None]:
    """No descriptor that another test has left to the collector is closed while these are counted."""
    gc.disable()
    yield
    gc.enable()


async def test_a_connection_that_stands_is_handed_over(unused_tcp_port: int) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", unused_tcp_port)
    async with server:
        found = await Knocker(5).knock(HERE, unused_tcp_port, "127.0.0.9")
        assert isinstance(found, socket.socket)
        assert found.getpeername()[0] == "127.0.0.1"
        assert found.getsockname()[0] == "127.0.0.9"
        found.close()


async def test_a_refusal_is_told_at_once_on_both_families(unused_tcp_port: int) -> None:
    knocker = Knocker(60)
    async with asyncio.timeout(5):
        assert await knocker.knock(HERE, unused_tcp_port) is Outcome.CONN_REFUSED
        assert await knocker.knock(ip_address("::1"), unused_tcp_port) is Outcome.CONN_REFUSED


async def test_silence_ends_when_patience_does_and_leaves_nothing_open(unused_tcp_port: int) -> None:
    silent = [mute(f"127.0.8.{n}", unused_tcp_port) for n in range(1, 20)]
    gc.collect(1)  # what is young: all of this test
    before = len(os.listdir("/proc/self/fd"))
    knocker = Knocker(0.2)
    found = await asyncio.gather(*(knocker.knock(ip_address(f"127.0.8.{n}"), unused_tcp_port) for n in range(1, 20)))
    assert set(found) == {Outcome.CONN_TIMEOUT}
    gc.collect(1)  # what is young: all of this test
    assert len(os.listdir("/proc/self/fd")) == before
    for one in silent:
        one.close()


async def test_who_comes_later_has_the_same_patience(unused_tcp_port: int) -> None:
    silent, knocker, loop = mute("127.0.8.1", unused_tcp_port), Knocker(0.3), asyncio.get_running_loop()
    first = asyncio.create_task(knocker.knock(ip_address("127.0.8.1"), unused_tcp_port))
    await asyncio.wait([first], timeout=0.15)
    began = loop.time()
    assert await knocker.knock(ip_address("127.0.8.1"), unused_tcp_port) is Outcome.CONN_TIMEOUT
    assert loop.time() - began >= 0.29
    assert await first is Outcome.CONN_TIMEOUT
    silent.close()


async def test_who_is_broken_off_is_let_go(unused_tcp_port: int) -> None:
    silent, knocker = mute("127.0.8.1", unused_tcp_port), Knocker(60)
    before = len(os.listdir("/proc/self/fd"))
    task = asyncio.create_task(knocker.knock(ip_address("127.0.8.1"), unused_tcp_port))
    await asyncio.wait([task], timeout=0.05)
    task.cancel()
    await asyncio.wait([task])
    assert len(os.listdir("/proc/self/fd")) == before
    silent.close()


async def test_an_address_that_is_not_ours_is_our_own_fault(unused_tcp_port: int) -> None:
    with pytest.raises(Undialled, match="assign"):
        await Knocker(1).knock(HERE, unused_tcp_port, "192.0.2.1")


def begun(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Every connection is begun, and comes to this error."""

    async def end(*_: object) -> int:
        return number

    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: errno.EINPROGRESS, raising=False)
    monkeypatch.setattr(Knocker, "_end", end)


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.ECONNREFUSED, Outcome.CONN_REFUSED),
        (errno.ECONNRESET, Outcome.CONN_REFUSED),
        (errno.ETIMEDOUT, Outcome.CONN_TIMEOUT),
        (errno.ENETUNREACH, Outcome.CONN_UNREACH),
        (errno.EHOSTUNREACH, Outcome.CONN_UNREACH),
        (errno.EHOSTDOWN, Outcome.CONN_UNREACH),
        (errno.EACCES, Outcome.CONN_UNREACH),
        (errno.ENOPROTOOPT, Outcome.CONN_UNREACH),
        (errno.ENONET, Outcome.CONN_UNREACH),
        (errno.EOPNOTSUPP, Outcome.CONN_UNREACH),
        (errno.EPROTO, Outcome.CONN_UNREACH),
    ],
)
async def test_whatever_the_target_or_a_router_answers_to_our_first_packet_is_said_of_the_target(
    monkeypatch: pytest.MonkeyPatch, number: int, outcome: Outcome
) -> None:
    """One host that answers with a rare ICMP message would else end a survey, and its own test, as our own fault."""
    begun(monkeypatch, number)
    assert await Knocker(60).knock(HERE, 25) is outcome
    assert await Knocker(60).connect(HERE, 25) == number
    assert {number: outcome}.items() <= CONNECT_ERRORS.items()


OURS = (
    *(errno.EADDRNOTAVAIL, errno.EAGAIN, errno.EMFILE, errno.ENOBUFS, errno.EAFNOSUPPORT, errno.EINVAL),
    *(errno.EPERM, errno.ENETDOWN, errno.ECONNABORTED),
)


@pytest.mark.parametrize("number", [*OURS, errno.EACCES, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT])
async def test_what_is_said_before_any_packet_can_have_come_back_is_said_of_no_target(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Without a free port, or a route of ours, every host would come out as one that cannot be reached."""
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: number, raising=False)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Undialled) as raised:
        await Knocker(60).knock(HERE, 25)
    assert (raised.value.errno, str(raised.value)) == (
        number,
        f"This machine cannot dial 127.0.0.1: {os.strerror(number)}.",
    )
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("number", OURS)
async def test_what_no_answer_brings_about_is_our_own_fault_whenever_it_comes(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    begun(monkeypatch, number)
    with pytest.raises(Undialled):
        await Knocker(60).knock(HERE, 25)


async def test_a_machine_without_a_socket_cannot_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socket", none)
    with pytest.raises(Undialled, match="Too many open files"):
        await Knocker(60).knock(HERE, 25)
    assert no_way(HERE) == "Too many open files"


def test_whether_there_is_a_way_is_seen_without_a_packet() -> None:
    assert (no_way(HERE), no_way(HERE, "127.0.0.9"), no_way(ip_address("::1"))) == ("", "", "")
    assert no_way(HERE, "192.0.2.77") == "Cannot assign requested address"
    assert no_way(ip_address("240.0.0.1"), "127.0.0.1"), "nobody is reached from there"


async def test_a_connection_that_stands_at_once_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: 0, raising=False)
    found = await Knocker(60).knock(HERE, 25)
    assert isinstance(found, socket.socket)
    found.close()


async def test_one_address_of_ours_begins_many_connections(unused_tcp_port: int) -> None:
    silent = mute("127.0.8.1", unused_tcp_port)
    knocker = Knocker(0.1)
    knocks = (knocker.knock(ip_address("127.0.8.1"), unused_tcp_port, "127.0.0.9") for _ in range(3))
    assert await asyncio.gather(*knocks) == [Outcome.CONN_TIMEOUT] * 3
    silent.close()


async def test_a_hundred_silent_addresses_cost_one_timer_and_none_is_left(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A survey waits for thousands at once."""
    silent, loop, timers = mute("127.0.8.1", unused_tcp_port), asyncio.get_running_loop(), []
    call_at = loop.call_at

    def counted(*arguments: Any, **more: Any) -> asyncio.TimerHandle:
        timers.append(arguments)
        return call_at(*arguments, **more)

    monkeypatch.setattr(loop, "call_at", counted)
    knocker = Knocker(60)
    knocks = [asyncio.create_task(knocker.knock(ip_address("127.0.8.1"), unused_tcp_port)) for _ in range(100)]
    await asyncio.sleep(0)
    assert (len(timers), len(knocker._waiting)) == (1, 100)
    for one in knocks:
        one.cancel()
    await asyncio.wait(knocks)
    assert not knocker._waiting
    silent.close()


async def test_an_answer_in_the_very_moment_in_which_patience_ends_counts(unused_tcp_port: int) -> None:
    """A fault in the timer would end nobody's waiting any more."""
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    with socket.create_server(("127.0.0.1", unused_tcp_port)):
        found = await Knocker(0.0).knock(HERE, unused_tcp_port)
    assert isinstance(found, socket.socket) and faults == []
    found.close()
