"""What has happened, counted by day: each line of a log once, wherever the counting was broken off."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from sqlalchemy import text

from dnsbl.casework import Casework, counting
from dnsbl.casework.base import renewed
from dnsbl.casework.counting import Counting
from dnsbl.clock import day_of
from dnsbl.errors import Refused, StoreUnavailable
from dnsbl.rules.countries import Places
from dnsbl.settings import StatisticsTerms
from dnsbl.store.statistics import StatisticsShelf
from dnsbl.vocabulary import Door, Measure
from tester.smtp import Outcome
from tester.verdict import Verdict
from tests.dnsbl.offices import Office

HOST, OTHER, THIRD = "192.0.2.1", "198.51.100.2", "203.0.113.3"
CLOSED = Outcome.RCPT_5XX


def test_what_was_counted_tells_with_what_came_since_how_many_are_listed(office: Office) -> None:
    def held() -> None:
        with office.store.read() as tx:
            assert tx.statistics.listed() == tx.listings.by_kind()

    held()
    office.list_open("192.0.2.9")
    held()
    while office.casework.counting.count():
        pass
    held()
    story(office)
    office.casework.operators.leave_out(ip_network("203.0.113.70/32"), reason="x", public="", actor="operator op")
    office.casework.operators.exclude(ip_network(f"{THIRD}/32"), reason="x", actor="operator op")
    held()
    with office.store.write() as tx:
        tx.connection.execute(text("DELETE FROM changes WHERE seq < 3"))
        tx.connection.execute(text("DELETE FROM counted"))
        assert tx.statistics.listed() is None, "not all is counted, and not all is there to be counted"


class Died(Exception):
    """Where a process was killed."""


def everything(office: Office) -> dict[tuple[str, int, str], int]:
    with office.store.read() as tx:
        rows = tx.connection.execute(text("SELECT what, day, name, number FROM statistics WHERE number <> 0"))
        return {(what, day, name): number for what, day, name, number in rows}


def story(office: Office) -> None:
    """Three days of a small list: two relays, one of which gets off; a host that few
    forms show little of; a network by an operator's word."""
    office.list_open(HOST)
    office.nominate(THIRD, evidence=None)
    office.test(CLOSED)
    office.later(days=1)
    office.list_open(OTHER)
    office.casework.operators.list_networks(
        [ip_network("203.0.113.64/26")], kind="spam", reason="snowshoe", actor="operator op"
    )
    office.later(hours=3)
    office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor="somebody")
    office.test(CLOSED)
    office.later(days=1)
    office.casework.operators.drop_networks(
        [ip_network("203.0.113.64/26")], kind="spam", reason="gone", actor="operator op"
    )


def on_list(office: Office) -> Counter[str]:
    """What stands on the list, as its rows say."""
    with office.store.read() as tx:
        return Counter(kind for _, kind in tx.listings.present() if kind)


def test_a_story_is_told_in_counts(office: Office) -> None:
    begun = office.clock.now().date()
    story(office)
    assert office.casework.counting.count() > 0
    seen = office.casework.counting.see(3)
    assert (seen.first, seen.last, seen.since) == (begun, begun + timedelta(days=2), begun)
    assert seen.listed == {"relay": (1, 1, 1), "spam": (0, 1, 0)}
    assert seen.on_list() == on_list(office).total() == 1
    assert seen.sums[Measure.VERDICTS] == {Verdict.OPEN: 2, Verdict.CLOSED: 1, Verdict.INCONCLUSIVE: 1}
    assert seen.sums[Measure.TESTS] == {"nomination": 3, "removal": 1}
    assert seen.sums[Measure.DOORS] == {"web": 3}
    assert seen.sums[Measure.SHOWN] == {"evidence": 2, "words": 1}
    assert seen.sums[Measure.ENDED] == {"operator": 1, "retest-closed": 1}
    assert seen.sums[Measure.REMOVED] == {"3 d": 1}
    assert seen.sums[Measure.FORMS] == {"S01": 2}
    assert sum(seen.sums[Measure.CAUSES].values()) == sum(seen.sums[Measure.SOFTWARE].values()) == 2


def test_what_was_counted_is_not_counted_again_and_what_is_new_is(office: Office) -> None:
    story(office)
    assert office.casework.counting.count() > 0
    before = everything(office)
    assert office.casework.counting.count() == 0
    assert everything(office) == before
    office.later(hours=1)
    office.casework.operators.list_networks([ip_network(HOST)], kind="spam", reason="again", actor="operator op")
    assert office.casework.counting.count() > 0
    assert office.casework.counting.see(1).listed == {"relay": (1,), "spam": (1,)}


@pytest.mark.parametrize("lines", [1, 2, 3, 7])
def test_the_counts_are_the_same_in_slices_of_any_size(
    office: Office, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    story(office)
    Counting(office.store, office.clock).count()
    whole = everything(office)
    with office.store.write() as tx:
        tx.connection.execute(text("DELETE FROM statistics"))
        tx.connection.execute(text("DELETE FROM counted"))
    monkeypatch.setattr(counting, "LINES", lines)
    calls = 0
    while office.casework.counting.count(most=2):
        calls += 1
    assert calls > 1
    assert everything(office) == whole


@pytest.mark.parametrize("write", range(4))
@pytest.mark.parametrize("when", ["add", "put", "after"])
def test_a_counting_that_is_killed_anywhere_leaves_nothing_out_and_counts_nothing_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch, write: int, when: str
) -> None:
    story(office)
    Counting(office.store, office.clock).count()
    whole = everything(office)
    with office.store.write() as tx:
        tx.connection.execute(text("DELETE FROM statistics"))
        tx.connection.execute(text("DELETE FROM counted"))
    monkeypatch.setattr(counting, "LINES", 5)
    method, calls = {"add": "add", "put": "put", "after": "mark"}[when], 0
    kept = getattr(StatisticsShelf, method)

    def dying(self: StatisticsShelf, *words: object) -> object:
        nonlocal calls
        calls += 1
        if calls == write + 1 + (2 if when == "after" else 0):
            raise Died
        return kept(self, *words)

    with monkeypatch.context() as patched:
        patched.setattr(StatisticsShelf, method, dying)
        with pytest.raises(Died):
            office.casework.counting.count()
    assert everything(office) != whole
    while office.casework.counting.count():
        pass
    assert everything(office) == whole


def test_two_schedulers_at_once_count_a_line_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    story(office)
    raced, twin = False, Counting(office.store, office.clock)
    read = Counting._changes

    def beaten(self: Counting, *words: object) -> object:
        nonlocal raced
        found = read(self, *words)  # type: ignore[arg-type]
        if not raced:
            raced = True
            twin.count()
        return found

    monkeypatch.setattr(Counting, "_changes", beaten)
    office.casework.counting.count()
    monkeypatch.undo()
    assert raced
    assert office.casework.counting.see(3).listed == {"relay": (1, 1, 1), "spam": (0, 1, 0)}
    assert office.casework.counting.see(3).sums[Measure.DOORS] == {"web": 3}


def test_a_call_reads_no_more_than_its_slices(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    story(office)
    monkeypatch.setattr(counting, "LINES", 3)
    assert office.casework.counting.count(most=2) <= 12


def test_while_the_past_is_counted_the_counts_say_of_when_they_are(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    story(office)
    monkeypatch.setattr(counting, "LINES", 3)
    office.casework.counting.count(most=1)
    seen = office.casework.counting.see(30)
    assert seen.late
    assert seen.at < office.clock.now()
    assert seen.last == seen.at.date()
    while office.casework.counting.count():
        pass
    seen = office.casework.counting.see(30)
    assert not seen.late
    assert seen.at == office.clock.now()


def test_a_relay_that_turns_out_of_another_kind_moves_and_does_not_end(office: Office) -> None:
    office.list_open(HOST)
    with office.store.write() as tx:
        (listing,) = tx.listings.covering(ip_address(HOST))
        renewed(tx, listing, kind="multihop", expires=None, run=listing.run or "", at=office.clock.now())
    office.casework.counting.count()
    seen = office.casework.counting.see(1)
    assert seen.listed == {"multihop": (1,)}
    assert seen.sums[Measure.ENDED] == {}


def test_exceptions_and_exclusions_are_no_listings(office: Office) -> None:
    operators = office.casework.operators
    operators.exclude(ip_network("192.0.2.0/28"), reason="asked", actor="operator op")
    operators.leave_out(ip_network("203.0.113.9/32"), reason="a mistake", actor="operator op")
    office.casework.counting.count()
    assert office.casework.counting.see(1).listed == {}


def test_what_owners_test_for_themselves_is_no_test_of_the_list(make_office) -> None:
    office = make_office(self_test={"on": True})
    with office.store.write() as tx:
        tx.journal.append(
            at=office.clock.now(),
            actor="policy",
            subject=HOST,
            verb="run",
            reason="self-test",
            after=Verdict.OPEN,
            evidence="run abc",
        )
    office.casework.counting.count()
    assert office.casework.counting.see(1).sums[Measure.VERDICTS] == {}


def test_relays_are_counted_by_country_where_an_operator_has_said_where_networks_are(office: Office) -> None:
    places = Places.read([f"{HOST},AT\n".encode(), f"{OTHER}/32,NO\n".encode()], "a file")
    desk = Counting(office.store, office.clock, lambda: places)
    story(office)
    desk.count()
    assert desk.see(3).sums[Measure.COUNTRIES] == {"AT": 1, "NO": 1}


def test_the_file_that_the_settings_name_says_where_relays_are_and_without_one_none_is_counted_so(
    office: Office, tmp_path: Path
) -> None:
    path = tmp_path / "places.csv"
    named = office.settings.model_copy(update={"statistics": StatisticsTerms(countries=path)})
    desk = Casework(office.store, named, office.keyring, clock=office.clock).counting
    office.list_open(HOST)
    office.casework.counting.count()
    path.write_text(f"{OTHER},NO\n0.0.0.0/0,AT\n")
    office.list_open(OTHER)
    desk.count()
    path.write_text("nonsense\n")
    office.list_open("203.0.113.9")
    desk.count()
    assert desk.see(3).sums[Measure.COUNTRIES] == {"NO": 1, "AT": 1}
    assert sum(desk.see(3).sums[Measure.CAUSES].values()) == 3


def test_answers_are_totals_of_a_process_which_may_be_told_again(office: Office) -> None:
    today = day_of(office.clock.now())
    desk = office.casework.counting
    assert desk.file_answers("one", {today: {"": 10, "relay": 2}, today - 1: {"relay": 5}}) == 2
    assert desk.file_answers("one", {today: {"": 30, "relay": 3}}) == 1
    assert desk.file_answers("two", {today: {"relay": 4}}) == 1
    assert desk.see(2).answers == {"": (0, 30), "relay": (5, 7)}
    assert desk.file_answers("two", {today: {"relay": 1}}) == 1  # an old file, by mistake
    assert desk.see(2).answers["relay"] == (5, 7)


def test_days_long_ago_and_days_to_come_are_not_believed_of_a_process(office: Office) -> None:
    today = day_of(office.clock.now())
    assert office.casework.counting.file_answers("one", {today - 2: {"relay": 5}, today + 1: {"relay": 5}}) == 0
    assert office.casework.counting.see(30).answers == {}


def test_the_processes_of_past_days_are_added_up(office: Office) -> None:
    today, desk = day_of(office.clock.now()), office.casework.counting
    for process in ("one", "two", "three"):
        desk.file_answers(process, {today: {"relay": 5}})
    office.later(days=counting.APART + 1)
    desk.file_answers("four", {today + counting.APART + 1: {"relay": 1}})
    assert desk.see(counting.APART + 2).answers == {"relay": (15, *[0] * counting.APART, 1)}
    with office.store.read() as tx:
        sources = tx.connection.execute(text("SELECT source FROM statistics WHERE what = 'answers' ORDER BY 1"))
        assert [source for (source,) in sources] == ["", "four"]


@pytest.mark.parametrize("days", [1, 7, 400, 4000])
def test_a_clock_that_was_ahead_for_one_count_leaves_the_days_as_they_are(office: Office, days: int) -> None:
    office.list_open(HOST)
    office.casework.counting.count()
    office.clock.jump(days=days)
    office.casework.counting.count()
    office.clock.jump(days=-days)
    right = office.casework.counting.see(30)
    assert (right.at, right.last, right.late) == (office.clock.now(), office.clock.now().date(), False)
    office.later(days=3)
    office.list_open(OTHER)
    office.casework.counting.count()
    with office.store.read() as tx:
        assert {tx.statistics.mark(log).at for log in (counting.CHANGES, counting.JOURNAL)} == {office.clock.now()}
    seen = office.casework.counting.see(30)
    assert (seen.last, seen.listed) == (office.clock.now().date(), {"relay": (1, 1, 1, 2)})


@pytest.mark.parametrize("days", [400, 5, -1, -20_000])
def test_while_the_clock_is_not_believed_nothing_is_counted_and_the_days_are_those_that_are_known(
    timed: Office, days: int
) -> None:
    timed.list_open(HOST)
    today, desk = day_of(timed.clock.now()), timed.casework.counting
    desk.count()
    desk.file_answers("one", {today: {"relay": 5}})
    before, known = everything(timed), desk.see(7)
    timed.list_open(OTHER)
    timed.clock.jump(days=days)
    with pytest.raises(StoreUnavailable):
        desk.count()
    with pytest.raises(StoreUnavailable):
        desk.file_answers("one", {today + days: {"relay": 7}})
    assert everything(timed) == before
    assert desk.see(7).last == known.last
    timed.clock.jump(days=-days)
    assert desk.count() > 0
    assert sum(desk.see(7).answers["relay"]) == 5


def test_a_day_that_its_process_still_tells_is_not_added_up_by_a_clock_that_was_ahead(office: Office) -> None:
    today, desk = day_of(office.clock.now()), office.casework.counting
    desk.file_answers("one", {today: {"relay": 1000}})
    office.clock.jump(days=7)
    desk.file_answers("two", {today + 7: {"relay": 1}})
    office.clock.jump(days=-7)
    desk.file_answers("one", {today: {"relay": 1001}})
    assert desk.see(1).answers == {"relay": (1001,)}


def test_no_process_fills_the_store_with_kinds(office: Office) -> None:
    today = day_of(office.clock.now())
    office.casework.counting.file_answers("one", {today: {f"k{n}": 1 for n in range(1000)}})
    assert len(office.casework.counting.see(1).answers) == counting.NAMES


def test_a_list_that_nobody_counts_yet_says_that_there_is_nothing(office: Office) -> None:
    seen = office.casework.counting.see(30)
    assert seen.empty
    assert (seen.listed, seen.answers, seen.on_list()) == ({}, {}, 0)
    assert not any(seen.sums.values())


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (-5, 1), (1, 1), (30, 30), (366, 366), (10**9, 366)])
def test_no_more_than_a_year_is_told_at_once(office: Office, asked: int, given: int) -> None:
    assert len(office.casework.counting.see(asked).days) == given


def test_the_level_before_the_first_day_is_carried_on(office: Office) -> None:
    story(office)
    office.later(days=40)
    office.casework.counting.count()
    seen = office.casework.counting.see(7)
    assert seen.listed == {"relay": (1,) * 7}
    assert seen.since == date(2026, 1, 1)


def test_what_a_test_of_a_rested_address_refuses_counts_nothing(office: Office) -> None:
    office.list_open(HOST)
    with pytest.raises(Refused):
        office.nominate(HOST)
    office.casework.counting.count()
    assert office.casework.counting.see(1).sums[Measure.DOORS] == {"web": 1}
