"""What is the plain engine's alone: the bounds of what it remembers. What it says is in test_equality."""

from ipaddress import ip_address

import pytest

from dnsbl.dns.engine import plain
from tests.dnsbl.dns.engine.both import PlainOne, both
from tests.dnsbl.dns.test_answer import packet_of


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "MOST_KNOWN", 0)
    monkeypatch.setattr(plain, "MOST_CLIENTS", 3)
    world = both("plain")
    for n in range(10):
        packet = packet_of({"name": "7.2.0.192.bl.test", "type": "A"})
        assert world.agree(packet, ip_address(f"198.51.100.{n}").packed)
    assert isinstance(world.engine, PlainOne)
    assert len(world.engine.engine._slots) <= 3
