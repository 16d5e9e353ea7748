"""Who is signed in, and who has tried, as the store keeps them."""

from __future__ import annotations

from dataclasses import replace

from dnsbl.model import SignIn
from dnsbl.store import Store
from dnsbl.store.sign_ins import Tries
from tests.dnsbl.store.samples import NOW, later

ONE = SignIn(token="one", name="ada", place="192.0.2.0/24", begun=NOW, seen=NOW)


def test_a_sign_in_is_found_seen_and_ended(store: Store) -> None:
    with store.write() as tx:
        tx.sign_ins.begin(ONE)
        tx.sign_ins.begin(replace(ONE, token="two", begun=later(hours=1)))
        tx.sign_ins.begin(replace(ONE, token="three", name="bob"))
        tx.sign_ins.seen("one", later(minutes=5))
        assert tx.sign_ins.read("one") == replace(ONE, seen=later(minutes=5)) and tx.sign_ins.read("x") is None
        assert [one.token for one in tx.sign_ins.of("ada")] == ["two", "one"]
        assert tx.sign_ins.end("one") and not tx.sign_ins.end("one")
        tx.sign_ins.begin(ONE)
        assert tx.sign_ins.end_all("ada", but="one") == 1 and tx.sign_ins.end_all("ada") == 1
        assert [one.token for one in tx.sign_ins.of("bob")] == ["three"]


def test_what_is_over_is_dropped(store: Store) -> None:
    with store.write() as tx:
        tx.sign_ins.begin(ONE)
        tx.sign_ins.begin(replace(ONE, token="two", begun=later(hours=2), seen=later(hours=2)))
        tx.sign_ins.begin(replace(ONE, token="three", begun=later(hours=2), seen=NOW))
        tx.sign_ins.forget(begun=later(hours=1), seen=later(hours=1))
        assert [one.token for one in tx.sign_ins.of("ada")] == ["two"]


def test_tries_are_counted_by_whoever_is_counted_and_forgotten(store: Store) -> None:
    with store.write() as tx:
        assert tx.sign_ins.tried(["a"]) == {}
        tx.sign_ins.count("a", 1, NOW)
        tx.sign_ins.count("a", 2, later(minutes=1))
        tx.sign_ins.count("known", 0, NOW)
        assert tx.sign_ins.tried(["a", "b", "known"]) == {"a": Tries(2, later(minutes=1)), "known": Tries(0, NOW)}
        tx.sign_ins.forget_tries(later(days=1), known=later(days=-1))
        assert list(tx.sign_ins.tried(["a", "known"])) == ["known"]
        tx.sign_ins.forget_tries(later(days=1), known=later(hours=1))
        assert tx.sign_ins.tried(["a", "known"]) == {}
