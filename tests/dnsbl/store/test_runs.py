"""Tests that were begun: their states, and what policy asks about the past of an address."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from dnsbl.addresses import neighbourhood
from dnsbl.store import Store
from dnsbl.vocabulary import JobReason, RunState
from tester.fate import Fate
from tester.paths import path
from tester.verdict import Finding, Verdict
from tests.dnsbl.store.samples import HOST, NOW, begin, later, letter, settle

TWIN = ip_address("2001:db8::1")


def test_a_run_goes_from_open_over_waiting_to_settled(store: Store) -> None:
    with store.write() as tx:
        run = begin(tx, "run")
        assert (run.state, run.started, run.ends, run.verdict) == (RunState.OPEN, NOW, None, None)
        assert tx.runs.provocation("run") == "nomination 1"
        run = tx.runs.wait(run, later(days=2), "waits")
        assert run == tx.runs.read("run")
        assert tx.runs.over(later(days=1), most=9) == []
        assert tx.runs.over(later(days=2), most=9) == ["run"]
        assert tx.runs.over(later(days=2), most=0) == []
        settle(tx, run, Verdict.CLOSED)
        assert tx.runs.over(later(days=2), most=9) == []
        settled = tx.runs.read("run")
        assert settled is not None
        assert (settled.state, settled.verdict, settled.explanation) == (RunState.SETTLED, Verdict.CLOSED, "so")
        assert tx.runs.read("other") is None


def test_runs_of_an_address_come_newest_first(store: Store) -> None:
    with store.write() as tx:
        for day in (2, 1, 3):
            begin(tx, f"run{day}", later(days=day))
        begin(tx, "other", later(days=9), address=ip_address("192.0.2.1"))
        assert [run.id for run in tx.runs.of(HOST, most=2)] == ["run3", "run2"]
        assert tx.runs.last_started(HOST) == later(days=3)
        assert tx.runs.last_started(ip_address("192.0.2.2")) is None


def test_of_many_addresses_the_newest_runs_that_count_come_with_each(store: Store) -> None:
    with store.write() as tx:
        for day in (2, 1, 3):
            settle(tx, begin(tx, f"run{day}", later(days=day)), Verdict.CLOSED)
        begin(tx, "self", later(days=5), reason=JobReason.SELF_TEST)
        begin(tx, "twin", later(days=4), address=TWIN)
        never = ip_address("192.0.2.2")
        closed, waits = (RunState.SETTLED, Verdict.CLOSED), (RunState.OPEN, None)
        assert tx.runs.newest_among([never, TWIN, HOST], most=2) == {HOST: [closed, closed], TWIN: [waits]}
        assert tx.runs.newest_among([], most=2) == {}


def test_the_first_settled_run_of_a_verdict_is_found(store: Store) -> None:
    with store.write() as tx:
        for day in (-1, 1, 2, 3):
            settle(tx, begin(tx, f"run{day}", later(days=day)), Verdict.ACCEPTS_LOSES, at=later(days=day + 2))
        assert tx.runs.first_settled(HOST, Verdict.ACCEPTS_LOSES, NOW, but="run1") == later(days=4)
        assert tx.runs.first_settled(HOST, Verdict.ACCEPTS_LOSES, NOW, but="run2") == later(days=3)
        assert tx.runs.first_settled(HOST, Verdict.CLOSED, NOW, but="") is None


def test_probations_are_counted_since_the_delisting(store: Store) -> None:
    with store.write() as tx:
        for day in (-1, 1, 2):
            settle(tx, begin(tx, f"run{day}", later(days=day), JobReason.PROBATION), Verdict.CLOSED)
        begin(tx, "open", later(days=3), JobReason.PROBATION)
        settle(tx, begin(tx, "retest", later(days=3), JobReason.RETEST), Verdict.CLOSED)
        assert tx.runs.probations(HOST, NOW, but="run2") == 1
        assert tx.runs.probations(HOST, NOW, but="") == 2


def test_runs_with_another_output_are_counted_once_each(store: Store) -> None:
    findings = (Finding.DELIVERED_OTHER, Finding.DELIVERED_OTHER_LATE, Finding.DELIVERED_SAME, Finding.BOUNCED)
    with store.write() as tx:
        for number, finding in enumerate(findings):
            run = begin(tx, f"run{number}", later(days=number))
            settle(tx, run, Verdict.INCONCLUSIVE)
            for token in (f"{number}a", f"{number}b"):
                tx.letters.add([letter(run, token)])
                tx.letters.note(Fate(letter=letter(run, token), finding=finding))
        assert tx.runs.with_other_output(HOST, NOW, but="") == 2
        assert tx.runs.with_other_output(HOST, NOW, but="run0") == 1
        assert tx.runs.with_other_output(HOST, later(days=1), but="run1") == 0
        assert tx.runs.with_other_output(TWIN, NOW, but="") == 0


def test_another_output_counts_for_the_address_that_took_the_letter_whosever_test_it_was(store: Store) -> None:
    with store.write() as tx:
        run = begin(tx, "run1", NOW)
        taken = replace(letter(run, "a"), address=TWIN)
        tx.letters.add([taken], path=tx.paths.add(run.id, path(TWIN, 25)))
        tx.letters.note(Fate(letter=taken, finding=Finding.DELIVERED_OTHER))
        settle(tx, run, Verdict.INCONCLUSIVE)
        assert [tx.runs.with_other_output(address, NOW, but="") for address in (HOST, TWIN)] == [0, 1]


def test_a_later_run_that_shows_it_closed_is_noticed(store: Store) -> None:
    with store.write() as tx:
        first, second = begin(tx, "run1", NOW), begin(tx, "run2", later(days=1))
        settle(tx, second, Verdict.ACCEPTS_LOSES)
        assert not tx.runs.closed_after(first)
        settle(tx, second, Verdict.ACCEPTS_BOUNCES)
        assert tx.runs.closed_after(first)
        assert not tx.runs.closed_after(second)


def test_tries_in_a_row_are_counted_along_their_chain_only(store: Store) -> None:
    with store.write() as tx:
        years_ago = begin(tx, "old", later(days=-300))
        settle(tx, years_ago, Verdict.INCONCLUSIVE, unreached=True)
        first = begin(tx, "run1", NOW)
        assert tx.runs.unreached_before(first) == 0
        settle(tx, first, Verdict.INCONCLUSIVE, unreached=True)
        second = begin(tx, "run2", later(hours=1), JobReason.UNREACHABLE)
        assert tx.runs.unreached_before(second) == 1
        settle(tx, second, Verdict.INCONCLUSIVE, unreached=True)
        third = begin(tx, "run3", later(hours=25), JobReason.UNREACHABLE)
        assert tx.runs.unreached_before(third) == 2
        settle(tx, second, Verdict.INCONCLUSIVE, unreached=False)
        assert tx.runs.unreached_before(third) == 0


def test_what_remote_testers_have_counts_where_they_are_trusted_and_a_letter_has_come_back(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "theirs", NOW, JobReason.REMOTE)
        settle(tx, begin(tx, "found", later(days=1), JobReason.REMOTE), Verdict.OPEN)
        trusted = begin(tx, "trusted", later(days=2), JobReason.REMOTE_PROVEN)
        assert tx.runs.of(HOST, most=9) == [] and tx.runs.last_started(HOST) is None
        tx.runs.settle(trusted, verdict=None, explanation="nothing", at=later(days=3))
        assert tx.runs.of(HOST, most=9) == []
        settle(tx, begin(tx, "proven", later(days=3), JobReason.REMOTE_PROVEN), Verdict.OPEN)
        assert [run.id for run in tx.runs.of(HOST, most=9)] == ["proven"]


def test_when_remote_testers_were_given_letters_is_known(store: Store) -> None:
    with store.write() as tx:
        for day in (1, 3):
            begin(tx, f"run{day}", later(days=day), JobReason.REMOTE)
        begin(tx, "ours", later(days=4))
        assert tx.runs.last_elsewhere(HOST) == later(days=3)
        assert tx.runs.last_elsewhere(TWIN) is None
        near = neighbourhood(HOST)
        assert tx.runs.begun_elsewhere(near, NOW) == [later(days=1), later(days=3)]
        assert tx.runs.begun_elsewhere(near, later(days=2)) == [later(days=3)]
        assert tx.runs.begun_elsewhere(neighbourhood(ip_address("192.0.2.1")), NOW) == []
