"""Messages that were shown to us, each kept once."""

from __future__ import annotations

from hashlib import sha256

from dnsbl.store import Store
from tests.dnsbl.store.samples import NOW, later


def test_a_message_is_kept_once_under_its_hash(store: Store) -> None:
    message = b"Received: \0\xff\r\n"
    with store.write() as tx:
        name = tx.evidence.keep(message, NOW)
        assert name == tx.evidence.keep(message, later(days=1)) == sha256(message).hexdigest()
        assert tx.evidence.read(name) == message
        assert tx.evidence.read("0" * 64) is None
