"""What was counted by day, on its shelf; and the way up of a list that has a past."""

from __future__ import annotations

from ipaddress import ip_network

from sqlalchemy import text

from dnsbl.store import Store, versions
from dnsbl.store.columns import micros
from dnsbl.store.statistics import Made, Reach
from dnsbl.vocabulary import Measure, Reason
from tests.dnsbl.store.samples import NOW, later

FIRST, SECOND = ip_network("192.0.2.1/32"), ip_network("2001:db8::/32")


def test_counts_add_up_and_are_read_by_day_and_by_sum(store: Store) -> None:
    with store.write() as tx:
        tx.statistics.add(
            {(Measure.VERDICTS, 5, "OPEN"): 2, (Measure.VERDICTS, 6, "CLOSED"): 3, (Measure.LISTED, 5, "x"): 1}
        )
        tx.statistics.add({(Measure.VERDICTS, 5, "OPEN"): 1, (Measure.LISTED, 6, "x"): -1, (Measure.LISTED, 7, "y"): 0})
        assert tx.statistics.daily(Measure.VERDICTS, 5, 6) == {"OPEN": {5: 3}, "CLOSED": {6: 3}}
        assert tx.statistics.daily(Measure.LISTED, 0, 99) == {"x": {5: 1, 6: -1}}
        assert tx.statistics.sums([Measure.VERDICTS], 6, 9) == {Measure.VERDICTS: {"CLOSED": 3}}
        assert list(tx.statistics.sums([Measure.VERDICTS], 5, 6)[Measure.VERDICTS].items()) == [
            ("CLOSED", 3),
            ("OPEN", 3),
        ]
        assert tx.statistics.begun() == 5


def test_a_log_is_counted_as_far_as_its_mark_says(store: Store) -> None:
    with store.write() as tx:
        assert tx.statistics.mark("changes") == Reach()
        tx.statistics.put("changes", Reach(7, NOW))
        tx.statistics.put("journal", Reach(9, later(days=1)))
        tx.statistics.put("changes", Reach(8, later(hours=1)))
        assert tx.statistics.mark("changes") == Reach(8, later(hours=1))
        assert tx.statistics.mark("journal") == Reach(9, later(days=1))


def test_a_process_replaces_what_it_said_and_never_less(store: Store) -> None:
    with store.write() as tx:
        tx.statistics.set(Measure.ANSWERS, 5, "one", {"relay": 5, "": 1})
        tx.statistics.set(Measure.ANSWERS, 5, "one", {"relay": 3, "": 2})
        tx.statistics.set(Measure.ANSWERS, 5, "two", {"relay": 1})
        assert tx.statistics.daily(Measure.ANSWERS, 5, 5) == {"relay": {5: 6}, "": {5: 2}}
        assert tx.statistics.fold(Measure.ANSWERS, 5) == 0
        assert tx.statistics.fold(Measure.ANSWERS, 6) == 2
        assert tx.statistics.fold(Measure.ANSWERS, 6) == 0
        assert tx.statistics.daily(Measure.ANSWERS, 5, 5) == {"relay": {5: 6}, "": {5: 2}}


def test_changes_come_with_when_they_were_made_and_ends_with_why(store: Store) -> None:
    with store.write() as tx:
        tx.listings.add([FIRST], kind="spam", since=NOW, expires=None, reason=Reason.OPERATOR)
        tx.changes.add([FIRST], "spam", present=True, at=NOW)
        tx.listings.end(tx.listings.active([FIRST], "spam").values(), at=later(days=1), reason=Reason.EXPIRED)
        tx.changes.add([FIRST], "spam", present=False, at=later(days=1))
        tx.listings.add([FIRST], kind="spam", since=later(days=2), expires=None, reason=Reason.OPERATOR)
        assert tx.statistics.made(1, most=9) == [
            Made(seq=2, network=FIRST, kind="spam", present=False, at=later(days=1))
        ]
        assert tx.statistics.ends([FIRST, SECOND]) == {(FIRST, "spam", later(days=1)): (NOW, Reason.EXPIRED)}


def test_of_the_journal_so_many_entries_are_looked_at_and_those_of_some_verbs_are_given(store: Store) -> None:
    with store.write() as tx:
        assert tx.statistics.entries(0, most=5, verbs=["run"]) == ([], 0, None)
        for n, verb in enumerate(("job", "run", "job", "run")):
            tx.journal.append(at=later(hours=n), actor="a", subject="s", verb=verb, reason="r")
        found, upto, at = tx.statistics.entries(0, most=3, verbs=["run"])
        assert ([each.seq for each in found], upto, at) == ([2], 3, later(hours=2))
        found, upto, at = tx.statistics.entries(3, most=3, verbs=["run"])
        assert ([each.seq for each in found], upto, at) == ([4], 4, later(hours=3))


def test_a_list_that_has_a_past_knows_after_the_way_up_when_its_changes_were_made(empty_url: str) -> None:
    store = Store.open(empty_url)
    with store.write() as tx:
        versions.upgrade(tx.connection, "0024")
        for number, since, ended in ((1, NOW, later(days=1)), (2, later(days=2), None)):
            tx.connection.execute(
                text(
                    "INSERT INTO listings (id, network, kind, since, reason, note, confirmed, ended, end_reason) "
                    "VALUES (:id, :network, 'spam', :since, 'operator', '', :since, :ended, :why)"
                ),
                {
                    "id": number,
                    "network": b"\x04\xc0\x00\x02\x01\x20",
                    "since": micros(since),
                    "ended": micros(ended) if ended else None,
                    "why": "operator" if ended else None,
                },
            )
        for seq, present in ((1, 1), (2, 0), (3, 1)):
            tx.connection.execute(
                text("INSERT INTO changes (seq, network, kind, present) VALUES (:seq, :network, 'spam', :present)"),
                {"seq": seq, "network": b"\x04\xc0\x00\x02\x01\x20", "present": present},
            )
        tx.connection.execute(
            text("INSERT INTO changes (seq, network, kind, present) VALUES (4, :network, 'do-not-test', 1)"),
            {"network": b"\x04\xc0\x00\x02\x01\x20"},
        )
        versions.upgrade(tx.connection)
        assert [each.at for each in tx.statistics.made(0, most=9)] == [NOW, later(days=1), later(days=2), None]
    store.close()
