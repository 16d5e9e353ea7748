"""What is old goes; no proof of a listing does, nor anything that an open test needs."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from dnsbl.casework import forgetting
from dnsbl.casework.admission import EVIDENCE
from dnsbl.config import read_zones
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import transfer
from dnsbl.rules import retention
from dnsbl.rules.keeping import of_run
from dnsbl.rules.retention import Cutoffs
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.store.kept import EVER, Account
from dnsbl.store.old import Gone
from dnsbl.vocabulary import RunState, State
from tester.smtp import Outcome
from tester.verdict import CAME_BACK
from tests.depth import examples
from tests.dnsbl.conftest import Office

ZONES = Path(__file__).resolve().parents[3] / "zones"
ZONE = next(iter(read_zones(Settings.model_validate({"dns": {"zones_dir": str(ZONES)}}))))
REFUSED = Outcome.RCPT_5XX
HOST = "192.0.2.1"


@pytest.fixture
def office(make_office) -> Office:
    terms = {"tests_days": 30, "proofs_days": 365, "evidence_days": 180, "changes_days": 30}
    return make_office(tester={"late_window": 86400, "delivery_window": 3600}, retention=terms)


def closed(office: Office, address: str) -> str:
    """A test that finds nothing; its run."""
    office.nominate(address, evidence=address.encode())
    return office.test(REFUSED).id


def forget(office: Office) -> Gone:
    return office.casework.forgetting.forget(actor="operator")


def documents(office: Office, run: str) -> list[str]:
    with office.store.read() as tx:
        return tx.sessions.documents(run)


def test_an_old_test_keeps_its_verdict_and_the_hash_of_its_transcript_which_the_journal_bears(office: Office) -> None:
    run = closed(office, HOST)
    before = office.casework.views.run_report(run)
    (document,) = before.transcripts
    digest = sha256(document.encode() + b"\n").hexdigest()
    office.later(days=29)
    assert forget(office) == Gone()
    office.later(days=2)
    foreseen = office.casework.forgetting.foresee()
    assert documents(office, run) == [document], "to foresee changes nothing"
    gone = forget(office)
    assert gone == foreseen
    assert (gone.tests, gone.transcripts, gone.letters, gone.jobs) == (1, 1, len(before.letters), 1)
    assert gone.octets == len(document)
    after = office.casework.views.run_report(run)
    assert (after.transcripts, after.letters) == ((), ())
    assert (after.run.verdict, after.run.explanation) == (before.run.verdict, before.run.explanation)
    assert (after.run.forgotten, after.run.digest) == (office.clock.now(), digest)
    entry = office.casework.operators.journal()[-1]
    assert (entry.verb, entry.actor, entry.evidence) == ("forgotten", "operator", f"sha256 {run}:{digest}")
    assert forget(office) == Gone(), "nothing goes twice"
    assert office.casework.operators.verify_journal() > 0


def test_what_proves_a_listing_stays_until_long_after_its_end(office: Office) -> None:
    run = office.list_open(HOST).id
    proof = asdict(office.casework.views.run_report(run))
    office.later(days=100)
    office.casework.upkeep.expire()
    if office.casework.views.look_up(ip_address(HOST)).listings:
        office.casework.operators.drop_networks([ip_network(HOST)], kind="relay", reason="x", actor="operator")
    office.later(days=364)
    assert forget(office).tests == 0
    assert asdict(office.casework.views.run_report(run)) == proof
    office.later(days=2)
    assert forget(office).tests == 1
    report = office.casework.views.run_report(run)
    assert report.transcripts == () and report.run.digest
    assert report.returns and report.letters, "what came back stays"
    assert all(fate.finding for fate in report.letters)


def test_of_messages_that_tell_the_same_the_first_stays(office: Office) -> None:
    office.nominate(HOST)
    run = office.test(REFUSED).id
    for peer in (HOST, HOST, "198.51.100.9"):
        office.arrive(office.issued(run).recipient, peer, b"From: x\r\n\r\nwhat is this\r\n")
    first = [one.id for one in office.casework.views.run_report(run).returns]
    account = Account(of_run(run), EVER)
    with office.store.read() as tx:
        assert tx.kept.of([account])[account].messages == 3
    office.later(days=31)
    assert forget(office).messages == 1
    with office.store.read() as tx:
        assert tx.kept.of([account])[account].messages == 0
    assert [one.id for one in office.casework.views.run_report(run).returns] == [first[0], first[2]]


def test_a_slice_looks_again_at_what_has_become_a_proof_since_it_was_found(office: Office) -> None:
    proving = office.list_open(HOST).id
    office.later(days=31)
    terms, verbs = Cutoffs.of(office.settings, office.clock.now()), office.casework.forgetting
    shown = sha256(b"spam").hexdigest()
    with office.store.write() as tx:
        assert tx.evidence.read(shown)
        assert verbs._forget_runs(tx, [proving], terms, "operator") == Gone()
        assert verbs._forget_evidence(tx, [shown], "operator") == Gone()
        assert tx.evidence.read(shown) and tx.sessions.documents(proving)
    other = closed(office, "192.0.2.2")
    with office.store.write() as tx:
        assert verbs._forget_runs(tx, [other, proving], terms, "operator").tests == 1
        assert verbs._forget_runs(tx, [other], terms, "operator") == Gone(), "another scheduler was there first"


def test_an_unsettled_test_and_a_job_that_waits_lose_nothing(office: Office) -> None:
    office.nominate(HOST)
    run = office.test(Outcome.ACCEPTED)
    assert run.state is RunState.WAITING
    office.later(days=400)
    assert forget(office).tests == 0
    assert documents(office, run.id)
    office.nominate("192.0.2.2", evidence=None, reason="x")
    office.later(days=400)
    assert forget(office).jobs == 0
    assert office.casework.views.look_up(ip_address("192.0.2.2")).state is State.QUEUED


def test_a_job_of_which_no_test_was_begun_goes_too(office: Office) -> None:
    office.nominate(HOST)
    office.casework.operators.exclude(ip_network(HOST), reason="x", actor="operator")
    office.later(days=31)
    assert forget(office).jobs == 1
    assert "jobs 1-1" in office.casework.operators.journal()[-1].evidence
    assert office.casework.operators.exclusions(), "an opt-out is never forgotten"


def test_evidence_goes_after_its_term_but_for_that_of_listed_addresses(office: Office) -> None:
    office.nominate(HOST, evidence=b"listed")
    office.test(Outcome.ACCEPTED, back=HOST)
    closed(office, "192.0.2.2")
    office.later(days=85)
    with office.store.write() as tx:  # its proof is fresh again
        (listing,) = tx.listings.covering(ip_address(HOST))
        tx.listings.extend([listing.id], None)
    office.later(days=100)
    gone = forget(office)
    assert (gone.evidence, gone.changes) == (1, 0)
    name = sha256(b"192.0.2.2").hexdigest()
    with office.store.read() as tx:
        assert tx.evidence.read(name) is None
        assert tx.evidence.read(sha256(b"listed").hexdigest()) == b"listed"
        assert tx.kept.of([EVIDENCE])[EVIDENCE].octets == len(b"listed")
    assert office.casework.operators.journal()[-1].evidence == f"1 messages, from sha256:{name} to {name}"


def changed(office: Office, count: int) -> None:
    for n in range(count):
        words = {"kind": "manual", "reason": "x", "actor": "operator"}
        office.casework.operators.list_networks([ip_network((0x0A000000 + n, 32))], **words)
    office.casework.counting.count()


def test_old_changes_go_the_newest_never_and_whoever_was_away_takes_the_whole(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "REACH", 2)
    monkeypatch.setattr(forgetting, "STEPS", 3)
    changed(office, 6)
    asked = [ip_address("10.0.0.5"), ip_address("10.0.0.9")]
    before = office.casework.briefing.each(asked)
    office.later(days=31)
    changed(office, 8)  # of which two are new
    assert forget(office).changes == 6
    contents = office.casework.contents
    assert [change.seq for change in contents.changes(0)] == [7, 8] and contents.last_change() == 8
    table = Table.of(contents.snapshot()[1], serial=8)
    assert transfer.steps(ZONE, table, 3, contents.changes(3), expand=False) is None, "the whole zone, then"
    assert transfer.steps(ZONE, table, 6, contents.changes(6), expand=False) is not None
    assert office.casework.briefing.each(asked) == before, "a table that was left behind is read anew"
    changed(office, 9)
    assert [change.seq for change in contents.changes(0)] == [7, 8, 9]


def test_changes_that_are_not_counted_or_not_in_the_event_log_stay(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "REACH", 0)
    words = {"kind": "manual", "reason": "x", "actor": "operator"}
    for n in range(3):
        office.casework.operators.list_networks([ip_network((0x0A000000 + n, 32))], **words)
    office.later(days=31)
    assert forget(office).changes == 0
    office.casework.counting.count()
    monkeypatch.setattr(office.casework.forgetting, "_shipped", lambda: 1)
    assert forget(office).changes == 1
    monkeypatch.setattr(office.casework.forgetting, "_shipped", lambda: None)
    assert forget(office).changes == 1, "the newest stays, or numbers would be given twice"
    assert office.casework.contents.last_change() == 3


def test_the_scheduler_walks_once_a_day_a_part_at_a_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "RUNS", 1)
    monkeypatch.setattr(forgetting, "TURN", 0)
    runs = [closed(office, f"192.0.2.{n}") for n in (1, 2, 3)]
    office.later(days=31)
    step = office.casework.forgetting.step
    assert [step(), step()] == [1, 1]
    assert [bool(documents(office, run)) for run in runs] == [False, False, True]
    assert [step(), step(), step()] == [1, 0, 0]
    closed(office, "192.0.2.4")
    office.later(hours=23)
    assert step() == 0
    office.later(days=31)
    assert step() == 1
    assert office.casework.operators.journal()[-1].actor == "policy"


def test_a_walk_pauses_where_all_that_is_old_is_needed_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "LOOKS", 1)
    monkeypatch.setattr(forgetting, "TURN", 0)
    for n in (1, 2, 3):
        office.list_open(f"192.0.2.{n}")
    office.later(days=31)
    looked = list[object]()
    walk = office.casework.forgetting._runs
    monkeypatch.setattr(
        office.casework.forgetting, "_runs", lambda terms: (looked.append(names) or names for names in walk(terms))
    )
    step = office.casework.forgetting.step
    assert [(step(), len(looked)) for _ in range(3)] == [(0, 1), (0, 2), (0, 3)]


HISTORY = st.lists(
    st.sampled_from(["open", "closed", "silent", "retest open", "retest closed", "drop", "month", "day", "forget"]),
    min_size=4,
    max_size=14,
)


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORY)
def test_whatever_happened_every_standing_listing_shows_its_proof_and_the_chain_holds(office: Office, history) -> None:
    hosts = iter(range(1, 250))
    base = next(_rounds)
    for what in [*history, "month", "month", "forget"]:
        _happen(office, what, f"10.9.{base % 250}.{next(hosts)}", base)
    with office.store.read() as tx:
        standing = tx.listings.page(most=500)[0]
        for listing in standing:
            if listing.run is None:
                continue
            run = tx.runs.read(listing.run)
            assert run is not None and run.forgotten is None
            assert tx.sessions.documents(listing.run), "the transcript of the proving run"
            fates = tx.letters.of(listing.run)
            assert any(fate.finding in CAME_BACK for fate in fates) and tx.returns.of(listing.run)
            assert json.loads(tx.sessions.documents(listing.run)[0])["results"]
            assert len(fates) == len(json.loads(tx.sessions.documents(listing.run)[0])["results"]), "every letter"
    assert office.casework.operators.verify_journal()
    assert list(office.casework.restoring.backup())


_rounds = iter(range(10_000))


def _happen(office: Office, what: str, address: str, base: int) -> None:
    here = ip_network(f"10.9.{base % 250}.0/24")
    listed = [one.network.network_address for one in office.casework.views.listed_in(here, most=50)]
    match what:
        case "open":
            office.nominate(address)
            _test(office, Outcome.ACCEPTED, address)
        case "closed":
            office.nominate(address)
            _test(office, REFUSED, "")
        case "silent":
            office.nominate(address)
            _test(office, Outcome.ACCEPTED, "")
        case "retest open" | "retest closed" if listed:
            office.casework.operators.order_test(listed[0], profile="standard", actor="operator")
            _test(office, *((Outcome.ACCEPTED, str(listed[0])) if what.endswith("open") else (REFUSED, "")))
        case "drop" if listed:
            office.casework.operators.drop_networks([ip_network(listed[0])], kind="relay", reason="x", actor="operator")
        case "month":
            office.later(days=31)
            office.casework.upkeep.settle()
        case "day":
            office.later(days=1)
        case "forget":
            forget(office)


def _test(office: Office, says: Outcome, back: str) -> None:
    """Of whoever's turn it is."""
    assignment = office.casework.assignments.take_job(office.worker)
    if assignment is None:
        return
    if not assignment.letters:
        office.issue(assignment)
    office.talk(assignment, says)
    if back:
        office.come_back(assignment.job.run, str(assignment.job.address))
    office.casework.assignments.file_run(assignment)


def test_a_copy_that_was_made_after_forgetting_comes_back(
    office: Office, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "REACH", 1)
    run = closed(office, HOST)
    office.list_open("192.0.2.9")
    changed(office, 3)
    office.later(days=31)
    changed(office, 5)
    gone = forget(office)
    assert gone.tests and gone.changes
    before = office.casework.views.run_report(run)
    copy = list(office.casework.restoring.backup())
    store = Store(empty_url)
    fresh = Office(store, office.settings, clock=office.clock, worker="w2")
    fresh.casework.restoring.restore(iter(copy), None, reason="disk lost", actor="operator", trust_words=True)
    assert fresh.casework.views.run_report(run) == before
    assert fresh.casework.views.look_up(ip_address("10.0.0.1")).state is State.LISTED
    assert fresh.casework.operators.verify_journal() > office.casework.operators.verify_journal()
    seqs = [change.seq for change in fresh.casework.contents.changes(0)]
    assert seqs == list(range(seqs[0], fresh.casework.contents.last_change() + 1)), "numbers go on without a hole"
    store.close()
