"""Mail that we send, on the shelf."""

from __future__ import annotations

from dnsbl.model import Notice
from dnsbl.store import Store, Transaction
from dnsbl.store.notices import means, veiled
from dnsbl.vocabulary import NoticeState
from tests.dnsbl.store.samples import NOW, later


def add(tx: Transaction, token: str, *, occasion: str = "", seconds: float = 0) -> Notice:
    return tx.notices.add(
        token=token,
        occasion=occasion,
        template="trial",
        recipient="a@x.example",
        subject="list",
        facts="{}",
        answers="",
        at=later(seconds=seconds),
    )


def test_the_one_that_waits_longest_is_leased_and_a_lost_lease_counts_as_due(store: Store) -> None:
    with store.write() as tx:
        assert not tx.notices.is_due(NOW)
        second, first = add(tx, "b", seconds=2), add(tx, "a", seconds=1)
        assert not tx.notices.is_due(NOW)
        until = later(seconds=60)
        taken = tx.notices.claim(now=later(seconds=5), lease_until=until)
        assert taken is not None and (taken.id, taken.takes) == (first.id, 1)
        other = tx.notices.claim(now=later(seconds=5), lease_until=until)
        assert other is not None and other.id == second.id
        assert tx.notices.claim(now=until, lease_until=later(hours=1)) is None
        again = tx.notices.claim(now=later(seconds=61), lease_until=later(hours=1))
        assert again is not None and (again.id, again.takes) == (first.id, 2)
        assert not tx.notices.end(taken, NoticeState.SENT, reply="250", at=NOW), "that take is over"
        assert tx.notices.end(again, NoticeState.SENT, reply="250", at=later(seconds=62))
        assert not tx.notices.put_off(again, NOW, tries=1, reply=""), "it has ended"


def test_what_has_ended_tells_no_more_what_it_said_and_goes_after_a_while(store: Store) -> None:
    with store.write() as tx:
        one = add(tx, "a", occasion="once")
        assert tx.notices.made_for("once") and not tx.notices.made_for("twice")
        assert tx.notices.backlog() == (1, NOW)
        tx.notices.end(one, NoticeState.FAILED, reply="550", at=later(days=1))
        found = tx.notices.find("a")
        assert found is not None and (found.state, found.facts, found.reply) == (NoticeState.FAILED, "", "550")
        assert tx.notices.backlog() == (0, None)
        assert tx.notices.ended(later(hours=23)) == {NoticeState.FAILED: 1}
        assert tx.notices.ended(later(hours=25)) == {}
        assert tx.notices.forget(later(hours=23)) == 0
        assert tx.notices.forget(later(hours=25)) == 1
        assert tx.notices.find("a") is None and tx.notices.newest(most=5) == []


def test_several_may_be_for_no_occasion(store: Store) -> None:
    with store.write() as tx:
        assert [notice.token for notice in (add(tx, "a"), add(tx, "b"))] == ["a", "b"]
        assert [notice.token for notice in tx.notices.newest(most=1)] == ["b"]


def test_a_silenced_address_is_so_in_any_case_of_its_letters_until_it_is_ended(store: Store) -> None:
    with store.write() as tx:
        assert tx.notices.silenced("a@x.example") == ""
        assert tx.notices.silence("A@x.example", why="it said so", at=NOW)
        assert not tx.notices.silence("a@x.example", why="again", at=NOW)
        assert tx.notices.silenced("a@X.example") == "it said so"
        assert tx.notices.count_silenced() == 1
        assert tx.notices.unsilence("a@x.example")
        assert not tx.notices.unsilence("a@x.example")


def test_an_address_that_is_known_by_its_hash_alone_is_silenced_like_one_by_name(store: Store) -> None:
    veil = veiled("A@x.example", "00ff")
    assert means(veil, "a@X.example") and not means(veil, "b@x.example")
    assert "x.example" not in veil and veil != veiled("a@x.example", "00fe")
    with store.write() as tx:
        assert tx.notices.silence(veil, why="it said so", at=NOW)
        assert tx.notices.silenced("a@x.example") == "it said so"
        assert tx.notices.silenced("b@x.example") == ""
        assert not tx.notices.silence("a@x.example", why="again", at=NOW)
        assert not tx.notices.unsilence("b@x.example")
        assert tx.notices.unsilence("a@x.example")
        assert tx.notices.count_silenced() == 0
        tx.notices.silence("a@x.example", why="it said so", at=NOW)
        assert tx.notices.silenced_as(veil) == "a@x.example"
        assert tx.notices.silenced_as(veiled("b@x.example", "00ff")) == ""
