"""The queue: one live job per address, leases that come back, and claims that are distinct."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from sqlalchemy import event

from dnsbl.addresses import neighbourhood
from dnsbl.errors import StoreUnavailable
from dnsbl.model import ASKED, Crowded, Job
from dnsbl.store import Store
from dnsbl.vocabulary import Extent, JobReason, JobState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=300)


def add(store: Store, address: str = "192.0.2.1", *, due: datetime = NOW, run: str = "", rank: int = 1) -> Job:
    with store.write() as tx:
        return tx.jobs.add(
            address=ip_address(address),
            port=25,
            reason=JobReason.NOMINATION,
            profile="basic",
            due=due,
            run=run or f"run of {address} {due}",
            provocation="nomination 1",
            rank=rank,
        )


def claim(store: Store, worker: str = "w", *, now: datetime = NOW, avoid: tuple[str, ...] = ()) -> Job | None:
    with store.write() as tx:
        full = Crowded(networks=frozenset(map(ip_network, avoid)))
        return tx.jobs.claim(worker, now=now, lease_until=now + timedelta(seconds=300), full=full)


def test_a_job_is_queued_as_it_was_asked_for(store: Store) -> None:
    job = add(store, "2001:db8::1")
    assert (job.state, job.takes, job.retries) == (JobState.QUEUED, 0, 0)
    with store.read() as tx:
        assert tx.jobs.live(job.address) == tx.jobs.of_run(job.run) == job
        assert tx.jobs.live(ip_address("2001:db8::2")) is None
        assert tx.jobs.of_run("other") is None


def test_an_address_has_one_live_job_whatever_two_doors_do(store: Store) -> None:
    first = add(store)
    with pytest.raises(StoreUnavailable, match="refuses"):
        add(store, due=LATER)
    with store.write() as tx:
        tx.jobs.finish(first)
    second = add(store, due=LATER)
    with store.read() as tx:
        assert tx.jobs.live(first.address) == second
        among = tx.jobs.live_among([ip_address("192.0.2.200"), first.address])
        assert among == {first.address: (second.reason, second.state)}


def test_the_job_that_is_due_first_is_taken_first_and_none_before_its_time(store: Store) -> None:
    add(store, "192.0.2.1", due=NOW + timedelta(seconds=2))
    add(store, "192.0.2.2", due=NOW + timedelta(seconds=1))
    assert claim(store) is None
    taken = [claim(store, now=LATER) for _ in range(3)]
    assert [job and str(job.address) for job in taken] == ["192.0.2.2", "192.0.2.1", None]
    assert taken[0].state is JobState.RUNNING
    assert taken[0].takes == 1
    with store.read() as tx:
        assert not tx.jobs.is_due(NOW)
        assert not tx.jobs.is_due(LATER)


def test_full_neighbourhoods_are_avoided(store: Store) -> None:
    for address in ("192.0.2.1", "198.51.100.1", "2001:db8::1"):
        add(store, address)
    full = tuple(str(neighbourhood(ip_address(address))) for address in ("192.0.2.200", "2001:db8::ffff"))
    taken = claim(store, avoid=full)
    assert taken is not None
    assert str(taken.address) == "198.51.100.1"
    assert claim(store, avoid=full) is None


def test_thousands_of_full_neighbourhoods_are_no_trouble(store: Store) -> None:
    add(store)
    many = tuple(f"10.{a}.{b}.0/24" for a in range(20) for b in range(250))
    assert claim(store, avoid=many) is not None


def test_a_lost_lease_comes_back_and_the_late_worker_is_fenced_off(store: Store) -> None:
    add(store)
    first = claim(store, "dead")
    assert first is not None
    assert claim(store, "heir", now=NOW + timedelta(seconds=299)) is None
    second = claim(store, "heir", now=NOW + timedelta(seconds=301))
    assert second is not None
    assert (second.id, second.run, second.takes) == (first.id, first.run, 2)
    with store.write() as tx:
        assert not tx.jobs.holds(first, "dead")
        assert not tx.jobs.renew(first, "dead", LATER)
        assert not tx.jobs.holds(second, "dead")
        assert tx.jobs.holds(second, "heir")


def test_a_renewed_lease_is_not_lost(store: Store) -> None:
    add(store)
    job = claim(store)
    assert job is not None
    with store.write(alone=False) as tx:
        assert tx.jobs.renew(job, "w", NOW + timedelta(seconds=900))
    assert claim(store, "heir", now=NOW + timedelta(seconds=600)) is None
    assert claim(store, "heir", now=NOW + timedelta(seconds=901)) is not None


def test_who_holds_a_finished_job_keeps_it_and_nobody_else_gets_it(store: Store) -> None:
    add(store)
    job = claim(store)
    assert job is not None
    with store.write() as tx:
        tx.jobs.finish(job)
        assert tx.jobs.renew(job, "w", LATER)
    assert claim(store, now=NOW + timedelta(days=1)) is None


def test_a_retry_waits_for_its_time_in_the_same_run(store: Store) -> None:
    add(store)
    job = claim(store)
    assert job is not None
    with store.write() as tx:
        tx.jobs.requeue(job, LATER)
        assert not tx.jobs.holds(job, "w")
    assert claim(store) is None
    again = claim(store, now=LATER)
    assert again is not None
    assert (again.run, again.retries, again.takes) == (job.run, 1, 2)


def test_a_job_that_is_advanced_has_its_new_reason_profile_and_time(store: Store) -> None:
    job = add(store, due=LATER)
    with store.write() as tx:
        told = tx.jobs.advance(
            job,
            reason=JobReason.REMOVAL,
            profile="standard",
            due=NOW,
            provocation="request for removal",
            extent=Extent.HOST,
        )
    with store.read() as tx:
        assert tx.jobs.live(job.address) == told
    assert (told.reason, told.profile, told.due, told.provocation) == (
        JobReason.REMOVAL,
        "standard",
        NOW,
        "request for removal",
    )
    assert told.extent is Extent.HOST


def test_queued_jobs_are_found_by_network_and_running_ones_are_not(store: Store) -> None:
    for address in ("192.0.2.0", "192.0.2.255", "192.0.3.0", "2001:db8::1"):
        add(store, address)
    with store.read() as tx:
        found = tx.jobs.queued_in(ip_network("192.0.2.0/24"), most=9)
        assert [str(job.address) for job in found] == ["192.0.2.0", "192.0.2.255"]
        assert len(tx.jobs.queued_in(ip_network("0.0.0.0/0"), most=2)) == 2
        assert len(tx.jobs.queued_in(ip_network("2001:db8::/32"), most=9)) == 1
    claim(store)
    with store.read() as tx:
        assert [str(job.address) for job in tx.jobs.queued_in(ip_network("192.0.2.0/24"), most=9)] == ["192.0.2.255"]


def test_claims_of_four_threads_are_distinct(store: Store) -> None:
    for n in range(60):
        add(store, f"192.0.2.{n}")
    claimed: list[int] = []

    def work(name: str) -> None:
        while (job := claim(store, name)) is not None:
            claimed.append(job.id)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 60


WORKER = """
import sys
from datetime import UTC, datetime
from dnsbl.store import Store
store, now = Store.open(sys.argv[1]), datetime(2026, 1, 1, tzinfo=UTC)
while True:
    with store.write() as tx:
        job = tx.jobs.claim(sys.argv[2], now=now, lease_until=now)
    if job is None:
        break
    print(job.id)
"""


def test_claims_of_four_processes_are_distinct(store: Store, url: str) -> None:
    for n in range(60):
        add(store, f"192.0.2.{n}")
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, url, f"w{n}"], stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    claimed = [line for worker in workers for line in worker.communicate(timeout=60)[0].split()]
    assert [worker.returncode for worker in workers] == [0, 0, 0, 0]
    assert len(claimed) == len(set(claimed)) == 60


def test_who_was_asked_for_comes_first_then_the_lower_rank_then_who_has_waited_longer(store: Store) -> None:
    for n, rank in enumerate((7, 2, 2, ASKED)):
        add(store, f"192.0.{n}.1", due=NOW + timedelta(seconds=n), run=f"{n}", rank=rank)
    taken = [claim(store, now=LATER) for _ in range(4)]
    assert [job and job.run for job in taken] == ["3", "1", "2", "0"]


@pytest.mark.parametrize(
    ("full", "takes"),
    [
        (Crowded(anywhere=True), "asked"),
        (Crowded(anywhere=True, asked=frozenset({ip_network("192.0.2.0/24")})), None),
        (Crowded(asked=frozenset({ip_network("192.0.0.0/16")})), "other"),
        (
            Crowded(asked=frozenset({ip_network("192.0.2.0/24")}), networks=frozenset({ip_network("198.51.0.0/16")})),
            None,
        ),
        (Crowded(networks=frozenset({ip_network("0.0.0.0/0")})), "asked"),
        (Crowded(addresses=frozenset({ip_address("192.0.2.1")})), "other"),
        (Crowded(), "asked"),
    ],
)
def test_what_is_crowded_takes_no_job_of_its_kind(store: Store, full: Crowded, takes: str | None) -> None:
    add(store, "192.0.2.1", run="asked", rank=ASKED)
    add(store, "198.51.100.1", run="other")
    with store.write() as tx:
        job = tx.jobs.claim("w", now=NOW, lease_until=LATER, full=full)
    assert (job and job.run) == takes


def test_a_claim_is_the_same_statement_however_many_tests_are_under_way(store: Store) -> None:
    """Else each number of them is planned anew, by us and by the database, within the writers' turn."""
    texts = set()
    event.listen(store.engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: texts.add(statement))
    for number in (0, 1, 2, 499):
        addresses = frozenset(ip_address("198.18.0.0") + 256 * n for n in range(number))
        full = Crowded(addresses=addresses, networks=frozenset(map(neighbourhood, addresses)))
        with store.write() as tx:
            assert tx.jobs.claim("w", now=NOW, lease_until=LATER, full=full) is None
    assert len([each for each in texts if "jobs" in each]) == 1


def test_a_claim_passes_over_the_ranks_of_what_is_under_way(store: Store) -> None:
    """Each of hundreds that strangers have nominated may have a rank of its own, and once asked for each of these."""
    for rank in range(1, 60):
        add(store, f"192.0.2.{rank}", run=f"{rank}", rank=rank)
    taken = [claim(store) for _ in range(57)]
    assert [job and job.run for job in taken] == [f"{rank}" for rank in range(1, 58)]
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: asked.append(statement))
    last = claim(store)
    assert last and last.run == "58"
    assert len([each for each in asked if "rank" in each and each.startswith("SELECT")]) <= 2


def test_where_no_place_is_free_but_for_what_was_asked_for_nothing_else_is_taken(store: Store) -> None:
    add(store)
    with store.write() as tx:
        assert tx.jobs.claim("w", now=NOW, lease_until=LATER, full=Crowded(anywhere=True)) is None


def test_nominations_that_wait_are_counted_by_network(store: Store) -> None:
    for address in ("192.0.2.0", "192.0.2.255", "192.0.3.0", "2001:db8::1"):
        add(store, address)
    with store.write() as tx:
        assert tx.jobs.nominated(ip_network("192.0.2.0/24"), ip_network("192.0.0.0/16")) == (4, 2, 3)
        job = tx.jobs.live(ip_address("192.0.2.0"))
        assert job is not None
        tx.jobs.advance(
            job, reason=JobReason.REMOVAL, profile="basic", due=NOW, provocation="x", extent=Extent.HOST, rank=ASKED
        )
        assert tx.jobs.nominated() == (3,)
    claim(store)
    claim(store)
    with store.read() as tx:
        assert tx.jobs.nominated() == (2,)
