"""The restore drill, on the database that the tests run on: what was removed since the copy does not come back."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from sqlalchemy import inspect

from dnsbl.dns.listed.series import GAP, UNNUMBERED, Wanted
from dnsbl.errors import Damaged, StoreUnavailable
from dnsbl.rules.timekeeping import Terms
from dnsbl.store import Store, versions
from dnsbl.store.columns import WordsAndHashes
from dnsbl.store.timekeeper import Timekeeper
from dnsbl.vocabulary import Door, JobReason, Reason, State
from tester.smtp import Control, Outcome
from tester.verdict import Verdict

REFUSED = Outcome.RCPT_5XX
STAYS, FIXED, LATER = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def net(text: str):
    return ip_network(text)


@pytest.fixture
def elsewhere(office, empty_url: str, make_office) -> Iterator:
    """An office on an empty database, where the copy comes back."""
    store = Store(empty_url)
    fresh = type(office)(store, office.settings, clock=office.clock, worker="w2")
    yield fresh
    store.close()


@pytest.fixture
def office(make_office):
    return make_office()


def lived(office, tmp_path: Path) -> tuple[list[str], Path]:
    """A list with a life: a copy in the middle of it, and the event log to its end."""
    log = tmp_path / "events.jsonl"
    office.list_open(STAYS)
    office.list_open(FIXED)
    operators = office.casework.operators
    for network in ("10.1.0.0/16", "10.2.0.0/16"):
        operators.list_networks([net(network)], kind="manual", reason="spam", actor="operator a")
    operators.exclude(net("198.51.100.0/24"), reason="asked", actor="operator a", public="At its owner's wish.")
    copy = list(office.casework.restoring.backup())
    office.casework.shipping.ship_to(log)
    # what happens after the copy
    office.casework.doors.ask_removal(ip_address(FIXED), door=Door.WEB, actor="owner")
    office.test(REFUSED)
    office.list_open(LATER)
    operators.drop_networks([net("10.2.0.0/16")], kind="manual", reason="mistake", actor="operator b")
    operators.list_networks([net("10.3.0.0/16")], kind="manual", reason="more spam", actor="operator b")
    operators.leave_out(net("10.3.3.3/32"), reason="good", actor="operator b")
    operators.exclude(net("203.0.113.0/24"), reason="asked later", actor="operator b")
    operators.end_exclusion(net("198.51.100.0/24"), reason="asked too", actor="operator b")
    office.casework.shipping.ship_to(log)
    return copy, log


def restore(office, copy, log: Path | None = None, **options):
    lines = log.read_text().splitlines() if log else None
    return office.casework.restoring.restore(iter(copy), lines, reason="disk lost", actor="operator c", **options)


def state(office, address: str) -> State:
    return office.casework.views.look_up(ip_address(address)).state


def test_with_the_event_log_the_list_is_what_it_was_but_for_proofs_that_are_lost(office, elsewhere, tmp_path) -> None:
    copy, log = lived(office, tmp_path)
    office.later(hours=1)
    done = restore(elsewhere, copy, log)
    assert (done.removed, done.doubtful) == (2, 1)
    assert state(elsewhere, STAYS) is State.LISTED
    fixed = elsewhere.casework.views.look_up(ip_address(FIXED))
    assert fixed.listings == ()
    assert fixed.past[0].end_reason is Reason.RETEST_CLOSED
    assert state(elsewhere, LATER) is State.QUEUED, "its proof is lost, so it is tested and not listed"
    assert state(elsewhere, "10.1.1.1") is State.LISTED
    assert state(elsewhere, "10.2.1.1") is State.UNKNOWN
    assert state(elsewhere, "10.3.1.1") is State.LISTED
    assert state(elsewhere, "10.3.3.3") is State.UNKNOWN, "the exception came back"
    assert [str(each.network) for each in elsewhere.casework.operators.exclusions()] == ["203.0.113.0/24"]


def test_what_was_excluded_in_the_copy_and_is_so_no_more_has_its_planned_retest(office, elsewhere, tmp_path) -> None:
    office.list_open(STAYS)
    office.casework.operators.exclude(net(f"{STAYS}/32"), reason="asked", actor="operator a")
    copy, log = list(office.casework.restoring.backup()), tmp_path / "events.jsonl"
    office.casework.operators.end_exclusion(net(f"{STAYS}/32"), reason="asked too", actor="operator b")
    office.casework.shipping.ship_to(log)
    restore(elsewhere, copy, log)
    planned = office.casework.views.look_up(ip_address(STAYS)).next_test
    assert planned and elsewhere.casework.views.look_up(ip_address(STAYS)).next_test == planned


def test_a_nomination_that_was_withdrawn_after_the_copy_stays_so_and_nobody_is_tested_for_it(
    office, elsewhere, tmp_path
) -> None:
    office.nominate(STAYS)
    office.nominate(FIXED)
    copy, log = list(office.casework.restoring.backup()), tmp_path / "events.jsonl"
    office.casework.withdrawing.withdraw(1, actor="operator a", reason="a slip")
    office.casework.shipping.ship_to(log)
    restore(elsewhere, copy, log)
    assert (state(elsewhere, STAYS), state(elsewhere, FIXED)) == (State.UNKNOWN, State.QUEUED)
    assert [one.counts for one in elsewhere.casework.oversight.nominations(most=9)] == [True, False]


def test_the_journal_goes_on_unbroken_with_every_entry_of_the_log(office, elsewhere, tmp_path) -> None:
    copy, log = lived(office, tmp_path)
    before = office.casework.operators.journal(most=10000)
    restore(elsewhere, copy, log)
    after = elsewhere.casework.operators.journal(most=10000)
    assert after[: len(before)] == before
    assert elsewhere.casework.operators.verify_journal() == len(after)
    assert after[-1].verb == "restored"


def test_what_dns_answers_is_what_the_listings_say(office, elsewhere, tmp_path) -> None:
    copy, log = lived(office, tmp_path)
    last = office.casework.contents.last_change()
    restore(elsewhere, copy, log)
    assert elsewhere.casework.contents.last_change() > last, "no serial comes twice"
    rows = {(str(ip_network((row[1:-1], row[-1]))), kind) for row, kind in elsewhere.casework.contents.snapshot()[1]}
    assert rows == {
        (f"{STAYS}/32", "relay"),
        ("10.1.0.0/16", "manual"),
        ("10.3.0.0/16", "manual"),
        ("10.3.3.3/32", ""),
        ("10.3.3.3/32", "exempt"),
        ("203.0.113.0/24", "do-not-test"),
    }


def test_without_the_event_log_nothing_is_listed_before_it_is_tested_again(office, elsewhere, tmp_path) -> None:
    copy, _ = lived(office, tmp_path)
    done = restore(elsewhere, copy)
    assert done.doubtful == 4
    assert {kind for _, kind in elsewhere.casework.contents.snapshot()[1]} == {"do-not-test"}
    for address in (STAYS, FIXED):
        found = elsewhere.casework.views.look_up(ip_address(address))
        assert (found.state, found.past[0].end_reason) == (State.QUEUED, Reason.DOUBTFUL)
        assert found.job.reason is JobReason.RETEST
        assert found.job.due <= office.clock.now()
    assert [str(each.network) for each in elsewhere.casework.operators.exclusions()] == ["198.51.100.0/24"]


def test_a_doubtful_relay_is_listed_again_when_it_is_still_open_and_only_then(office, elsewhere, tmp_path) -> None:
    copy, _ = lived(office, tmp_path)
    office.later(hours=2)
    restore(elsewhere, copy)
    elsewhere.keyring = office.keyring
    for _ in range(2):
        assignment = elsewhere.take()
        elsewhere.issue(assignment)
        here = str(assignment.job.address)
        elsewhere.talk(assignment, Outcome.ACCEPTED if here == STAYS else REFUSED)
        if here == STAYS:
            elsewhere.come_back(assignment.job.run, here)
        elsewhere.casework.assignments.file_run(assignment)
    assert state(elsewhere, STAYS) is State.LISTED
    assert state(elsewhere, FIXED) is State.CLEAR


def test_operators_may_say_that_no_word_of_theirs_was_taken_back(office, elsewhere, tmp_path) -> None:
    copy, _ = lived(office, tmp_path)
    restore(elsewhere, copy, trust_words=True)
    assert state(elsewhere, "10.1.1.1") is State.LISTED
    assert state(elsewhere, STAYS) is State.QUEUED


def test_what_was_delisted_after_the_copy_is_on_probation_again(office, elsewhere, tmp_path) -> None:
    copy, log = lived(office, tmp_path)
    restore(elsewhere, copy, log)
    with elsewhere.store.read() as tx:
        job = tx.jobs.live(ip_address(FIXED))
    assert job.reason is JobReason.PROBATION
    assert job.due > office.clock.now()


def test_so_is_what_its_owner_got_off_after_the_copy_since_nobody_was_there(office, elsewhere, tmp_path) -> None:
    log, here = tmp_path / "events.jsonl", ip_address(FIXED)
    office.list_open(FIXED)
    copy = list(office.casework.restoring.backup())
    office.later(days=1)
    office.casework.ownership.show(here, how="by a record", door=Door.WEB, actor="owner")
    office.casework.doors.ask_removal(here, door=Door.WEB, actor="owner", control=True)
    for _ in range(3):
        office.test(Outcome.CONN_TIMEOUT, control=Control.NOT_RUN)
        office.later(days=1, hours=1)
    office.casework.shipping.ship_to(log)
    restore(elsewhere, copy, log)
    assert elsewhere.casework.views.look_up(here).past[0].end_reason is Reason.OWNER_GONE
    with elsewhere.store.read() as tx:
        assert tx.jobs.live(here).reason is JobReason.PROBATION


def test_so_is_what_a_request_alone_took_off_after_the_copy(make_office, empty_url: str, tmp_path) -> None:
    office, log = make_office(policy={"removal": "request"}), tmp_path / "events.jsonl"
    office.list_open(FIXED)
    copy = list(office.casework.restoring.backup())
    office.later(days=1)
    assert office.casework.doors.ask_removal(ip_address(FIXED), door=Door.WEB, actor="anybody") is None
    office.casework.shipping.ship_to(log)
    store = Store(empty_url)
    elsewhere = type(office)(store, office.settings, clock=office.clock, worker="w2")
    restore(elsewhere, copy, log)
    assert elsewhere.casework.views.look_up(ip_address(FIXED)).past[0].end_reason is Reason.REMOVED
    assert state(elsewhere, FIXED) is not State.LISTED, "no removal is lost with a disk"
    with store.read() as tx:
        assert tx.jobs.live(ip_address(FIXED)).reason is JobReason.PROBATION
    store.close()


def test_a_restored_list_numbers_new_rows_behind_the_old_ones(office, elsewhere, tmp_path) -> None:
    copy, log = lived(office, tmp_path)
    restore(elsewhere, copy, log)
    elsewhere.nominate("192.0.2.77")
    elsewhere.casework.operators.list_networks([net("10.9.0.0/16")], kind="manual", reason="x", actor="operator")
    assert elsewhere.casework.operators.verify_journal()


def test_only_an_empty_database_is_filled_and_a_refusal_leaves_it_as_it_was(office, tmp_path) -> None:
    copy, log = lived(office, tmp_path)
    entries = office.casework.operators.verify_journal()
    with pytest.raises(StoreUnavailable, match="not empty"):
        restore(office, copy, log)
    assert office.casework.operators.verify_journal() == entries


@pytest.mark.parametrize("harm", ["cut", "changed", "head", "form", "row"])
def test_a_copy_that_is_not_what_was_written_restores_nothing(office, elsewhere, tmp_path, harm: str) -> None:
    copy, _ = lived(office, tmp_path)
    match harm:
        case "cut":
            copy = copy[: len(copy) // 2]
        case "changed":
            copy = [line.replace("10.1.0.0", "10.7.0.0").replace("operator a", "operator z") for line in copy]
        case "head":
            copy = ["nonsense\n", *copy]
        case "form":
            copy[0] = json.dumps(json.loads(copy[0]) | {"copy": 99}) + "\n"
        case "row":
            copy.insert(2, "[1,2,3]\n")
    with pytest.raises(Damaged):
        restore(elsewhere, copy)
    assert elsewhere.store.is_empty()


def test_a_copy_of_a_schema_that_is_not_known_is_refused(office, elsewhere, tmp_path) -> None:
    copy, _ = lived(office, tmp_path)
    copy[0] = json.dumps(json.loads(copy[0]) | {"schema": "9999"}) + "\n"
    with pytest.raises(StoreUnavailable, match="9999"):
        restore(elsewhere, copy)


@pytest.mark.parametrize("harm", ["gap", "changed", "short"])
def test_a_log_that_does_not_hold_together_restores_nothing(office, elsewhere, tmp_path, harm: str) -> None:
    copy, log = lived(office, tmp_path)
    lines = log.read_text().splitlines(keepends=True)
    seq = json.loads(copy[0])["journal"]
    behind = [n for n, line in enumerate(lines) if '"entry"' in line and json.loads(line)["entry"]["seq"] > seq]
    match harm:
        case "gap":
            del lines[behind[1]]
        case "changed":
            lines[behind[1]] = lines[behind[1]].replace('"actor":"', '"actor":"not ')
        case "short":
            lines = [line for line in lines if '"entry"' in line][: seq - 2]
    log.write_text("".join(lines))
    with pytest.raises(Damaged):
        restore(elsewhere, copy, log)
    assert elsewhere.store.is_empty()


def test_a_copy_is_of_one_moment_and_names_it(office, tmp_path) -> None:
    copy, _ = lived(office, tmp_path)
    head = json.loads(copy[0])
    assert head["schema"] == versions.NEWEST
    assert head["made"] <= (office.clock.now() + timedelta(seconds=1)).isoformat()


def test_what_has_come_back_is_numbered_in_no_epoch_of_before_and_above_them_all(office, elsewhere, tmp_path) -> None:
    contents = office.casework.contents
    begun = contents.epoch(Wanted(digest="z", newest=None, above=0, breaks=False, why="a test"))
    ahead = contents.epoch(Wanted(digest="y", newest=begun.base, above=begun.base + 2**30, breaks=False, why="a test"))
    copy, log = lived(office, tmp_path)
    restore(elsewhere, copy, log)
    [epoch] = elsewhere.casework.contents.advance(0).epochs
    assert epoch.digest == UNNUMBERED
    assert epoch.base + epoch.since >= ahead.base + contents.last_change() + GAP
    wish = Wanted(digest="y", newest=epoch.base, above=0, breaks=False, why="a node has come up")
    assert elsewhere.casework.contents.epoch(wish).base > epoch.base


def hexed(octets: bytes | None) -> str | None:
    return None if octets is None else octets.hex()


def test_a_copy_of_an_older_schema_is_brought_up(office, elsewhere, tmp_path) -> None:
    """As the program of schema 0009 wrote it: without the columns and the table that came after, and with hashes as
    text, of which each entry of the journal held that of the one before too."""
    copy, _ = lived(office, tmp_path)
    past = Store(f"sqlite:///{tmp_path}/past.db")
    with past._writing() as tx:
        versions.upgrade(tx.connection, "0009")
        seen = inspect(tx.connection)
        had = {table: {column["name"] for column in seen.get_columns(table)} for table in seen.get_table_names()}
    past.close()
    head, lines = json.loads(copy[0]) | {"schema": "0009"}, []
    names: list[str] = []
    table, previous = "", "0" * 64
    for line in copy[1:-1]:
        found = json.loads(line)
        if isinstance(found, dict):
            table, names = found["table"], found["columns"]
            told = {"table": table, "columns": [name for name in names if name in had.get(table, ())]}
            if table == "journal":
                told["columns"].append("previous")
        else:
            row = dict(zip(names, found, strict=True))
            for name in {"evidence", "sha256", "hash"} & row.keys():
                octets = b64decode(row[name]["b64"]) if row[name] else None
                row[name] = (
                    WordsAndHashes().read(octets) if table == "journal" and name == "evidence" else hexed(octets)
                )
            told = [value for name, value in row.items() if name in had.get(table, ())]
            if table == "journal":
                told.append(previous)
                previous = row["hash"]
        if table in had:
            lines.append(json.dumps(told))
    old = [json.dumps(head), *lines]
    end = {"end": sum(line.startswith("[") for line in old), "sha256": sha256("".join(old).encode()).hexdigest()}
    restore(elsewhere, [line + "\n" for line in (*old, json.dumps(end))], trust_words=True)
    elsewhere.store.check()
    assert state(elsewhere, "10.1.1.1") is State.LISTED
    assert elsewhere.casework.operators.verify_journal()


def test_a_test_that_waited_for_its_letters_is_void_and_made_again(office, elsewhere, tmp_path) -> None:
    """Its letter came back after the copy: what the copy knows of it is no sign that the server loses mail."""
    log = tmp_path / "events.jsonl"
    office.list_open(STAYS)
    office.later(days=1)
    office.casework.doors.ask_removal(ip_address(STAYS), door=Door.WEB, actor="owner")
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    run = office.casework.assignments.file_run(assignment)
    copy = list(office.casework.restoring.backup())
    office.casework.shipping.ship_to(log)
    office.come_back(run.id, STAYS)
    office.casework.shipping.ship_to(log)
    done = restore(elsewhere, copy, log)
    assert done.void == 1
    elsewhere.later(seconds=office.window.total_seconds() + 10)
    elsewhere.casework.upkeep.settle()
    found = elsewhere.casework.views.look_up(ip_address(STAYS))
    assert found.state is State.LISTED
    assert next(each for each in found.runs if each.id == run.id).verdict is Verdict.INCONCLUSIVE
    assert found.job.reason is JobReason.REPEAT, "it is tested once more"


def test_a_test_that_was_under_way_is_not_repeated_for_what_was_removed_since(office, elsewhere, tmp_path) -> None:
    log = tmp_path / "events.jsonl"
    office.list_open(STAYS)
    office.later(days=1)
    office.casework.doors.ask_removal(ip_address(STAYS), door=Door.WEB, actor="owner")
    assignment = office.take()
    office.issue(assignment)
    copy = list(office.casework.restoring.backup())
    office.casework.shipping.ship_to(log)
    office.talk(assignment, REFUSED)
    office.casework.assignments.file_run(assignment)
    office.casework.shipping.ship_to(log)
    done = restore(elsewhere, copy, log)
    assert (done.void, done.removed) == (1, 1)
    with elsewhere.store.read() as tx:
        assert tx.jobs.live(ip_address(STAYS)).reason is JobReason.PROBATION


def test_what_was_proven_by_a_test_that_was_under_way_is_tested_again_at_once(office, elsewhere, tmp_path) -> None:
    log = tmp_path / "events.jsonl"
    office.nominate(STAYS)
    assignment = office.take()
    office.issue(assignment)
    copy = list(office.casework.restoring.backup())
    office.casework.shipping.ship_to(log)
    office.talk(assignment, Outcome.ACCEPTED)
    office.come_back(assignment.job.run, STAYS)
    office.casework.assignments.file_run(assignment)
    assert state(office, STAYS) is State.LISTED
    office.casework.shipping.ship_to(log)
    restore(elsewhere, copy, log)
    with elsewhere.store.read() as tx:
        job = tx.jobs.live(ip_address(STAYS))
    assert (job.reason, job.due <= office.clock.now()) == (JobReason.RETEST, True)


def test_a_copy_from_long_ago_comes_back_before_its_clock_is_trusted(office, elsewhere, tmp_path) -> None:
    log = tmp_path / "events.jsonl"
    office.list_open(FIXED)
    copy = list(office.casework.restoring.backup())
    office.casework.shipping.ship_to(log)
    office.casework.doors.ask_removal(ip_address(FIXED), door=Door.WEB, actor="owner")
    office.test(REFUSED)
    office.casework.shipping.ship_to(log)
    office.later(days=60)
    elsewhere.store._timekeeper = Timekeeper(office.clock, Terms(tolerance=timedelta(minutes=5), gap=timedelta(days=7)))
    assert restore(elsewhere, copy, log).removed == 1
    assert state(elsewhere, FIXED) is not State.LISTED
