"""What strangers may have us send within an hour, and whom it is counted for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl import settings
from dnsbl.model import ASKED, Job
from dnsbl.rules import sending
from dnsbl.rules.sending import SLOT, SLOTS, Purse, Sent
from dnsbl.vocabulary import JobReason, JobState
from tester.smtp import Event, Limits, Outcome, Result, Transcript

TERMS = settings.Tester(hour_connections=800, hour_letters=100_000, hour_octets=10**9, connections=10)
NOW = datetime(2026, 3, 1, 12, 3, tzinfo=UTC)
JOB = Job(
    id=1,
    address=ip_address("192.0.2.1"),
    port=25,
    reason=JobReason.NOMINATION,
    profile="standard",
    due=NOW,
    state=JobState.QUEUED,
    run="r",
    takes=0,
    retries=0,
    provocation="nomination 1",
    rank=1,
    whose="198.51.100.0/24",
)
ONE = sending.CONNECTION


def holders(job: Job, address: str = "192.0.2.1", terms: settings.Tester = TERMS) -> list[str]:
    return [one.holder for one in sending.counted(job, ip_address(address), terms)]


def test_a_connection_counts_for_everybody_the_target_and_who_asked_and_for_the_networks_around_both() -> None:
    assert holders(JOB) == [
        "nominations",
        "nominations at 192.0.2.1/32",
        "nominations at 192.0.2.0/24",
        "nominations at 192.0.0.0/16",
        "nominations at 192.0.0.0/8",
        "nominations of 198.51.100.0/24",
        "nominations of 198.51.0.0/16",
        "nominations of 198.0.0.0/8",
    ]
    assert holders(replace(JOB, whose="2001:db8:1::/48"), "2a00:1:2:3::9") == [
        "nominations",
        "nominations at 2a00:1:2:3::/64",
        "nominations at 2a00:1:2::/48",
        "nominations at 2a00:1::/32",
        "nominations at 2a00::/20",
        "nominations of 2001:db8:1::/48",
        "nominations of 2001:db8::/32",
        "nominations of 2001::/20",
    ]
    assert holders(replace(JOB, whose="somebody"))[-1] == "nominations of somebody"


def test_who_waits_is_never_told_who_has_asked() -> None:
    assert not any("198.51" in one.whose for one in sending.counted(JOB, JOB.address, TERMS))


def test_what_no_stranger_has_asked_for_counts_for_nobody_and_retests_have_a_purse_of_their_own() -> None:
    assert holders(replace(JOB, whose="")) == []
    assert sending.purse_of(replace(JOB, rank=ASKED)) is Purse.REMOVALS
    assert holders(replace(JOB, rank=ASKED)) == [each.replace("nominations", "removals") for each in holders(JOB)]


def test_the_part_of_a_neighbourhood_on_either_side_is_the_settings_and_of_wider_networks_that_of_the_queue() -> None:
    terms = TERMS.model_copy(update={"target_part": 70, "network_part": 60})
    for address, asker, wider in (("192.0.2.1", "198.51.100.0/24", (8, 2)), ("2a00::9", "2001:db8:1::/48", (8, 2))):
        parts = [one.part for one in sending.counted(replace(JOB, whose=asker), ip_address(address), terms)]
        assert parts[1:] == [70, 60, *wider, 60, *wider]


def test_in_a_lab_networks_have_no_share() -> None:
    lab = TERMS.model_copy(update={"lab_networks": settings.Tester(lab_networks=["192.0.2.0/24"]).lab_networks})
    assert holders(JOB, terms=lab)[:3] == [
        "nominations",
        "nominations at 192.0.2.1/32",
        "nominations of 198.51.100.0/24",
    ]
    assert holders(replace(JOB, whose="192.0.2.0/24"), terms=lab) == ["nominations", "nominations at 192.0.2.1/32"]


def wait(ledger: dict[str, dict[int, Sent]], need: Sent = ONE, job: Job = JOB) -> sending.Delay | None:
    return sending.delay(sending.counted(job, job.address, TERMS), ledger, need, TERMS, NOW)


@pytest.mark.parametrize(
    ("holder", "used", "why"),
    [
        ("nominations", 800, "strangers have had as many tests as may be in this hour"),
        ("nominations at 192.0.2.1/32", 10, "this address has had its share of this hour"),
        ("nominations at 192.0.2.0/24", 20, "its network 192.0.2.0/24 has had its share of this hour"),
        ("nominations at 192.0.0.0/16", 100, "its network 192.0.0.0/16 has had its share of this hour"),
        ("nominations at 192.0.0.0/8", 400, "its network 192.0.0.0/8 has had its share of this hour"),
        ("nominations of 198.51.100.0/24", 20, "whoever asked for it has had the share of this hour"),
        ("nominations of 198.51.0.0/16", 100, "whoever asked for it has had the share of this hour"),
    ],
)
def test_each_of_them_may_have_its_share_and_not_one_connection_more(holder: str, used: int, why: str) -> None:
    slot = sending.slot_of(NOW)
    assert wait({holder: {slot: Sent(used - 1, 0, 0)}}) is None
    found = wait({holder: {slot: Sent(used, 0, 0)}})
    assert found is not None
    assert found.why == why
    assert found.until == datetime.fromtimestamp((slot + SLOTS) * SLOT, UTC)


@pytest.mark.parametrize("what", ["connections", "letters", "octets"])
def test_letters_and_octets_are_bounded_like_connections(what: str) -> None:
    full = Sent(0, 0, 0)._replace(**{what: getattr(sending.bound(TERMS), what)})
    assert wait({"nominations": {sending.slot_of(NOW): full}}) is not None


def test_a_test_begins_only_where_there_is_room_for_the_whole_of_it() -> None:
    slot = sending.slot_of(NOW)
    used = {"nominations at 192.0.2.0/24": {slot: Sent(11, 0, 0)}}
    assert wait(used) is None
    assert wait(used, sending.worth_of(TERMS)) is not None


def test_who_has_had_nothing_has_room_for_one_test_while_there_is_any() -> None:
    slot = sending.slot_of(NOW)
    assert wait({"nominations": {slot: Sent(790, 0, 0)}}, sending.worth_of(TERMS)) is None
    assert wait({"nominations": {slot: Sent(791, 0, 0)}}, sending.worth_of(TERMS)) is not None


def test_a_bound_that_is_smaller_than_a_test_lets_one_after_another_pass() -> None:
    small = TERMS.model_copy(update={"hour_connections": 3})
    who = sending.counted(JOB, JOB.address, small)
    assert sending.delay(who, {}, sending.worth_of(small), small, NOW) is None


def test_it_waits_until_enough_of_it_lies_an_hour_back_and_no_longer() -> None:
    slot = sending.slot_of(NOW)
    ledger = {"nominations": {slot - 6: Sent(100, 0, 0), slot - 4: Sent(700, 0, 0), slot: Sent(50, 0, 0)}}
    found = wait(ledger)
    assert found is not None
    assert found.until == datetime.fromtimestamp((slot + 1) * SLOT, UTC)
    assert wait({"nominations": {slot - 7: Sent(900, 0, 0)}}) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(0, 9), st.integers(0, 3)),
        min_size=1,
        max_size=400,
    )
)
def test_no_hour_wherever_it_begins_holds_more_than_is_allowed(steps: list[tuple[int, int, int]]) -> None:
    terms = TERMS.model_copy(update={"hour_connections": 20, "connections": 4})
    ledger: dict[str, dict[int, Sent]] = defaultdict(dict)
    now, made = NOW, []
    for seconds, target, asker in steps:
        now += timedelta(seconds=seconds)
        job = replace(JOB, address=ip_address(f"192.{target}.2.1"), whose=f"10.{asker}.0.0/24")
        who = sending.counted(job, job.address, terms)
        if sending.delay(who, ledger, ONE, terms, now) is None:
            made.append(now)
            for one in who:
                here = ledger[one.holder]
                slot = sending.slot_of(now)
                here[slot] = Sent(*map(sum, zip(here.get(slot, Sent(0, 0, 0)), ONE, strict=True)))
    for begin in made:
        assert sum(begin <= at < begin + timedelta(hours=1) for at in made) <= 20


def test_what_was_sent_is_what_went_out_and_the_letters_whose_end_went_out() -> None:
    result = Result(vector="S01", token="r", outcome=Outcome.ACCEPTED, stage="OK", dot_at=2.0)
    transcript = Transcript(
        target="192.0.2.1",
        port=25,
        source="",
        started=0,
        events=(Event(0, "<", b"220 x\r\n"), Event(1, ">", b"EHLO y\r\n"), Event(1, "!", b"a remark")),
        results=(result, result, replace(result, dot_at=None)),
    )
    assert sending.sent_on(transcript) == Sent(1, 2, 8)


def test_an_hour_is_seven_slots_of_ten_minutes_of_which_the_last_is_not_over() -> None:
    slot = sending.slot_of(NOW)
    assert slot == int(NOW.timestamp()) // 600
    ledger = {"everything": {slot - back: Sent(10**back, back, 1) for back in range(9)}}
    assert sending.hour(ledger, sending.EVERYTHING, NOW) == Sent(1_111_111, 21, 7)
    assert sending.hour(ledger, "nobody", NOW) == Sent(0, 0, 0)


def test_what_a_connection_and_a_test_may_come_to_is_counted_before_they_are_made() -> None:
    letters = Limits().attempts
    assert Sent(1, letters, letters * 4096 + 2048) == sending.CONNECTION
    assert sending.worth_of(TERMS) == Sent(10, 40, 40 * 4096 + 10 * 2048)
    small = TERMS.model_copy(update={"hour_connections": 9, "hour_letters": 39, "hour_octets": 4096})
    assert sending.worth_of(small) == sending.bound(small) == Sent(9, 39, 4096)


@pytest.mark.parametrize(
    ("taken", "over"), [((4, 0, 0), False), ((5, 0, 0), True), ((0, 9, 0), True), ((0, 0, 9), True)]
)
def test_what_just_fits_is_not_too_much(taken: tuple[int, int, int], over: bool) -> None:
    assert sending.exceeded(Sent(*taken), Sent(1, 1, 1), Sent(5, 5, 5)) is over


def test_of_several_who_have_had_their_share_the_first_is_told() -> None:
    slot = sending.slot_of(NOW)
    full = ("nominations at 192.0.2.1/32", "nominations at 192.0.2.0/24", "nominations of 198.51.100.0/24")
    found = wait({holder: {slot: Sent(100, 0, 0)} for holder in full})
    assert found is not None and found.why == "this address has had its share of this hour"


def test_who_asks_without_a_network_has_the_share_of_one() -> None:
    named, slot = replace(JOB, whose="somebody"), sending.slot_of(NOW)
    assert wait({"nominations of somebody": {slot: Sent(19, 0, 0)}}, job=named) is None
    found = wait({"nominations of somebody": {slot: Sent(20, 0, 0)}}, job=named)
    assert found is not None and found.why == "whoever asked for it has had the share of this hour"


def test_a_network_that_holds_a_lab_and_more_is_none() -> None:
    lab = TERMS.model_copy(update={"lab_networks": settings.Tester(lab_networks=["192.0.0.0/24"]).lab_networks})
    assert "nominations of 192.0.0.0/16" in holders(replace(JOB, whose="192.0.0.0/16"), "203.0.113.1", lab)


def test_the_first_reason_to_wait_is_told_and_the_last_one_says_until_when() -> None:
    slot = sending.slot_of(NOW)
    ledger = {
        "nominations": {slot - 6: Sent(780, 0, 0), slot - 5: Sent(20, 0, 0)},
        "nominations at 192.0.2.1/32": {slot - 5: Sent(20, 0, 0)},
    }
    found = wait(ledger)
    assert found == sending.Delay(
        until=datetime.fromtimestamp((slot + 2) * SLOT, UTC),
        why="strangers have had as many tests as may be in this hour",
    )
