"""The picture of the list, what of it needs a person, and pages that go on behind their last row."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from dnsbl.casework.oversight import Check, checks, subject_from
from dnsbl.errors import NotFound
from dnsbl.health import HALTED, Health
from dnsbl.places import stop_path
from dnsbl.vocabulary import Door, JobReason, Reason
from tester.smtp import Outcome

ACTOR = "operator ada"


def wrong(found: list[Check]) -> list[str]:
    return [check.what for check in found if not check.fine]


def test_the_picture_counts_what_waits_runs_began_and_ended_today(make_office: Callable[..., Any]) -> None:
    office = make_office()
    office.clock.turn(hours=12)
    office.nominate("192.0.2.1")
    office.nominate("192.0.2.2")
    for wanted in ("192.0.2.3", "192.0.2.4", "192.0.2.5"):
        office.casework.operators.order_test(ip_address(wanted), profile="basic", actor=ACTOR)
    one = [ip_network("198.51.100.0/24")]
    office.casework.operators.list_networks(one, kind="manual", reason="x", actor=ACTOR)
    office.casework.operators.drop_networks(one, kind="manual", reason="x", actor=ACTOR)
    office.casework.operators.leave_out(ip_network("198.51.100.7/32"), reason="is no listing", actor=ACTOR)
    office.clock.turn(minutes=5)
    seen = office.casework.oversight.summary()
    assert [(one.reason, one.count) for one in seen.queue] == [(JobReason.OPERATOR, 3), (JobReason.NOMINATION, 2)]
    assert seen.waiting == 5 and seen.oldest == office.clock.now() - timedelta(minutes=5)
    assert (seen.begun, seen.begun_before, seen.ended, seen.listed) == (1, 0, {Reason.OPERATOR: 1}, {})
    assert seen.nominated == {Door.WEB: 2} and seen.entries[0].verb == "excepted"
    taken = office.take()
    office.issue(taken)
    seen = office.casework.oversight.summary()
    (test,) = seen.tests
    assert (seen.running, test.address, test.tried) == (1, taken.job.address, 0) and test.where.startswith("25, ")
    office.talk(taken, Outcome.RCPT_5XX)
    office.casework.assignments.file_run(taken)
    seen = office.casework.oversight.summary()
    assert seen.running == 0 and sum(seen.verdicts.values()) == 1
    office.clock.turn(days=1)
    seen = office.casework.oversight.summary()
    assert (seen.begun, seen.begun_before, dict(seen.verdicts), dict(seen.nominated)) == (0, 1, {}, {})


def test_tests_that_fall_due_are_told_by_hour_and_by_day(make_office: Callable[..., Any]) -> None:
    office = make_office()
    with office.store.write() as tx:
        for number, hours in enumerate((0.5, 2, 30), 1):
            tx.jobs.add(
                address=ip_address(f"192.0.2.{number}"),
                port=25,
                reason=JobReason.RETEST,
                profile="basic",
                due=office.clock.now() + timedelta(hours=hours),
                run=f"run{number}",
                provocation="x",
            )
    seen = office.casework.oversight.summary()
    assert (seen.due_hour, seen.due_day, seen.waiting) == (1, 2, 0)


def test_a_process_that_was_seen_too_long_ago_needs_somebody(make_office: Callable[..., Any]) -> None:
    office = make_office(tester={"lab_networks": ["127.0.0.0/8"]})
    office.casework.presence.beat("here:1", ("worker", "collector", "scheduler"))
    office.clock.turn(seconds=30)
    assert "here:1" not in wrong(checks(office.casework.oversight.summary()))
    office.clock.turn(seconds=1)
    (late,) = [check for check in checks(office.casework.oversight.summary()) if check.what == "here:1"]
    assert (late.fine, late.urgent, late.title) == (False, True, "here:1 was last seen 31 s ago")


def test_checks_say_first_what_is_broken_then_who_waits_and_count_what_is_fine(make_office: Callable[..., Any]) -> None:
    office = make_office(policy={"two_persons": True}, tester={"lab_networks": ["127.0.0.0/8"]})
    office.casework.presence.beat("here:1", ("worker", "collector", "scheduler"))
    calm = checks(office.casework.oversight.summary())
    assert wrong(calm) in ([], ["testing"]) and len(calm) >= 9
    office.casework.operators.list_networks([ip_network("8.8.8.0/24")], kind="manual", reason="x", actor=ACTOR)
    office.casework.operators.stop(reason="an alarm", actor=ACTOR)
    now = office.clock.now()
    down = Health(part="worker", up=False, since=now, why="no keys", begun=1)
    held = Health(part="scheduler", up=True, since=now, why="waits for a word", begun=1)
    servers = [
        {"server": "192.0.2.53:53", "zone": "a.example", "serial": 1, "trouble": []},
        {"server": "192.0.2.54:53", "zone": "a.example", "serial": None, "trouble": ["does not answer for the zone"]},
    ]
    found = checks(office.casework.oversight.summary(), [down, held], servers)
    assert wrong(found) == ["testing", "worker", "scheduler", "192.0.2.54:53 a.example", "proposals"]
    assert [check.urgent for check in found if not check.fine] == [True, True, True, True, False]
    assert "an alarm" in found[0].detail and found[0].page == "stop"


def test_a_part_that_is_down_in_any_process_needs_a_person_and_is_told_once(make_office: Callable[..., Any]) -> None:
    office = make_office()
    roles = ("worker", "collector", "scheduler")
    office.casework.presence.beat("there:2", roles, {"witnesses": "one has seen another root"})
    summary = office.casework.oversight.summary()
    (said,) = [check for check in checks(summary) if check.what == "witnesses"]
    assert (said.fine, said.urgent, said.detail) == (False, True, "One has seen another root")
    assert said.title == "witnesses does not work on there:2"
    ours = Health(part="witnesses", up=False, since=office.clock.now(), why="one has seen another root", begun=1)
    assert wrong(checks(summary, [ours])).count("witnesses") == 1
    office.casework.presence.beat("there:2", roles)
    assert "witnesses" not in wrong(checks(office.casework.oversight.summary()))


def test_pages_go_on_behind_their_last_row_without_gap_or_repetition(make_office: Callable[..., Any]) -> None:
    office = make_office()
    for number in range(1, 8):
        office.nominate(f"192.0.2.{number}")
        office.casework.operators.list_networks(
            [ip_network(f"198.51.{number}.0/24")], kind="manual", reason="x", actor=ACTOR
        )
    seeing = office.casework.oversight

    def walked(page: Callable[[int | None], list[Any]]) -> list[int]:
        found: list[int] = []
        while rows := page(found[-1] if found else None):
            assert len(rows) <= 3
            found += [row.id for row in rows]
        return found

    assert walked(lambda before: seeing.nominations(before, most=3)) == [7, 6, 5, 4, 3, 2, 1]
    assert walked(lambda before: seeing.nominations(before, Door.API, most=3)) == []
    assert len(walked(lambda before: seeing.listings(before=before, most=3)[0])) == 7
    entries, found, before = [], True, None
    while found and (before is not None or not entries):
        found, before = seeing.entries(before=before, most=4)
        entries += [entry.seq for entry in found]
        if before is None:
            break
    assert entries == sorted(entries, reverse=True) and len(entries) == entries[0] == len(set(entries))


def test_listings_are_found_by_kind_network_time_and_reason(make_office: Callable[..., Any]) -> None:
    office = make_office()
    verbs, seeing = office.casework.operators, office.casework.oversight
    verbs.list_networks([ip_network("198.51.100.0/24")], kind="manual", reason="x", actor=ACTOR)
    office.clock.turn(days=2)
    verbs.list_networks([ip_network("2001:db8:1::/64")], kind="other", reason="x", actor=ACTOR)

    def found(**filters: Any) -> list[str]:
        return [str(one.network) for one in seeing.listings(most=10, **filters)[0]]

    old, new = "198.51.100.0/24", "2001:db8:1::/64"
    middle = office.clock.now() - timedelta(days=1)
    assert found() == [new, old]
    assert found(kinds={"manual"}) == [old] and found(kinds=set()) == []
    assert found(network=ip_network("2001:db8::/32")) == [new] and found(network=ip_network("198.51.100.7/32")) == []
    assert found(since=middle) == [new] and found(until=middle) == [old]
    assert found(reason=Reason.OPERATOR) == [new, old] and found(reason=Reason.LETTER_RETURNED) == []


def test_the_journal_is_searched_by_subject_actor_verb_and_time(make_office: Callable[..., Any]) -> None:
    office = make_office()
    verbs, seeing = office.casework.operators, office.casework.oversight
    verbs.exclude(ip_network("192.0.2.0/24"), reason="one", actor="operator 100%_ada")
    office.clock.turn(hours=1)
    middle = office.clock.now()
    verbs.exclude(ip_network("192.0.2.7/32"), reason="two", actor=ACTOR)

    def found(**filters: Any) -> list[str]:
        return [entry.evidence for entry in seeing.entries(most=10, **filters)[0]]

    assert found() == ["two", "one"]
    assert found(subject=ip_address("192.0.2.7")) == ["two"] == found(subject="192.0.2.7")
    assert found(subject=ip_network("192.0.2.0/24")) == ["one"]
    assert found(actor="%_") == ["one"] and found(actor="a_a") == [] and found(actor="ada") == ["two", "one"]
    assert found(verb="excluded") == ["two", "one"] and found(verb="listed") == []
    assert found(since=middle) == ["two"] and found(until=middle) == ["one"]
    assert found(since=middle, until=middle) == []


def test_what_was_shown_is_read_whole_and_what_is_not_there_is_told(make_office: Callable[..., Any]) -> None:
    office = make_office()
    office.nominate("192.0.2.1", evidence=b"the \xff spam")
    nominated, shown = office.casework.oversight.nomination(1)
    assert (str(nominated.address), shown) == ("192.0.2.1", b"the \xff spam")
    with pytest.raises(NotFound):
        office.casework.oversight.nomination(99)


def test_a_subject_is_an_address_in_any_form_or_its_words() -> None:
    assert subject_from(" [192.0.2.7] ") in (ip_address("192.0.2.7"), "[192.0.2.7]")
    assert subject_from("2001:DB8:0::1") == ip_address("2001:db8::1")
    assert subject_from("account  ada") == "account ada" and subject_from("  ") is None


def test_a_machine_that_is_stopped_by_a_file_is_told_whether_others_go_on_or_not(
    make_office: Callable[..., Any], tmp_path: Path
) -> None:
    office = make_office(service={"state_dir": tmp_path}, tester={"lab_networks": ["127.0.0.0/8"], "quiet_hours": [0]})
    assert office.casework.oversight.summary().quiet.startswith("these are quiet hours")
    assert "testing" not in wrong(checks(office.casework.oversight.summary())), "that needs nobody"
    stop_path(office.settings).touch()
    (said,) = [check for check in checks(office.casework.oversight.summary()) if check.what.startswith("testing")]
    assert not said.fine and str(tmp_path / "stop") in said.detail and said.page == "stop"
    office.clock.turn(hours=1)
    office.casework.presence.beat("there:1:ab", ("worker",))
    summary = office.casework.oversight.summary()
    assert summary.held == "" and wrong(checks(summary))[:1] == ["testing here"]
    office.casework.operators.stop(reason="x", actor=ACTOR)
    assert wrong(checks(office.casework.oversight.summary()))[:2] == ["testing", "testing here"]


def test_why_nobody_is_dialled_needs_a_person_once(make_office: Callable[..., Any]) -> None:
    office, here = make_office(tester={"lab_networks": ["127.0.0.0/8"]}), os.uname().nodename
    roles, keyless = ("worker", "collector", "scheduler"), "It has no keys."
    office.casework.presence.beat(f"{here}:1:ab", roles, {"worker": keyless, "collector": keyless})
    summary = office.casework.oversight.summary()
    assert summary.held == f"on {here}, it has no keys"
    now = office.clock.now()
    down = Health(part="worker", up=False, since=now, why="It has no keys.", begun=1)
    assert wrong(checks(summary, [down])) == ["testing"]


def test_a_trouble_that_a_stop_only_speaks_of_is_told_beside_it(
    make_office: Callable[..., Any], tmp_path: Path
) -> None:
    office, here = make_office(service={"state_dir": tmp_path}), os.uname().nodename
    office.casework.presence.beat(
        f"{here}:1:ab", ("worker", "collector", "scheduler"), {"collector": "It has no keys."}
    )
    office.casework.operators.stop(reason="since it has no keys", actor=ACTOR)
    assert wrong(checks(office.casework.oversight.summary())) == ["testing", "collector"]


def test_of_two_machines_that_are_stopped_for_other_reasons_both_are_told(make_office: Callable[..., Any]) -> None:
    office, roles = make_office(tester={"lab_networks": ["127.0.0.0/8"]}), ("worker", "collector", "scheduler")
    office.casework.presence.beat("one:1:ab", roles, {HALTED: "An operator has stopped it."})
    office.casework.presence.beat("two:1:ab", roles, {"worker": "It has no keys."})
    summary = office.casework.oversight.summary()
    found = [check for check in checks(summary) if not check.fine]
    assert summary.held == "on one, an operator has stopped it"
    assert [(one.what, one.detail) for one in found] == [
        ("testing", "On one, an operator has stopped it."),
        ("worker", "It has no keys."),
    ]
