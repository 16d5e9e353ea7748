"""Which of the few things that the page about an address can say is the one to say. Pure.

A face is one word for where the address stands and for what whoever looks can do about it; the template has the words
and the button of each. Every address has just one, and never one that contradicts what DNS answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from dnsbl.addresses import network_of
from dnsbl.dns.zones import NEVER
from dnsbl.model import Listing, Run, Standing
from dnsbl.vocabulary import OUTPUT_KINDS, TESTED_KINDS, JobReason, JobState, RunState, State
from tester.host import RELAYS


class Face(StrEnum):
    """Where an address stands, and what can be done about it."""

    TEST_POINT = "test-point"  # DNS always answers it, whatever is listed (RFC 5782 5)
    NEVER = "never"  # DNS never answers it
    # listed
    OPEN = "open"  # by a test: it can be tested again at once
    ASKED = "asked"  # that has been asked for
    OWNERS = "owners"  # that may be asked for by who has shown that the address is his, and whoever looks has not
    RESTING = "resting"  # it can be asked for later
    BARRED = "barred"  # it is excluded from tests, and whoever looks has not shown that it is his
    OUTPUT = "output"  # as the output of relays, which must be closed
    BY_HAND = "by-hand"  # by an operator
    RANGE = "range"  # by an operator, with a whole network
    # not listed
    TESTING = "testing"  # a test runs
    QUEUED = "queued"  # a test is to come
    PENDING = "pending"  # a test is over, and its letters are waited for
    COMING = "coming"  # it will be listed as an output
    NOTED = "noted"  # it is an output, and will not be listed for that
    EXCLUDED = "excluded"  # it is not tested
    DELISTED = "delisted"  # it was listed once
    CLEAR = "clear"  # tested, and no open relay was found
    UNTESTABLE = "untestable"
    FOUND = "found"  # an open relay of a kind that is not listed here
    UNKNOWN = "unknown"


#: What is on the list by a test of its own, so that closing it ends that; what is on the list at all; and the look of
#: each face's band (see the style sheet).
REMOVABLE = frozenset({Face.OPEN, Face.ASKED, Face.OWNERS, Face.RESTING, Face.BARRED})
LISTED = REMOVABLE | {Face.OUTPUT, Face.BY_HAND, Face.RANGE}
LOOK: Mapping[Face, str] = {
    Face.TEST_POINT: "info",
    **dict.fromkeys(LISTED, "listed"),
    **dict.fromkeys((Face.TESTING, Face.QUEUED, Face.PENDING, Face.COMING, Face.NOTED, Face.FOUND), "wait"),
    **dict.fromkeys((Face.NEVER, Face.DELISTED, Face.CLEAR, Face.UNTESTABLE, Face.UNKNOWN, Face.EXCLUDED), "clear"),
}


def leading(standing: Standing) -> Listing | None:
    """The listing that the page speaks of first: what a test has shown of just this address, else the narrowest."""
    mine = network_of(standing.address)
    tested = [one for one in standing.listings if one.kind in TESTED_KINDS and one.network == mine]
    return next(iter((*tested, *standing.listings)), None)


def face(standing: Standing, *, test_point: bool, control: bool, owners: bool = False) -> Face:
    """The one thing to say. `test_point`: DNS answers it though nothing is listed; `control`: whoever looks has shown
    that the address is his; `owners`: only who has may ask for its removal."""
    listing = leading(standing)
    if listing is not None:
        return _listed(standing, listing, control, owners)
    if test_point:
        return Face.TEST_POINT
    if standing.address == NEVER:
        return Face.NEVER
    if standing.job is not None:
        return Face.TESTING if standing.job.state is JobState.RUNNING else Face.QUEUED
    if standing.forthcoming:
        return Face.COMING
    if standing.state is State.PENDING:
        return Face.PENDING
    if standing.inputs:
        return Face.NOTED
    if standing.exclusion is not None:
        return Face.EXCLUDED
    if standing.past:
        return Face.DELISTED
    if standing.last_verdict in RELAYS:
        return Face.FOUND
    return {State.CLEAR: Face.CLEAR, State.UNTESTABLE: Face.UNTESTABLE}.get(standing.state, Face.UNKNOWN)


def _listed(standing: Standing, listing: Listing, control: bool, owners: bool) -> Face:
    if listing.network != network_of(standing.address):
        return Face.RANGE
    if listing.kind in OUTPUT_KINDS:
        return Face.OUTPUT
    if listing.kind not in TESTED_KINDS:
        return Face.BY_HAND
    if standing.job is not None and standing.job.reason is JobReason.REMOVAL:
        return Face.ASKED
    if standing.exclusion is not None and not control:
        return Face.BARRED
    if standing.removal_after:
        return Face.RESTING
    return Face.OWNERS if owners and not control else Face.OPEN


def failed(standing: Standing) -> Run | None:
    """The test that was asked for and did not end the listing, if it is the last one that has come to a verdict."""
    listing = leading(standing)
    last = next((run for run in standing.runs if run.verdict is not None and run.state is RunState.SETTLED), None)
    if listing is None or listing.kind not in TESTED_KINDS or last is None or last.reason is not JobReason.REMOVAL:
        return None
    return last if last.started >= listing.since else None
