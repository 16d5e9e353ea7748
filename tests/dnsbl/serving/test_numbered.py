"""A table for files has the serial that nodes give the same zones, and asks for one only where there is none."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from dnsbl.dns.listed.table import Table
from dnsbl.errors import StoreUnavailable
from dnsbl.model import Epoch
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.numbered import TRIES, current_table
from tests.dnsbl.serving.memory import Memory

A, B, WIDE = ip_network("192.0.2.1"), ip_network("192.0.2.2"), ip_network("10.0.0.0/8")


@pytest.fixture
def source() -> Memory:
    made = Memory()
    made.add(A)
    return made


def of(source: Memory, digest: str = "z") -> Table:
    return current_table(source, digest, Bounds(widest_ipv4=16))


def test_the_table_is_what_the_list_may_hold_in_the_epoch_of_its_zones(source: Memory) -> None:
    source.add(WIDE)
    source.epochs = [
        Epoch(base=1000, since=1, digest="z", made=source.now()),
        Epoch(base=99000, since=2, digest="y", made=source.now()),
    ]
    table = of(source)
    assert (table.soa_serial, table.since, table.zones_digest) == (1002, 1, "z")
    assert [network for network, _ in table.rows()] == [A]
    assert source.wishes == []


def test_zones_without_a_serial_get_one_once_and_every_change_is_a_step_of_one(source: Memory) -> None:
    first = of(source)
    source.add(B)
    assert of(source).soa_serial == first.soa_serial + 1
    assert of(source, "y").soa_serial > of(source).soa_serial
    assert of(source).soa_serial == first.soa_serial + 1, "older files make no new epoch"
    assert [wish.digest for wish in source.wishes] == ["z", "y"]


def test_a_change_between_look_and_epoch_makes_another_look(source: Memory) -> None:
    begin = source.epoch

    def busy(wish):  # the list changes before the epoch is begun
        source.add(B, present=not any(row[0] == B for row in source.rows))
        return begin(wish)

    source.epoch = busy  # type: ignore[method-assign]
    table = of(source)
    assert table.serial == 2 and {network for network, _ in table.rows()} == {A, B}


def test_a_list_that_never_stands_still_is_a_sentence(source: Memory) -> None:
    ahead = Epoch(base=1, since=10**6, digest="z", made=source.now())
    source.epoch = lambda wish: ahead  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable, match="faster than a serial"):
        of(source)
    assert source.snapshots == TRIES


def test_a_store_that_takes_no_change_is_a_sentence(source: Memory) -> None:
    source.closed = StoreUnavailable("The database takes no changes here.")
    with pytest.raises(StoreUnavailable, match="takes no changes"):
        of(source)
