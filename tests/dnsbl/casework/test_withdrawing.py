"""A nomination that was a mistake is taken back before its test begins, and then shows nothing and asks for nothing."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from dnsbl.errors import NotFound, Refused
from dnsbl.model import Job, Nomination
from dnsbl.vocabulary import Door, JobReason, Reason, Refusal, State, Tier
from tester.smtp import Outcome

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)
CLOSED = Outcome.RCPT_5XX


@pytest.fixture
def ann(office):
    office.casework.reporters.add("ann", tier=Tier.KNOWN, contact="", actor="operator")
    return office


def bring(office, reporter: str = "ann", address: str = HOST, **given: Any) -> Job:
    fields: dict[str, Any] = {
        "door": Door.API,
        "nominator": f"reporter {reporter}",
        "reason": "",
        "evidence": b"spam",
    } | given
    return office.casework.doors.nominate(Nomination(address=ip_address(address), reporter=reporter, **fields))


def withdraw(office, number: int = 1, **given: str):
    return office.casework.withdrawing.withdraw(number, **{"actor": "api reporter ann", "reporter": "ann"} | given)


def live(office, address: str = HOST) -> Job | None:
    with office.store.read() as tx:
        return tx.jobs.live(ip_address(address))


def scores(office) -> tuple[int, int]:
    account = office.casework.reporters.find("ann")
    return account.hits, account.misses


def test_what_is_taken_back_is_not_tested_and_the_journal_says_so(ann) -> None:
    bring(ann)
    gone = withdraw(ann)
    assert (gone.withdrawn, gone.run, gone.counts) == (ann.clock.now(), None, False)
    assert (live(ann), ann.casework.views.look_up(ADDRESS).state) == (None, State.UNKNOWN)
    said, job = ann.casework.operators.journal(ADDRESS)[-2:]
    assert (said.verb, said.actor, said.reason) == ("nomination-withdrawn", "api reporter ann", Reason.WITHDRAWN)
    assert (said.before, said.after, said.evidence) == ("nominated", "withdrawn", "nomination 1")
    assert (job.verb, job.after, job.reason) == ("job", "dropped", Reason.WITHDRAWN)
    assert ann.casework.operators.verify_journal()


def test_to_take_it_back_again_changes_nothing_and_it_can_be_nominated_again(ann) -> None:
    bring(ann)
    first, entries = withdraw(ann), len(ann.casework.operators.journal())
    ann.later(hours=1)
    assert withdraw(ann) == first and len(ann.casework.operators.journal()) == entries
    assert bring(ann).reason is JobReason.NOMINATION


def test_another_ones_nomination_keeps_the_test_for_its_own_sake(ann) -> None:
    bring(ann)
    bring(ann, "", nominator="203.0.113.0/24", door=Door.WEB)
    withdraw(ann)
    job = live(ann)
    assert (job.provocation, job.whose) == ("nomination 2", "203.0.113.0/24")
    ann.test(CLOSED)
    assert scores(ann) == (0, 0), "what was withdrawn shows nothing"


def test_who_came_second_leaves_the_first_ones_test_as_it_is(ann) -> None:
    before = bring(ann, "", nominator="somebody", door=Door.WEB)
    bring(ann)
    withdraw(ann, 2)
    assert live(ann) == before


def test_a_nomination_that_an_operator_has_found_bad_keeps_no_test(ann) -> None:
    bring(ann)
    bring(ann, "", nominator="bad", door=Door.WEB)
    with ann.store.write() as tx:
        tx.nominations.void([2])
    withdraw(ann)
    assert live(ann) is None


@pytest.mark.parametrize("ended", [False, True])
def test_once_its_test_has_begun_it_stays(ann, ended: bool) -> None:
    bring(ann)
    ann.test(CLOSED) if ended else ann.take()
    with pytest.raises(Refused) as caught:
        withdraw(ann)
    assert caught.value.reason == Refusal.TEST_BEGUN and HOST in str(caught.value)
    assert scores(ann) == ((0, 1) if ended else (0, 0))


def test_nobody_takes_back_what_is_somebody_elses_but_an_operator(ann) -> None:
    bring(ann)
    for number, reporter in ((1, "bob"), (2, "ann"), (0, "ann")):
        with pytest.raises(NotFound, match=f"You have no nomination {number}."):
            withdraw(ann, number, reporter=reporter)
    with pytest.raises(NotFound, match=r"There is no nomination 9\."):
        withdraw(ann, 9, reporter="")
    assert live(ann) is not None
    assert withdraw(ann, reporter="", actor="operator eve", reason="a slip").withdrawn
    entry = next(each for each in ann.casework.operators.journal(ADDRESS) if each.verb == "nomination-withdrawn")
    assert (entry.actor, entry.evidence) == ("operator eve", "nomination 1: a slip")


def test_a_test_that_somebody_else_has_asked_for_since_is_made(ann) -> None:
    bring(ann)
    ordered = ann.casework.operators.order_test(ADDRESS, profile="full", actor="operator")
    withdraw(ann)
    assert live(ann) == ordered


def test_the_surprise_retest_that_it_had_pulled_forward_is_planned_again(make_office) -> None:
    office = make_office(policy={"rest_days": 0.5})
    office.casework.reporters.add("ann", tier=Tier.KNOWN, contact="", actor="operator")
    office.list_open(HOST)
    office.later(days=1)
    office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="owner", control=True)
    office.test(CLOSED)
    office.later(hours=13)
    assert live(office).reason is JobReason.PROBATION
    bring(office)
    assert live(office).reason is JobReason.NOMINATION
    withdraw(office, 2)
    assert live(office).reason is JobReason.PROBATION
