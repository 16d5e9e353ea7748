"""Messages that were shown to us, each kept once."""

from __future__ import annotations

from hashlib import sha256

from dnsbl.store import Store
from tests.dnsbl.store.samples import NOW, later


def test_a_message_is_kept_once_under_its_hash(store: Store) -> None:
    message = b"Received: \0\xff\r\n"
    with store.write() as tx:
        name, octets = tx.evidence.keep(message, NOW)
        assert (name, octets) == (sha256(message).hexdigest(), len(message))
        assert tx.evidence.keep(message, later(days=1)) == (name, 0)
        assert tx.evidence.read(name) == message
        assert tx.evidence.read("0" * 64) is None


def test_what_is_forgotten_leaves_its_hash_and_may_be_shown_again(store: Store) -> None:
    with store.write() as tx:
        first, second = (tx.evidence.keep(message, later(days=n))[0] for n, message in enumerate((b"one", b"second")))
        assert tx.evidence.oldest(most=5) == [first, second]
        assert tx.evidence.oldest(most=5, but=1) == [second]
        assert tx.evidence.forget(first) == 3
        assert tx.evidence.forget(first) == 0
        assert tx.evidence.read(first) is None
        assert tx.evidence.oldest(most=5) == [second]
        assert tx.evidence.keep(b"one", later(days=9)) == (first, 3)
        assert tx.evidence.oldest(most=1) == [second], "it is as new as its last showing"
        assert tx.evidence.read(first) == b"one"
