"""Zone files for whoever keeps a copy: made at most so often, true to the store, with changes that lead to the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.zonefile import zones_from
from dnsbl.errors import StoreUnavailable
from dnsbl.model import Change
from dnsbl.serving.copies import ZoneFiles
from dnsbl.settings import Settings
from tests.dnsbl.serving.memory import Memory

ZONE = """
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "h.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "x"
"""
ZONES = zones_from({"z": ZONE}, site="https://s")


class Store(Memory):
    """A source in memory."""

    gone = 0  # how many of the oldest changes are forgotten

    def say(self, network: str, kind: str = "relay", *, present: bool = True) -> None:
        self.add(ip_network(network), kind, present)

    @property
    def away(self) -> bool:
        return self.broken is not None

    @away.setter
    def away(self, away: bool) -> None:
        self.broken = StoreUnavailable("away") if away else None

    def changes(self, after: int, *, most: int = 10000) -> list[Change]:
        return super().changes(max(after, self.gone), most=most)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def files(store: Store, clock: HandClock, tmp_path: Path) -> ZoneFiles:
    settings = Settings.model_validate(
        {
            "service": {"state_dir": tmp_path},
            "copies": {"valid_hours": 10, "feed_seconds": 60},
            "tester": {"lab_networks": ["192.0.2.0/24", "198.51.100.0/24"]},
        }
    )
    return ZoneFiles(store, settings, ZONES, clock)


def read(files: ZoneFiles) -> list[dict]:
    return [json.loads(line) for line in files.whole("bl.test").path.read_text().splitlines()]


def listed(lines: list[dict]) -> set[str]:
    return {line["network"] for line in lines[1:] if not line.get("test")}


def test_a_file_says_what_is_listed_when_it_was_made_and_how_long_it_holds(files, store, clock) -> None:
    store.say("192.0.2.1/32")
    store.say("10.0.0.0/8")  # which the list may not hold
    head, *_ = lines = read(files)
    assert listed(lines) == {"192.0.2.1/32"}
    assert head["made"] == f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"
    assert head["not_after"] == f"{clock.now() + timedelta(hours=10):%Y-%m-%dT%H:%M:%SZ}"
    assert head["state"] == "alive"


def test_a_file_is_made_when_something_changed_and_never_oftener_than_settings_say(files, store, clock) -> None:
    first = files.whole("bl.test")
    clock.turn(seconds=3600)
    assert files.whole("bl.test") is first, "nothing has changed"
    store.say("192.0.2.1/32")
    second = files.whole("bl.test")
    assert second.etag != first.etag
    store.say("192.0.2.2/32")
    clock.turn(seconds=59)
    assert files.whole("bl.test") is second
    clock.turn(seconds=1)
    assert listed(read(files)) == {"192.0.2.1/32", "192.0.2.2/32"}


def test_a_file_is_renewed_in_the_middle_of_its_time_and_outlives_the_store_until_its_end(files, store, clock) -> None:
    first = files.whole("bl.test")
    clock.turn(hours=5)
    second = files.whole("bl.test")
    assert second.not_after > first.not_after
    store.away = True
    clock.turn(hours=9)
    assert files.whole("bl.test") is second
    clock.turn(hours=1)
    with pytest.raises(StoreUnavailable):
        files.whole("bl.test")


def test_changes_lead_from_any_serial_that_the_log_knows_to_the_newest_file(files, store, clock) -> None:
    store.say("192.0.2.1/32")
    store.say("192.0.2.2/32")
    had = read(files)
    for say in (("192.0.2.1/32", False), ("198.51.100.0/24", True), ("192.0.2.2/32", False), ("192.0.2.2/32", True)):
        store.say(say[0], present=say[1])
    clock.turn(seconds=60)
    head, *steps = [json.loads(line) for line in files.changed("bl.test", had[0]["serial"])]
    held = listed(had)
    for step in steps:
        (held.discard if step.get("gone") else held.add)(step["network"])
    now = read(files)
    assert held == listed(now)
    assert (head["since"], head["serial"]) == (had[0]["serial"], now[0]["serial"])
    assert {"network": "192.0.2.1/32", "kind": "relay", "gone": True} in steps
    assert [json.loads(line) for line in files.changed("bl.test", now[0]["serial"])] == [
        now[0] | {"since": now[0]["serial"]}
    ]
    assert files.changed("bl.test", (had[0]["serial"] - 5) % 2**32) is None
    assert files.changed("bl.test", now[0]["serial"] + 1) is None
    assert files.changed("other.test", 1) is None
    store.gone = 4  # old changes are forgotten, and newer ones come
    for _ in range(9):
        store.say("203.0.113.0/24")
    assert files.changed("bl.test", had[0]["serial"]) is None, "a hole is no way from there"


def test_an_exception_is_a_line_and_a_tombstone_of_its_own(files, store, clock) -> None:
    store.say("192.0.2.0/24")
    had = read(files)[0]["serial"]
    store.say("192.0.2.7/32", "")
    clock.turn(seconds=60)
    assert json.loads(list(files.changed("bl.test", had))[1]) == {"network": "192.0.2.7/32", "exception": True}
    between = read(files)[0]["serial"]
    store.say("192.0.2.7/32", "", present=False)
    clock.turn(seconds=60)
    assert json.loads(list(files.changed("bl.test", between))[1])["gone"] is True
    assert ip_address("192.0.2.7") in ip_network(json.loads(list(files.changed("bl.test", had))[1])["network"])


def test_a_changed_zone_file_makes_another_file_at_once_and_a_zone_that_is_over_says_so(files, clock) -> None:
    before = read(files)[0]
    clock.turn(seconds=1)
    files.zones = zones_from({"z": "retires = 2026-01-01\n" + ZONE}, site="https://s", today=clock.now().date())
    head, *rest = read(files)
    assert (head["state"], head["retires"], rest) == ("ended", "2026-01-01", [])
    assert head["serial"] > before["serial"]


def test_a_zone_of_other_peoples_files_has_none(files) -> None:
    other = 'origin = "o.test"\n[[sources]]\ntype = "ip4set"\nfiles = ["x"]\n'
    files.zones = zones_from({"z": ZONE, "o": other}, site="https://s")
    assert files.names() == ["bl.test"]
    assert files.whole("o.test") is None


def test_nothing_is_read_twice_for_one_answer(files, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real: Callable[..., object] = store.snapshot
    monkeypatch.setattr(store, "snapshot", lambda: calls.append("snapshot") or real())
    for _ in range(5):
        files.whole("bl.test")
    assert calls == ["snapshot"]
