"""Feeds and lists of others: which rows are a reason to test, and candidates in their turn."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.casework.feeding import Yield, said
from dnsbl.errors import Refused
from dnsbl.model import Nomination
from dnsbl.rules.feeds import batch
from dnsbl.vocabulary import Door, JobReason, Refusal, State, Tier
from tester.smtp import Outcome

PLACE = "https://ann.example/relays"


def feeding(make_office, tier: Tier = Tier.NEW, **feeds: object):
    office = make_office(feeds={"sources": [f"ann {PLACE}"]} | feeds)
    office.casework.reporters.add("ann", tier=tier, contact="", actor="operator me")
    return office


def bring(office, *lines: str, name: str = "ann") -> Yield:
    came = office.casework.feeding.file_feed(name, batch("\n".join(lines).encode(), most=1000, evidence_most=10_000))
    assert came is not None
    return came


def spam(office, address: str) -> str:
    date = f"{office.clock.now():%a, %d %b %Y %H:%M:%S} +0000"
    return f"Received: from x (x [{address}]) by mx.ann.example; {date}\nSubject: buy\n\nBuy.\n"


def waiting(office) -> dict[str, int]:
    found: dict[str, int] = office.casework.feeding.waiting()
    return found


def state(office, address: str) -> State:
    found: State = office.casework.views.look_up(ip_address(address)).state
    return found


# -- which rows are a reason -------------------------------------------------------------------------------------------
def test_a_row_alone_is_no_reason_to_test_anybody(make_office) -> None:
    office = feeding(make_office)
    came = bring(office, "192.0.2.1", "192.0.2.2")
    assert (came.rows, came.unprovoked, came.waiting) == (2, 2, 0)
    assert waiting(office) == {}


def test_policy_may_make_a_row_a_reason(make_office) -> None:
    assert bring(feeding(make_office, rows_provoke=True), "192.0.2.1").waiting == 1


def test_spam_that_was_shown_too_long_ago_is_no_reason(make_office) -> None:
    office = feeding(make_office)
    office.nominate("192.0.2.2")
    office.test(Outcome.RCPT_5XX)
    office.later(days=office.settings.policy.rest_days + 1)
    assert bring(office, "192.0.2.2").unprovoked == 1


def test_a_trusted_reporters_row_is_a_reason(make_office) -> None:
    assert bring(feeding(make_office, Tier.TRUSTED), "192.0.2.1").waiting == 1


def test_fresh_spam_of_somebody_else_is_a_reason(make_office) -> None:
    office = feeding(make_office)
    with office.store.write() as tx:
        tx.nominations.add(_shown("192.0.2.3"), tx.evidence.keep(b"spam", office.clock.now())[0], office.clock.now())
    assert bring(office, "192.0.2.3").waiting == 1


def _shown(address: str) -> Nomination:
    return Nomination(address=ip_address(address), door=Door.WEB, nominator="x", reason="", evidence=b"spam")


def test_a_row_that_brings_the_spam_is_a_nomination_at_once(make_office) -> None:
    office = feeding(make_office)
    rows = [
        json.dumps({"address": "192.0.2.1", "evidence": spam(office, "192.0.2.1"), "reason": "trap"}),
        json.dumps({"address": "192.0.2.2", "evidence": spam(office, "192.0.2.9")}),
        json.dumps({"address": "192.0.2.3", "evidence": "hello"}),
    ]
    came = bring(office, *rows)
    assert (came.queued, came.refused) == (1, 2)
    assert [fault.partition(":")[0] for fault in came.faults] == ["line 2", "line 3"]
    nominated, job = office.casework.operators.journal(office.at("192.0.2.1"))
    assert (nominated.actor, job.reason) == ("feed reporter ann", JobReason.NOMINATION)
    again = bring(office, rows[0])
    assert (again.queued, waiting(office)) == (1, {}), "the queued test serves both"


def test_what_may_not_be_tested_is_refused_by_its_line_and_what_needs_no_test_is_known(make_office) -> None:
    office = feeding(make_office, rows_provoke=True)
    office.list_open("192.0.2.1")
    office.casework.operators.exclude(ip_network("192.0.2.64/26"), reason="x", public="", actor="me")
    office.nominate("192.0.2.2")
    came = bring(office, "127.0.0.1", "192.0.2.1", "192.0.2.70", "192.0.2.2", "192.0.2.3", "x")
    assert (came.refused, came.known, came.waiting, came.skipped) == (1, 3, 1, 1)
    assert came.faults[0] == "line 6: x is no address"
    assert came.faults[1].startswith("line 1: 127.0.0.1 cannot be tested")
    assert bring(office, "192.0.2.3").known == 1, "it waits already"


def test_what_a_feed_brought_is_in_the_journal_and_beside_it(make_office) -> None:
    office = feeding(make_office)
    bring(office, "192.0.2.1", "x")
    entry = office.casework.operators.journal()[-1]
    assert (entry.actor, entry.subject, entry.verb) == ("scheduler", "reporter ann", "feed-read")
    assert entry.after == "1 rows, 1 without a reason to test, 1 lines skipped (line 2: x is no address)"


# -- when a feed is due ------------------------------------------------------------------------------------------------
def test_a_feed_is_claimed_once_an_hour_with_what_it_is_asked_by(make_office) -> None:
    office = feeding(make_office)
    verbs = office.casework.feeding
    ((source, known),) = verbs.claim()
    assert (source.place, known.etag) == (PLACE, "")
    assert verbs.claim() == []
    verbs.file_feed("ann", batch(b"", most=1, evidence_most=1), etag='"a"', modified="Thu")
    office.later(hours=1)
    ((_, known),) = verbs.claim()
    assert (known.etag, known.modified, known.said) == ('"a"', "Thu", "0 rows")
    assert verbs.claim(only="ann")[0][1].etag == '"a"'
    assert verbs.claim(only="bob") == []
    assert verbs.file_feed("ann", None) is None
    assert verbs.states()[0][1].said == "nothing new"
    verbs.file_failure("ann", "is down")
    assert verbs.states()[0][1].said == "is down"


def test_a_feed_without_account_or_with_a_suspended_one_is_not_pulled(make_office) -> None:
    office = make_office(feeds={"sources": [f"ann {PLACE}"]})
    assert office.casework.feeding.claim() == []
    with pytest.raises(Refused) as caught:
        bring(office, "192.0.2.1")
    assert caught.value.reason == Refusal.UNKNOWN_REPORTER
    office.casework.reporters.add("ann", tier=Tier.NEW, contact="", actor="me")
    office.casework.reporters.suspend("ann", reason="x", actor="me")
    assert office.casework.feeding.claim() == []
    with pytest.raises(Refused) as caught:
        bring(office, "192.0.2.1")
    assert caught.value.reason == Refusal.SUSPENDED


# -- imported lists and candidates -------------------------------------------------------------------------------------
def test_an_imported_list_is_of_candidates_that_an_operator_answers_for(make_office) -> None:
    office = make_office()
    found = batch(b"192.0.2.1\n192.0.2.2\n", most=10, evidence_most=100)
    came = office.casework.feeding.bring(found, reporter="", reason="from old list", actor="operator me")
    assert came.waiting == 2
    entry = office.casework.operators.journal()[-1]
    assert (entry.actor, entry.verb, entry.evidence) == (
        "operator me",
        "candidates-added",
        "operator me: from old list",
    )
    assert state(office, "192.0.2.1") is State.UNKNOWN, "nobody is listed or queued for it"
    assert office.casework.feeding.pace() == 2
    nominated, job = office.casework.operators.journal(office.at("192.0.2.1"))
    assert (nominated.actor, job.evidence) == ("cli operator me", "nomination 1")
    assert office.take().job.profile == "basic"


def test_candidates_are_nominated_so_many_an_hour_and_the_bringers_in_turn(make_office) -> None:
    office = feeding(make_office, Tier.TRUSTED, per_hour=4)
    many = "\n".join(f"10.0.{n}.1" for n in range(20)).encode()
    office.casework.feeding.bring(batch(many, most=100, evidence_most=1), reporter="", reason="x", actor="operator me")
    bring(office, "192.0.2.1", "198.51.100.1")
    assert office.casework.feeding.pace() == 4
    assert waiting(office) == {"operator me": 18}
    assert office.casework.feeding.pace() == 0
    office.later(hours=1)
    assert office.casework.feeding.pace() == 4
    assert waiting(office) == {"operator me": 14}


def test_a_candidate_whose_bringer_is_over_his_number_waits_and_others_go_on(make_office) -> None:
    office = feeding(make_office, rows_provoke=True)
    office = make_office(feeds={"rows_provoke": True}, reporters={"new_day": 1})
    bring(office, "192.0.2.1", "198.51.100.1")
    found = batch(b"203.0.113.1", most=1, evidence_most=1)
    office.casework.feeding.bring(found, reporter="", reason="x", actor="operator me")
    assert office.casework.feeding.pace() == 2
    assert waiting(office) == {"reporter ann": 1}
    office.later(days=1)
    assert office.casework.feeding.pace() == 1


def test_a_candidate_that_needs_no_test_any_more_goes(make_office) -> None:
    office = feeding(make_office, rows_provoke=True)
    bring(office, "192.0.2.1")
    office.list_open("192.0.2.1")
    assert office.casework.feeding.pace() == 0
    assert waiting(office) == {}


def test_what_waits_for_a_month_goes_and_so_does_what_an_operator_drops(make_office) -> None:
    office = feeding(make_office, rows_provoke=True)
    bring(office, "192.0.2.1")
    assert office.casework.feeding.drop("reporter ann", reason="bad list", actor="operator me") == 1
    assert office.casework.operators.journal()[-1].verb == "candidates-dropped"
    assert office.casework.feeding.drop("reporter ann", reason="bad list", actor="operator me") == 0
    bring(office, "192.0.2.1")
    office.later(days=31)
    office.casework.feeding.pace()
    assert waiting(office) == {}


def test_one_bringer_never_has_all_places(make_office) -> None:
    office = feeding(make_office, rows_provoke=True, candidates=10)
    office.casework.reporters.add("bob", tier=Tier.NEW, contact="", actor="me")
    came = bring(office, *(f"10.0.{n}.1" for n in range(20)))
    assert (came.waiting, came.refused) == (3, 17)
    assert came.faults[0] == "line 4: there is no room for more candidates at the moment"
    assert bring(office, "192.0.2.1", name="bob").waiting == 1


def test_a_feed_of_which_not_all_was_read_is_told(make_office) -> None:
    office = feeding(make_office, rows_provoke=True, rows=2)
    came = office.casework.feeding.file_feed("ann", batch(b"192.0.2.1\n192.0.2.2\nx\n", most=2, evidence_most=1))
    assert came is not None and (came.waiting, came.skipped) == (2, 0)
    assert said(came) == "2 rows, 2 new candidates (more than 2 lines, of which the rest was not read)"


def test_ten_thousand_rows_are_taken_in_portions(make_office) -> None:
    office = feeding(make_office, rows_provoke=True)
    rows = "\n".join(f"10.{n // 200}.{n % 200}.1" for n in range(1000)).encode()
    came = office.casework.feeding.file_feed("ann", batch(rows, most=10_000, evidence_most=1))
    assert came is not None and came.waiting == 1000
    assert said(came) == "1000 rows, 1000 new candidates"
