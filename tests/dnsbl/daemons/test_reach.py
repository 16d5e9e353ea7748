"""Whether those whom a list dials could be dialled: seen without turning to anybody but this machine itself."""

from __future__ import annotations

import socket
import threading
from functools import partial
from ipaddress import ip_address
from typing import Any

import pytest

from dnsbl.addresses import Address
from dnsbl.daemons import FOLLOWING, ROLES, reach
from dnsbl.rules.checkup import Checked, Fitness, Heard
from dnsbl.settings import Settings

NAMES: dict[str, Heard] = {"mail.example": ("192.0.2.25", "2001:db8::25"), "gone.example": (), "silent.example": None}


async def looked(roles: tuple[str, ...] = ROLES, cut: str = "", **sections: Any) -> list[Checked]:
    async def find(name: str) -> Heard:
        return NAMES[name]

    def no_way(address: Address) -> str:
        return "Network is unreachable" if str(address) in cut.split() else ""

    return await reach.reach(Settings.model_validate(sections), roles, find, no_way)


def mail(host: str, port: int = 25) -> dict[str, Any]:
    return {"smarthost": host, "port": port, "sender": "list@relays.example"}


async def test_a_name_without_an_address_is_wrong_and_one_of_which_nobody_could_tell_is_not_known() -> None:
    [gone] = await looked(notices=mail("gone.example"))
    assert (gone.grade, gone.of) == (Fitness.WRONG, "notices.smarthost gone.example:25")
    assert "gone.example has no address" in gone.says and "correct notices.smarthost" in gone.do
    [silent] = await looked(notices=mail("silent.example"))
    assert silent.grade is Fitness.UNKNOWN


async def test_one_family_to_which_there_is_a_way_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("nobody else is dialled")

    monkeypatch.setattr(socket, "create_connection", never)
    [fine] = await looked(cut="2001:db8::25", notices=mail("mail.example"))
    assert fine.grade is Fitness.OK and "a way to mail.example:25; whether anybody answers" in fine.says
    [cut] = await looked(cut="2001:db8::25 192.0.2.25", notices=mail("mail.example"))
    assert (cut.grade, cut.do) == (Fitness.WRONG, "see `ip route get 192.0.2.25`")
    assert cut.says == "this machine has no way to mail.example:25: Network is unreachable"


async def test_this_machine_itself_is_dialled() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        [there] = await looked(dns={"secondaries": [f"127.0.0.1:{port}"]})
        assert (there.grade, there.says) == (Fitness.OK, f"somebody answers at 127.0.0.1:{port}")
    [gone] = await looked(dns={"secondaries": [f"127.0.0.1:{port}"]})
    assert gone.grade is Fitness.WRONG and f"nobody answers at 127.0.0.1:{port}" in gone.says


async def test_a_node_that_follows_looks_at_whom_it_follows_alone() -> None:
    key = "Zm9sbG93IHRoZSB3aGl0ZSByYWJiaXQsIHBsZWFzZS4="
    found = await looked(
        FOLLOWING, notices=mail("gone.example"), follow={"url": "https://mail.example/table", "key": key}
    )
    assert [one.of for one in found] == ["follow.url mail.example:443"]


OURS, HERE, THERE = b"220 mx.real.net ESMTP\r\n", ip_address("127.0.0.1"), ip_address("192.0.2.25")


def dialling(monkeypatch: pytest.MonkeyPatch, says: dict[str, bytes | None]) -> list[tuple[str, int, str]]:
    """Whom the look at the collector dials, and from where; by source what is said there."""
    dialled: list[tuple[str, int, str]] = []

    def greeting(host: str, port: int, source: Address | None = None) -> bytes | None:
        dialled.append((host, port, str(source)))
        return says[str(source)]

    monkeypatch.setattr(reach, "greeting", greeting)
    return dialled


def seen(*addresses: Address, sources: tuple[str, ...] = (), gone: tuple[Address, ...] = (THERE,)) -> list[Checked]:
    given = {
        "collector": {"hostname": "mx.real.net", "addresses": [str(THERE)]},
        "tester": {"source_addresses": ["127.0.0.1", *sources], "lab_networks": ["127.0.0.0/8", "192.0.2.0/24"]},
    }
    absent = partial(filter, gone.__contains__)
    return list(reach.collector(Settings.model_validate(given), addresses, lambda some: tuple(absent(some))))


def test_the_collector_is_dialled_at_our_own_addresses_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled = dialling(monkeypatch, {"127.0.0.1": None})
    found = seen(HERE, ip_address("198.51.100.7"))
    assert [one.grade for one in found] == [Fitness.WRONG, Fitness.UNKNOWN]
    assert dialled == [("127.0.0.1", 25, "127.0.0.1")]
    assert "does not answer from 127.0.0.1 at 127.0.0.1, port 25" in found[0].says


def test_it_is_dialled_from_each_address_that_we_test_from_and_have(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, other = ip_address("127.0.0.3"), ip_address("::1")
    dialled = dialling(monkeypatch, {"127.0.0.1": OURS, "127.0.0.2": OURS, "None": OURS})
    [fine] = seen(THERE, sources=("127.0.0.2", "127.0.0.3"), gone=(THERE, gone))
    assert (fine.grade, fine.says) == (Fitness.OK, "the collector answers at 192.0.2.25, port 25")
    assert [source for _, _, source in dialled] == ["127.0.0.1", "127.0.0.2"]
    dialled.clear()
    [fine] = seen(other, sources=("::1",), gone=(THERE, other))
    assert fine.grade is Fitness.OK and dialled == [("::1", 25, "None")], "of a family whose address is away"


def test_who_answers_in_its_place_on_the_way_there_is_told_and_what_that_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = b"220 proxy.isp.example \x1b[31m\xff" + b"x" * 90 + b"\r\n250 "
    dialling(monkeypatch, {"127.0.0.1": OURS, "127.0.0.2": proxy})
    [proxied] = seen(THERE, sources=("127.0.0.2",))
    assert proxied.grade is Fitness.WRONG
    assert 'somebody else answers from 127.0.0.2, with "220 proxy.isp.example ?[31m?xxx' in proxied.says
    assert len(proxied.says) < 200 and "(a proxy) answers port 25 for all" in proxied.do
    [here] = seen(HERE, sources=("127.0.0.2",))
    assert "ss -lntp" in here.do and "proxy" not in here.do, "what is on this machine nobody stands before"


def test_a_greeting_is_read_from_where_we_come(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(10)
        peers: list[str] = []

        def serve() -> None:
            for said in (OURS, b""):
                wire, (peer, _) = door.accept()
                with wire:
                    wire.sendall(said)
                peers.append(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = door.getsockname()[1]
        assert reach.greets(reach.greeting("127.0.0.1", port, ip_address("127.0.0.2")), "mx.real.net")
        assert reach.greeting("127.0.0.1", port) == b""
        thread.join()
    assert peers == ["127.0.0.2", "127.0.0.1"]
    assert reach.greeting("127.0.0.1", port) is None and not reach.greets(None, "mx.real.net")
