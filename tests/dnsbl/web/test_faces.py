"""Each state of an address has one face, and none that contradicts another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dnsbl.addresses import parse_address, parse_network
from dnsbl.model import Exclusion, Forthcoming, Output
from dnsbl.vocabulary import JobReason, JobState, RunState, State
from dnsbl.web.faces import LISTED, LOOK, Face, face, failed, leading
from tester.verdict import Verdict

TARGET = parse_network("198.18.7.9")
RANGE = parse_network("198.18.7.0/24")


def told(standing: Any, *, test_point: bool = False, control: bool = False, owners: bool = False) -> Face:
    return face(standing, test_point=test_point, control=control, owners=owners)


@pytest.fixture
def exclusion(clock: Any) -> Exclusion:
    return Exclusion(network=RANGE, reason="r", public="", since=clock.now())


def test_every_face_has_a_look_and_who_is_listed_looks_so() -> None:
    assert set(LOOK) == set(Face)
    assert {one for one in Face if LOOK[one] == "listed"} == LISTED


def test_what_lists_an_address_says_what_can_be_done(records: Any, exclusion: Exclusion) -> None:
    tested = records.listing()
    asked = records.job(reason=JobReason.REMOVAL)
    later = records.clock.now() + timedelta(hours=1)
    for given, control, wanted in (
        ({"listings": (tested,)}, False, Face.OPEN),
        ({"listings": (tested,), "job": records.job(reason=JobReason.RETEST)}, False, Face.OPEN),
        ({"listings": (tested,), "job": asked, "removal_after": later}, False, Face.ASKED),
        ({"listings": (tested,), "removal_after": later}, False, Face.RESTING),
        ({"listings": (tested,), "exclusion": exclusion}, False, Face.BARRED),
        ({"listings": (tested,), "exclusion": exclusion}, True, Face.OPEN),
        ({"listings": (records.listing(kind="relay-output"),)}, False, Face.OUTPUT),
        ({"listings": (records.listing(kind="manual"),)}, False, Face.BY_HAND),
        ({"listings": (records.listing(kind="manual", network=RANGE),)}, False, Face.RANGE),
        ({"listings": (records.listing(kind="manual"), tested)}, False, Face.OPEN),
        ({"listings": (tested, records.listing(kind="manual", network=RANGE))}, False, Face.OPEN),
    ):
        standing = records.standing(state=State.LISTED, **given)
        assert told(standing, control=control) is wanted, given


def test_who_is_not_listed_has_the_face_of_what_is_known(records: Any, clock: Any, exclusion: Exclusion) -> None:
    past = records.listing(ended=clock.now())
    coming = Forthcoming(network=TARGET, kind="relay-output", since=clock.now(), due=clock.now())
    exit = Output(id=1, input=RANGE, output=TARGET, run="x", since=clock.now(), confirmed=clock.now())
    for given, wanted in (
        ({}, Face.UNKNOWN),
        ({"state": State.TESTING, "job": records.job(state=JobState.RUNNING), "past": (past,)}, Face.TESTING),
        ({"state": State.QUEUED, "job": records.job(), "exclusion": exclusion}, Face.QUEUED),
        ({"state": State.PENDING, "forthcoming": (coming,), "inputs": (exit,)}, Face.COMING),
        ({"state": State.PENDING}, Face.PENDING),
        ({"inputs": (exit,)}, Face.NOTED),
        ({"state": State.EXCLUDED, "exclusion": exclusion, "past": (past,)}, Face.EXCLUDED),
        ({"state": State.CLEAR, "past": (past,), "last_verdict": Verdict.CLOSED}, Face.DELISTED),
        ({"last_verdict": Verdict.OPEN_MULTIHOP}, Face.FOUND),
        ({"state": State.CLEAR, "last_verdict": Verdict.CLOSED}, Face.CLEAR),
        ({"state": State.UNTESTABLE, "last_verdict": Verdict.UNREACHABLE}, Face.UNTESTABLE),
        ({"address": parse_address("127.0.0.1")}, Face.NEVER),
    ):
        standing = records.standing(**given)
        assert told(standing) is wanted, given
        assert wanted not in LISTED and leading(standing) is None


def test_what_dns_answers_though_nothing_is_listed_is_a_test_point(records: Any) -> None:
    assert told(records.standing(address=parse_address("127.0.0.2")), test_point=True) is Face.TEST_POINT
    listed = records.standing(state=State.LISTED, listings=(records.listing(),))
    assert told(listed, test_point=True) is Face.OPEN


def test_the_last_test_that_was_asked_for_has_failed_while_the_listing_stands(records: Any) -> None:
    listing = records.listing()
    after = records.clock.now() + timedelta(hours=1)
    asked = records.run(reason=JobReason.REMOVAL, started=after)

    def found(*runs: Any, listings: Any = (listing,)) -> Any:
        return failed(records.standing(state=State.LISTED, listings=listings, runs=runs))

    assert found(asked) == asked
    waiting = records.run(reason=JobReason.REMOVAL, started=after, state=RunState.WAITING, verdict=None)
    assert found(waiting, asked) == asked, "one that has no verdict yet says nothing"
    assert found(records.run(reason=JobReason.RETEST, started=after), asked) is None, "a later one has"
    assert found(records.run(reason=JobReason.REMOVAL, started=listing.since - timedelta(1))) is None
    assert found(asked, listings=(records.listing(kind="manual"),)) is None
    assert found(asked, listings=()) is None
    assert found() is None


def test_where_owners_alone_may_ask_the_others_are_told_so(records: Any) -> None:
    standing = records.standing(state=State.LISTED, listings=(records.listing(),))
    assert told(standing, owners=True) is Face.OWNERS
    assert told(standing, owners=True, control=True) is Face.OPEN
    asked = records.standing(listings=(records.listing(),), job=records.job(reason=JobReason.REMOVAL))
    assert told(asked, owners=True) is Face.ASKED
