"""What is known of feeds."""

from __future__ import annotations

from dnsbl.model import FeedState
from dnsbl.store import Store
from tests.dnsbl.store.samples import NOW, later


def test_a_claimed_feed_is_due_later_and_keeps_what_is_known_of_it(store: Store) -> None:
    with store.write() as tx:
        tx.feeds.claim("ann", "/list", later(hours=1))
        assert tx.feeds.all() == [FeedState(name="ann", place="/list", due=later(hours=1))]
        tx.feeds.note("ann", NOW, "5 rows", etag='"a"', modified="Thu")
        tx.feeds.claim("ann", "/list", later(hours=2))
        kept = FeedState(
            name="ann", place="/list", due=later(hours=2), etag='"a"', modified="Thu", asked=NOW, said="5 rows"
        )
        assert tx.feeds.all() == [kept]
        tx.feeds.note("ann", later(hours=1), "cannot be reached")
        assert tx.feeds.all()[0].etag == '"a"'


def test_another_place_is_another_feed(store: Store) -> None:
    with store.write() as tx:
        tx.feeds.claim("bob", "/other", later(hours=1))
        tx.feeds.claim("ann", "/list", later(hours=1))
        tx.feeds.note("ann", NOW, "5 rows", etag='"a"', modified="Thu")
        tx.feeds.claim("ann", "/moved", later(hours=2))
        assert tx.feeds.all() == [
            FeedState(name="ann", place="/moved", due=later(hours=2)),
            FeedState(name="bob", place="/other", due=later(hours=1)),
        ]
