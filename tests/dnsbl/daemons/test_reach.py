"""Whether those whom a list dials could be dialled: seen without turning to anybody but this machine itself."""

from __future__ import annotations

import socket
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
