"""The ways into a host on their shelf."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.model import PathReport
from dnsbl.store import Store
from dnsbl.vocabulary import JobReason
from tester.fate import Fate
from tester.paths import Path, Tls, path
from tester.verdict import Finding, Verdict
from tests.dnsbl.store.samples import HOST, begin, later, letter


def test_the_first_way_in_is_the_address_at_its_mail_port(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        assert tx.paths.of("run") == [PathReport(path=Path(address=HOST, port=25), verdict=None, explanation="")]


def test_a_confirmation_is_made_under_tls_where_it_is_offered(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run", reason=JobReason.CONFIRM)
        assert tx.paths.of("run")[0].path.tls is Tls.OFFERED


def test_what_was_filed_with_the_job_is_all_that_its_run_is_of(store: Store) -> None:
    with store.write() as tx:
        assert tx.paths.add("run", path(HOST, 587)) == 0
        begin(tx, "run")
        assert [(one.path.port, one.path.tls) for one in tx.paths.of("run")] == [(587, Tls.OFFERED)]


def test_a_way_in_is_filed_once_whatever_its_tls(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        assert tx.paths.add("run", path(HOST, 465)) == 1
        assert tx.paths.add("run", Path(address=HOST, port=465)) == 1
        assert tx.paths.add("run", Path(address=HOST, port=25, tls=Tls.OFFERED)) == 0
        assert tx.paths.add("run", path(ip_address("192.0.2.1"), 465)) == 2
        assert tx.paths.add("other", path(HOST, 465)) == 0
        assert len(tx.paths.of("run")) == 3


def test_each_way_in_has_a_verdict_of_its_own(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        tx.paths.add("run", path(HOST, 465))
        tx.paths.judge("run", path(HOST, 465), verdict=Verdict.OPEN, explanation="so")
        assert [(one.verdict, one.explanation) for one in tx.paths.of("run")] == [(None, ""), (Verdict.OPEN, "so")]


def test_letters_name_the_way_in_that_they_are_for(store: Store) -> None:
    with store.write() as tx:
        run = begin(tx, "run")
        tx.letters.add([letter(run, "one")])
        tx.letters.add([letter(run, "two")], path=tx.paths.add("run", path(HOST, 465)))
        assert [(fate.letter.recipient, fate.letter.port) for fate in tx.letters.of("run")] == [
            ("rone", 25),
            ("rtwo", 465),
        ]


@pytest.mark.parametrize("finding", [Finding.DELIVERED_SAME, Finding.DELIVERED_OTHER_LATE])
def test_the_ports_that_have_relayed_are_remembered(store: Store, finding: Finding) -> None:
    with store.write() as tx:
        run = begin(tx, "run")
        tx.letters.add([letter(run, "one")])
        tx.letters.add([letter(run, "two")], path=tx.paths.add("run", path(HOST, 587)))
        assert tx.paths.relayed(HOST) == set()
        tx.letters.note(Fate(letter=letter(run, "one"), finding=Finding.BOUNCED))
        tx.letters.note(Fate(letter=letter(run, "two"), finding=finding))
        assert tx.paths.relayed(HOST) == {587}
        assert tx.paths.relayed(ip_address("192.0.2.1")) == set()


def test_the_newest_judgement_of_a_way_in_counts_whatever_the_tls_of_the_older_one(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "old")
        begin(tx, "new", reason=JobReason.CONFIRM, started=later(hours=1))
        for run, verdict in (("old", Verdict.INCONCLUSIVE), ("new", Verdict.OPEN_MULTIHOP)):
            tx.paths.judge(run, path(HOST, 25), verdict=verdict, explanation=run)
        assert [(one.verdict, one.explanation) for one in tx.paths.latest({"old", "new"})] == [
            (Verdict.OPEN_MULTIHOP, "new")
        ]
