"""The epochs of the zones' serials."""

from __future__ import annotations

from dnsbl.model import Epoch
from dnsbl.store import Store
from tests.dnsbl.store.samples import NOW


def test_epochs_are_read_in_their_order_and_end_together(store: Store) -> None:
    first = Epoch(base=1_800_000_000, since=7, digest="z", made=NOW)
    second = Epoch(base=2**33, since=0, digest="-", made=NOW)
    with store.write() as tx:
        assert tx.epochs.all() == ()
        for epoch in (second, first):
            tx.epochs.add(epoch)
    with store.write() as tx:
        assert tx.epochs.all() == (first, second)
        tx.epochs.end()
        assert tx.epochs.all() == ()
