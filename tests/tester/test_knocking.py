"""Connections begun side by side: what each comes to."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from ipaddress import ip_address

import pytest

from bench.fleet import mute
from tester.knocking import Knocker
from tester.smtp import Outcome

HERE = ip_address("127.0.0.1")


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
    before = len(os.listdir("/proc/self/fd"))
    knocker = Knocker(0.2)
    found = await asyncio.gather(*(knocker.knock(ip_address(f"127.0.8.{n}"), unused_tcp_port) for n in range(1, 20)))
    assert set(found) == {Outcome.CONN_TIMEOUT}
    gc.collect()
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
    with pytest.raises(OSError, match="assign"):
        await Knocker(1).knock(HERE, unused_tcp_port, "192.0.2.1")
