"""Suspects that wait for their turn."""

from __future__ import annotations

from ipaddress import ip_address

from dnsbl.model import Candidate
from dnsbl.store import Store
from dnsbl.vocabulary import Door
from tests.dnsbl.store.samples import NOW, later


def candidate(address: str, bringer: str = "ann", day: int = 0) -> Candidate:
    return Candidate(
        id=0,
        address=ip_address(address),
        bringer=bringer,
        door=Door.FEED,
        reporter="",
        reason="x",
        added=later(days=day),
    )


def test_one_bringer_has_an_address_once_and_another_has_it_too(store: Store) -> None:
    with store.write() as tx:
        assert tx.candidates.add(candidate("192.0.2.1"))
        assert not tx.candidates.add(candidate("192.0.2.1", day=1))
        assert tx.candidates.add(candidate("192.0.2.1", "bob"))
        assert tx.candidates.counts() == {"ann": 1, "bob": 1}


def test_the_bringers_have_their_turns_each_with_its_oldest(store: Store) -> None:
    with store.write() as tx:
        for n in range(3):
            tx.candidates.add(candidate(f"192.0.2.{n}"))
        tx.candidates.add(candidate("2001:db8::1", "bob"))
        ours, theirs = tx.candidates.next()
        assert (str(ours.address), str(theirs.address)) == ("192.0.2.0", "2001:db8::1")
        assert [one.bringer for one in tx.candidates.next(but=["ann"])] == ["bob"]
        tx.candidates.drop(ours.id)
        assert [str(one.address) for one in tx.candidates.next()] == ["192.0.2.1", "2001:db8::1"]


def test_what_is_old_and_what_is_one_bringers_goes(store: Store) -> None:
    with store.write() as tx:
        tx.candidates.add(candidate("192.0.2.1"))
        tx.candidates.add(candidate("192.0.2.2", day=2))
        tx.candidates.add(candidate("192.0.2.3", "bob", day=2))
        assert tx.candidates.drop_before(NOW, most=9) == 0
        assert not tx.candidates.is_old(NOW)
        assert tx.candidates.is_old(later(days=1))
        assert tx.candidates.drop_before(later(days=1), most=9) == 1
        assert tx.candidates.drop_of("bob", most=9) == 1
        assert tx.candidates.drop_of("bob", most=9) == 0
        assert tx.candidates.counts() == {"ann": 1}
