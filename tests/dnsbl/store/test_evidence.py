"""Messages that were shown to us, each kept once."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import ip_address

from sqlalchemy import text

from dnsbl.store import Store, versions
from dnsbl.store.columns import micros
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


def test_what_was_forgotten_and_what_was_kept_before_are_told_apart_after_the_way_up(empty_url: str) -> None:
    """As it was kept: a forgotten message as an empty one, to which its nomination referred, and all hashes as text."""
    message = b"Received: from here\r\n"
    held, gone = sha256(message).hexdigest(), sha256(b"gone").hexdigest()
    store = Store.open(empty_url)
    with store._writing() as tx:
        versions.upgrade(tx.connection, "0031")
        told = text("INSERT INTO evidence (sha256, message, received) VALUES (:sha256, :message, :at)")
        shown = text(
            "INSERT INTO nominations (address, door, nominator, reason, evidence, received) "
            "VALUES (:address, 'web', 'n', 'spam', :evidence, :at)"
        )
        run = text(
            "INSERT INTO runs (id, address, port, reason, profile, provocation, state, started, explanation, "
            "unreached, extent, digest) VALUES (:id, :address, 25, 'operator', 'basic', '', 'open', :at, '', 0, "
            "'host', :digest)"
        )
        facts = {"at": micros(NOW), "address": b"\x04\xc0\x00\x02\x01"}
        tx.connection.execute(told, [facts | {"sha256": held, "message": message}])
        tx.connection.execute(told, [facts | {"sha256": gone, "message": b""}])
        tx.connection.execute(shown, [facts | {"evidence": each} for each in (held, gone, None)])
        tx.connection.execute(run, [facts | {"id": name, "digest": each} for name, each in (("a", held), ("b", ""))])
    store.upgrade()
    with store.write() as tx:
        assert [each.evidence for each in tx.nominations.page(None, None, most=9)] == [None, gone, held]
        assert tx.evidence.read(held) == message and tx.evidence.read(gone) is None
        assert tx.evidence.oldest(most=9) == [held]
        assert [tx.runs.read(name).digest for name in "ab"] == [held, None]  # type: ignore[union-attr]
        assert tx.nominations.shown_in([gone]) == [(gone, ip_address("192.0.2.1"))]
        assert tx.evidence.keep(b"gone", NOW) == (gone, 4), "it may be shown again"
    store.close()
