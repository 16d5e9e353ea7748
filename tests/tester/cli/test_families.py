"""Which addresses of the other family are believed to be the same machine."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

import pytest

from tester.cli import families

HERE, TWIN = ip_address("192.0.2.25"), ip_address("2001:db8::25")


def test_a_name_that_leads_back_shows_the_other_family() -> None:
    assert families.proven(HERE, [HERE, TWIN, ip_address("192.0.2.26"), TWIN]) == (TWIN,)
    assert families.proven(TWIN, [HERE, TWIN]) == (HERE,)


def test_a_name_that_does_not_lead_back_shows_nothing() -> None:
    assert families.proven(HERE, [TWIN]) == ()


def test_only_a_few_are_taken() -> None:
    many = [ip_address(int(TWIN) + n) for n in range(20)]
    assert families.proven(HERE, [HERE, *many]) == tuple(many[:4])


async def test_the_resolver_is_asked_for_the_reverse_name_and_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getnameinfo(at: tuple[str, int], flags: int) -> tuple[str, str]:
        assert (at, flags) == (("192.0.2.25", 0), socket.NI_NAMEREQD)
        return "mx.example.net", "0"

    async def getaddrinfo(name: str, port: None) -> list[Any]:
        assert name == "mx.example.net"
        return [(0, 0, 0, "", (str(address), 0)) for address in (HERE, TWIN)]

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getnameinfo", getnameinfo)
    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    assert await families.others(HERE) == (TWIN,)


async def test_an_address_of_the_wire_is_told_with_its_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getnameinfo(*_: object) -> tuple[str, str]:
        return "mx.local", "0"

    async def getaddrinfo(*_: object) -> list[Any]:
        return [(0, 0, 0, "", ("fe80::25%eth0", 0, 0, 2)), (0, 0, 0, "", ("192.0.2.25", 0))]

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getnameinfo", getnameinfo)
    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    assert await families.others(HERE) == (ip_address("fe80::25"),)


@pytest.mark.parametrize(
    "fault",
    [
        socket.gaierror(socket.EAI_NONAME, "no name"),
        TimeoutError(),
        UnicodeError("label empty or too long"),  # whoever owns the address writes its reverse name
    ],
)
@pytest.mark.parametrize("question", ["getnameinfo", "getaddrinfo"])
async def test_without_a_name_there_is_nothing(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, question: str
) -> None:
    async def named(*_: object) -> tuple[str, str]:
        return "mx..example", "0"

    async def nobody(*_: object) -> Any:
        raise fault

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getnameinfo", named)
    monkeypatch.setattr(loop, question, nobody)
    assert await families.others(HERE) == ()
