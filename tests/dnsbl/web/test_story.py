"""What has happened is told in order, with its reasons, and of who is not listed no more than anybody may know."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dnsbl.addresses import parse_network
from dnsbl.model import Forthcoming
from dnsbl.vocabulary import JobReason, Reason, State
from dnsbl.web.story import MOST, Happening, story
from tester.verdict import Verdict


def told(records: Any, *, theirs: Any = str, **given: Any) -> list[Happening]:
    return story(records.standing(**given), records.clock.now(), theirs)


def test_a_listing_and_its_tests_are_told_newest_first(records: Any) -> None:
    now = records.clock.now()
    shown = told(
        records,
        state=State.LISTED,
        next_test=now + timedelta(days=3),
        listings=(records.listing(since=now - timedelta(hours=3)),),
        runs=(
            records.run(reason=JobReason.REMOVAL, started=now - timedelta(hours=1)),
            records.run(started=now - timedelta(hours=4)),
        ),
    )
    assert [(event.look, event.text) for event in shown] == [
        ("next", "The next test is due"),
        ("", "Tested, since the removal was asked for"),
        ("listed", "Listed: open relay"),
        ("", "Tested, since somebody reported it"),
    ]
    assert [event.more for event in shown[1:]] == [
        "Still open, our letter came back",
        "A test letter, offered to this address by a stranger for a stranger, was delivered by it",
        "Our letter came back",
    ]


def test_what_is_due_already_and_what_has_no_verdict_is_not_told_as_something_to_come(records: Any) -> None:
    now = records.clock.now()
    (listed, run) = told(
        records,
        next_test=now,
        listings=(records.listing(kind="manual", network=parse_network("198.18.0.0/16"), reason=Reason.OPERATOR),),
        runs=(records.run(verdict=None, started=now - timedelta(1)),),
    )
    assert listed.text == "Listed: 198.18.0.0/16, “manual”, by an operator"
    assert run.more == "Its result is still to come"


def test_what_a_judgement_says_goes_through_the_discretion_of_who_asks(records: Any) -> None:
    run = records.run(verdict=Verdict.INCONCLUSIVE, explanation="joe@x said so.", started=records.clock.now())
    shown = told(
        records, theirs=lambda text: text.replace("joe@x", "[withheld]"), listings=(records.listing(),), runs=(run,)
    )
    assert shown[1].more == "[withheld] said so"


def test_of_who_is_not_listed_the_last_test_is_told_in_words_for_outsiders(records: Any) -> None:
    past = records.listing(ended=records.clock.now(), end_reason=Reason.RETEST_CLOSED)
    earlier = records.clock.now() - timedelta(days=1)
    runs = (records.run(verdict=None), records.run(verdict=Verdict.ACCEPTS_LOSES, started=earlier), records.run())
    shown = told(records, past=(past,), runs=runs)
    assert [(event.look, event.more) for event in shown] == [
        ("listed", "A test letter, offered to this address by a stranger for a stranger, was delivered by it"),
        ("clear", "A retest found the relay closed"),
        ("", "No open relay was found"),
    ]
    assert told(records) == []


def test_an_end_without_a_reason_and_many_events_are_bounded(records: Any) -> None:
    past = tuple(records.listing(ended=records.clock.now()) for _ in range(20))
    assert len(told(records, past=past)) == MOST
    coming = Forthcoming(
        network=parse_network("198.18.7.9"),
        kind="delayed-output",
        since=records.clock.now(),
        due=records.clock.now() + timedelta(1),
    )
    first = told(records, past=past, forthcoming=(coming,))[0]
    assert (first.look, first.text) == (
        "next",
        "To be listed as output of an open relay for long, unless that is over until then",
    )
