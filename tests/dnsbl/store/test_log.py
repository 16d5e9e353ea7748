"""The transparency log on its shelf."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from dnsbl.errors import StoreUnavailable
from dnsbl.log.tiles import ENTRIES, Tile
from dnsbl.store import Store
from dnsbl.store.log import Bundle, KeptCheckpoint, LogKey
from tests.dnsbl.store.samples import NOW, later


def test_a_log_begins_once_and_comes_on(store: Store) -> None:
    with store.write() as tx:
        assert tx.log.state() is None
        tx.log.begin(origin="log.example", salts=b"s" * 32, at=NOW)
        tx.log.come_to(size=7, entry=5, change=2)
        state = tx.log.state()
        assert state is not None and (state.size, state.entry, state.change) == (7, 5, 2)
        assert (state.origin, state.salts, state.begun) == ("log.example", b"s" * 32, NOW)
    with pytest.raises(StoreUnavailable), store.write() as tx:
        tx.log.begin(origin="other.example", salts=b"", at=NOW)


def test_tiles_and_bundles_grow_in_their_place(store: Store) -> None:
    with store.write() as tx:
        tx.log.put_tiles({(0, 0): b"a", (1, 0): b"b"})
        tx.log.put_tiles({(0, 0): b"aa"})
        for number, entry, change in ((0, 0, 0), (1, 200, 56), (2, 200, 312)):
            tx.log.put_bundle(Bundle(number=number, entry=entry, change=change, content=b"x"))
        tx.log.put_bundle(Bundle(number=2, entry=200, change=312, content=b"xx"))
        assert tx.log.content(Tile(0, 0, 2)) == b"aa" and tx.log.content(Tile(1, 0, 1)) == b"b"
        assert tx.log.content(Tile(1, 1)) is None and tx.log.content(Tile(ENTRIES, 2, 1)) == b"xx"
        found = [tx.log.bundle_of(entry=200), tx.log.bundle_of(entry=201), tx.log.bundle_of(change=56)]
        assert [bundle.number if bundle else None for bundle in found] == [0, 2, 0]
        assert tx.log.bundle_of(change=0) is None
        assert tx.log.bundle(1) is not None and tx.log.bundle(3) is None


def test_of_one_size_there_is_one_checkpoint(store: Store) -> None:
    first, second = (KeptCheckpoint(size=size, root=b"r", note="n", at=later(hours=size)) for size in (3, 9))
    with store.write() as tx:
        assert tx.log.newest() is None
        tx.log.add_checkpoint(first)
        tx.log.add_checkpoint(second)
        tx.log.note(9, "signed")
        assert tx.log.newest() == KeptCheckpoint(size=9, root=b"r", note="signed", at=second.at)
        assert tx.log.checkpoint(3) == first and tx.log.checkpoint(4) is None
    with pytest.raises(StoreUnavailable), store.write() as tx:
        tx.log.add_checkpoint(KeptCheckpoint(size=3, root=b"other", note="", at=NOW))


def test_keys_stay_known_when_a_log_is_given_up(store: Store) -> None:
    with store.write() as tx:
        tx.log.begin(origin="log.example", salts=b"", at=NOW)
        tx.log.add_key(LogKey(vkey="log.example+1+b", since=later(days=1)))
        tx.log.add_key(LogKey(vkey="log.example+2+a", since=NOW))
        tx.log.add_key(LogKey(vkey="log.example.net+2+a", since=NOW))
        tx.log.end_key("log.example+2+a", later(days=2))
        tx.log.clear()
        assert tx.log.state() is None
        keys = tx.log.keys("log.example")
        assert [(key.vkey, key.ended) for key in keys] == [
            ("log.example+2+a", later(days=2)),
            ("log.example+1+b", None),
        ]


def test_changes_come_with_their_time(store: Store) -> None:
    with store.write() as tx:
        tx.changes.add([ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")], "spam", present=True, at=NOW)
        (step,) = tx.log.steps(1, most=5)
        assert (step.seq, step.network, step.kind, step.present, step.at) == (
            2,
            ip_network("2001:db8::/32"),
            "spam",
            True,
            NOW,
        )
