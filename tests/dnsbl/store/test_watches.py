"""Watches on their shelf."""

from __future__ import annotations

from ipaddress import ip_network

from dnsbl.model import Watch
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import Reason, WatchWay
from tests.dnsbl.store.samples import NOW

NET = ip_network("192.0.2.0/24")


def add(tx: Transaction, token: str, way: WatchWay = WatchWay.MAIL, told: int = 0) -> Watch:
    return tx.watches.add(
        token=token, secret="s", network=NET, way=way, target="a@x.example", how="so", told=told, at=NOW
    )


def test_who_is_behind_is_found_until_he_is_told_or_has_ended_and_a_reader_never_is(store: Store) -> None:
    with store.write() as tx:
        one, two = add(tx, "one"), add(tx, "two", told=5)
        add(tx, "three", WatchWay.FEED)
        assert [w.token for w in tx.watches.behind(5, most=9)] == ["one"]
        assert tx.watches.tell([one], 5) == 1
        assert tx.watches.tell([one], 6) == tx.watches.tell([], 6) == 0, "nobody is told of the same twice"
        assert tx.watches.behind(5, most=9) == []
        assert len(tx.watches.behind(6, most=9)) == 2
        assert tx.watches.numbered(two.id) == two
        tx.watches.end(two, NOW)
        assert [w.token for w in tx.watches.behind(6, most=9)] == ["one"]
        assert tx.watches.numbered(two.id) is None
        assert tx.watches.tell([two], 6) == 0
        assert tx.watches.find("two") is None and tx.watches.find("one") is not None
        assert (tx.watches.count(), tx.watches.count(NET), tx.watches.count(ip_network("192.0.2.0/25"))) == (2, 2, 0)
        assert [w.token for w in tx.watches.all(most=9)] == ["one", "three"]
        assert tx.watches.same(NET, WatchWay.MAIL, "a@x.example") is not None
        assert tx.watches.same(NET, WatchWay.WEBHOOK, "a@x.example") is None


def test_news_of_a_network_are_what_lies_in_it_and_came_since(store: Store) -> None:
    with store.write() as tx:
        for text in (
            "192.0.1.255/32",
            "192.0.2.0/32",
            "192.0.2.0/25",
            "192.0.2.255/32",
            "192.0.3.0/32",
            "192.0.0.0/16",
        ):
            tx.listings.add([ip_network(text)], kind="manual", since=NOW, expires=None, reason=Reason.OPERATOR)
        last = tx.listings.last()
        found = [str(one.network) for one in tx.listings.news(NET, 0, upto=last, most=9)]
        assert found == ["192.0.2.0/32", "192.0.2.0/25", "192.0.2.255/32"]
        first = tx.listings.news(NET, 0, upto=last, most=1)
        assert [str(one.network) for one in tx.listings.news(NET, first[0].id, upto=last, most=9)] == found[1:]
