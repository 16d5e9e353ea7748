"""The names of tests on their shelf."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from dnsbl.model import MxPair
from dnsbl.store import Store

NOW, LATER = datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1)
ONE = MxPair(label="t1", address=ip_address("192.0.2.25"), name="mx.host.example")
TWO = MxPair(label="t2", address=ip_address("2001:db8::25"), name="")


def test_a_name_is_there_until_its_time_is_over(store: Store) -> None:
    with store.write() as tx:
        tx.pairs.add(ONE, now=NOW, until=NOW + LATER)
        tx.pairs.add(TWO, now=NOW, until=NOW + 2 * LATER)
        assert tx.pairs.at(NOW) == [ONE, TWO]
        assert tx.pairs.at(NOW + LATER) == [TWO]


def test_what_is_over_goes_when_the_next_one_comes(store: Store) -> None:
    with store.write() as tx:
        tx.pairs.add(ONE, now=NOW, until=NOW + LATER)
        tx.pairs.add(TWO, now=NOW + LATER, until=NOW + 2 * LATER)
        assert tx.pairs.at(NOW) == [TWO]


def test_a_name_that_is_filed_again_has_its_new_facts(store: Store) -> None:
    with store.write() as tx:
        tx.pairs.add(ONE, now=NOW, until=NOW + LATER)
        named = MxPair(label="t1", address=TWO.address, name="")
        tx.pairs.add(named, now=NOW, until=NOW + 2 * LATER)
        assert tx.pairs.at(NOW + LATER) == [named]
