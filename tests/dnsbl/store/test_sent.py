"""What was sent, counted by holder and slot."""

from __future__ import annotations

from dnsbl.rules.sending import Sent
from dnsbl.store import Store


def test_what_is_sent_is_counted_by_holder_and_slot_and_what_is_old_goes(store: Store) -> None:
    with store.write() as tx:
        tx.sent.add(["a", "b"], 100, Sent(1, 4, 9000))
        tx.sent.add(["a"], 100, Sent(0, -3, -8000))
        tx.sent.add(["a"], 101, Sent(1, 0, 5))
        assert tx.sent.of(["a", "b", "c"], 95) == {
            "a": {100: Sent(1, 1, 1000), 101: Sent(1, 0, 5)},
            "b": {100: Sent(1, 4, 9000)},
            "c": {},
        }
        assert tx.sent.of(["a"], 101) == {"a": {101: Sent(1, 0, 5)}}
        assert not tx.sent.is_stale(100)
        assert tx.sent.is_stale(101)
        tx.sent.drop_stale(101)
        assert tx.sent.of(["a"], 0) == {"a": {101: Sent(1, 0, 5)}}
