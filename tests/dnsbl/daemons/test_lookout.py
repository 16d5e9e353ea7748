"""What the servers of our zones say, kept for whoever looks."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from dnsbl.clock import HandClock
from dnsbl.daemons import monitor
from dnsbl.daemons.lookout import OLD, Lookout
from dnsbl.errors import StoreUnavailable
from dnsbl.settings import Dns

RECORD = {"server": "192.0.2.53:53", "zone": "z", "serial": 1, "trouble": []}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []

    async def servers(*words: Any) -> list[dict[str, object]]:
        calls.append(1)
        await asyncio.sleep(0)
        if len(calls) == 3:
            raise StoreUnavailable("is away")
        return [RECORD | {"serial": len(calls)}]

    monkeypatch.setattr(monitor, "servers", servers)
    return calls


def looking(clock: HandClock, **dns: Any) -> Lookout:
    nobody: Any = SimpleNamespace()
    return Lookout(Dns(**dns), lambda: nobody, nobody, nobody, clock)


def test_who_looks_waits_for_nobody_and_old_news_are_asked_for_once(asked: list[int]) -> None:
    clock = HandClock()
    lookout = looking(clock)
    lookout.records()
    lookout.settled(30)
    assert lookout.records() == [RECORD] and len(asked) == 1
    clock.turn(seconds=OLD + 1)
    assert lookout.records()[0]["serial"] in (1, 2)
    lookout.settled(30)
    assert lookout.records()[0]["serial"] == 2 and len(asked) == 2


def test_a_store_that_is_away_leaves_what_was_known(asked: list[int]) -> None:
    clock = HandClock()
    lookout = looking(clock)
    for _ in range(3):
        lookout.records()
        lookout.settled(30)
        clock.turn(seconds=OLD + 1)
    assert lookout._found[0]["serial"] == 2 and len(asked) == 3


def test_where_there_is_no_server_nobody_is_asked(asked: list[int]) -> None:
    lookout = looking(HandClock(), listen=["127.0.0.1:0"])
    assert lookout.records() == []
    lookout.settled(1)
    assert asked == []
