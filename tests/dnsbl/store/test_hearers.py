"""Who is told what comes of a test."""

from __future__ import annotations

from dnsbl.store import Store
from dnsbl.store.hearers import MOST


def test_each_reader_is_told_once_and_there_are_never_many(store: Store) -> None:
    with store.write() as tx:
        for reader in ("b@x.example", "A@x.example", "a@X.example"):
            tx.hearers.add("run", reader)
        assert tx.hearers.of("run") == ["a@x.example", "b@x.example"]
        for number in range(10):
            tx.hearers.add("run", f"{number}@x.example")
        assert len(tx.hearers.of("run")) == MOST
        tx.hearers.told("run")
        assert tx.hearers.of("run") == []
