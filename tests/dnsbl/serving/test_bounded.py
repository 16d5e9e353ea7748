"""What the list may not hold is left out of tables and changes, and told once."""

from __future__ import annotations

import logging
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.dns.listed.table import Table
from dnsbl.model import Change
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.bounded import Bounded

IN, OUT, TOO = (ip_network(f"192.0.2.{n}") for n in (1, 2, 3))
BOUNDS = Bounds(special={4: ((int(OUT[0]), int(TOO[0]), "a test"),), 6: ()})


def bounded() -> tuple[Bounded, dict[str, int]]:
    counters = {"left_out": 0}
    return Bounded(BOUNDS, "the store", counters, logging.getLogger("here")), counters


def test_a_table_loses_all_that_may_not_be_held_with_one_alarm(caplog: pytest.LogCaptureFixture) -> None:
    one, counters = bounded()
    held = one.table(Table.of([(IN, "relay"), (OUT, "relay"), (TOO, "relay")]))
    assert [held.kinds(ip_address(network[0])) for network in (IN, OUT, TOO)] == [("relay",), (), ()]
    assert (one.left_out, counters) == (OUT, {"left_out": 2})
    words = f"{OUT} is in the store, but the list may not hold it: left out, as are 1 others"
    assert caplog.record_tuples == [("here", logging.WARNING, words)]


def test_a_listing_that_may_not_be_held_has_no_effect_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    one, counters = bounded()
    for seq, network in enumerate((OUT, OUT, TOO), 1):
        change = Change(seq=seq, network=network, kind="relay", present=True)
        assert one.change(change) == Change(seq=seq, network=network, kind="relay", present=False)
    assert (one.left_out, counters) == (TOO, {"left_out": 2})
    assert [record.args and record.args[0] for record in caplog.records] == [OUT, TOO]


def test_what_may_be_held_and_every_end_of_a_listing_pass() -> None:
    one, counters = bounded()
    for change in (
        Change(seq=1, network=IN, kind="relay", present=True),
        Change(seq=2, network=OUT, kind="relay", present=False),
    ):
        assert one.change(change) is change
    assert (one.left_out, counters) == (None, {"left_out": 0})
