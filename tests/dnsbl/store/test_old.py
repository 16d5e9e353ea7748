"""What is old is found in its order, in parts, and deleted with what hangs on it."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

from dnsbl.model import Change
from dnsbl.store import Store
from dnsbl.store.old import Gone
from dnsbl.vocabulary import Reason
from tester.smtp import Outcome
from tests.dnsbl.conftest import Office


def settled(office: Office, count: int) -> list[str]:
    names = []
    for n in range(count):
        office.nominate(f"192.0.2.{n + 1}")
        names.append(office.test(Outcome.RCPT_5XX).id)
        office.later(hours=1)
    return names


def test_old_runs_come_oldest_first_a_part_at_a_time_until_they_are_forgotten(office: Office) -> None:
    names = settled(office, 3)
    now = office.clock.now()
    with office.store.write() as tx:
        found = tx.old.runs(now, None, most=2)
        assert [name for _, name in found] == names[:2]
        assert [name for _, name in tx.old.runs(now, found[-1], most=2)] == names[2:]
        assert tx.old.runs(found[0][0], None, most=2) == [], "before, and not at"
        tx.old.forget_runs(names[:1], now)
        assert [name for _, name in tx.old.runs(now, None, most=9)] == names[1:]


def test_what_is_measured_is_what_goes_and_no_other_run_loses_anything(office: Office) -> None:
    first, second = settled(office, 2)
    now = office.clock.now()
    with office.store.write() as tx:
        before = tx.old.measure([second])
        gone, digests = tx.old.forget_runs([first], now)
        assert (gone.tests, gone.transcripts, gone.jobs, len(digests[first])) == (1, 1, 1, 64)
        assert tx.old.whole([first, second]) == [second]
        assert tx.old.measure([first]) == Gone(tests=1)
        assert tx.old.measure([second]) == before
        assert tx.runs.read(second).forgotten is None and tx.sessions.documents(second)


def test_a_run_is_needed_by_a_listing_that_stands_or_has_ended_lately_and_by_work_that_is_left(office: Office) -> None:
    run = office.list_open("192.0.2.1").id
    now = office.clock.now()
    with office.store.write() as tx:
        assert tx.old.needed([run, "another"], now) == {run}
        ((listing,), _) = tx.listings.page(most=9)
        tx.listings.end([listing.id], at=now, reason=listing.reason)
        assert tx.old.needed([run], now) == {run} == tx.old.needed([run], None)
        assert tx.old.needed([run], now + timedelta(seconds=1)) == set()
    job = office.nominate("192.0.2.2")
    with office.store.read() as tx:
        assert tx.old.needed([job.run], now) == {job.run}


def test_the_newest_change_is_never_deleted_and_those_before_a_moment_are_found(store: Store, office: Office) -> None:
    now = office.clock.now()
    with store.write() as tx:
        assert tx.old.changes() == (0, 0) and tx.old.changes_before(now) == 0
        for n in range(1, 6):
            step = Change(seq=n, network=ip_network(f"192.0.2.{n}"), kind="manual", present=True)
            tx.changes.replay([step], at=now + timedelta(days=n))
        assert [tx.old.changes_before(now + timedelta(days=n)) for n in (1, 2, 3, 9)] == [0, 1, 2, 5]
        assert tx.old.forget_changes(3) == 3
        assert tx.old.changes() == (4, 5)
        assert tx.old.changes_before(now) == 3
        assert tx.old.forget_changes(9) == 1
        assert tx.old.changes() == (5, 5) and tx.changes.last() == 5


def test_a_run_is_needed_by_an_output_that_stands_or_has_ended_lately(office: Office) -> None:
    (name,) = settled(office, 1)
    now, one, other = office.clock.now(), ip_network("192.0.2.1"), ip_network("198.51.100.1")
    with office.store.write() as tx:
        tx.outputs.add(one, other, run=name, at=now)
        assert tx.old.needed([name], now) == {name}
        (output,) = tx.outputs.of_input(one)
        tx.outputs.end([output.id], at=now, reason=Reason.OPERATOR)
        assert tx.old.needed([name], now) == {name} == tx.old.needed([name], None)
        assert tx.old.needed([name], now + timedelta(seconds=1)) == set()
