"""What letters in others' hands come to, step by step: what is read of them, and which test of ours follows."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from dnsbl.casework.lending import PROVOCATION, Lending
from dnsbl.casework.queueing import Queueing
from dnsbl.settings import RemoteTesting
from dnsbl.vocabulary import Extent, JobReason, JobState
from tests.dnsbl.casework.test_remote import HOST, OTHER, RELAYED, ask, come_back, lending

__all__ = ["lending"]


def steps(office: Any, **terms: Any) -> Lending:
    return Lending(RemoteTesting.model_validate({"on": True} | terms), Queueing(25, office.random))


def test_what_came_back_is_read_with_its_peer_and_its_trace(lending: Any) -> None:
    lent = ask(lending, "known")
    with lending.store.read() as tx:
        assert steps(lending).shown(tx, lent.run) is None
    come_back(lending, lent, OTHER)
    come_back(lending, lent, number=1, trace=RELAYED.replace(b"ESMTP", b"ESMTPA"))
    with lending.store.read() as tx:
        told = steps(lending).shown(tx, lent.run)
        assert told is not None and "had logged in" in told.sentence
    come_back(lending, lent, number=2)
    with lending.store.read() as tx:
        told = steps(lending).shown(tx, lent.run)
        assert told is not None and told.unconfirmed


def test_a_tester_whose_tier_gets_no_letters_any_more_shows_nothing(lending: Any) -> None:
    lent = ask(lending, "known")
    come_back(lending, lent)
    with lending.store.read() as tx:
        assert steps(lending, known="none").shown(tx, lent.run) is None
        assert steps(lending, on=False).shown(tx, lent.run) is None


def test_our_own_test_is_paid_by_who_has_had_us_make_it(lending: Any) -> None:
    lent = ask(lending, "known")
    with lending.store.write() as tx:
        job = steps(lending).follow(tx, lent.run, lending.clock.now())
    assert job is not None
    assert (job.reason, job.whose, job.provocation) == (JobReason.CONFIRM, "reporter known", PROVOCATION)
    assert job.extent is Extent.NOMINATED


def test_a_listed_address_is_tested_at_every_way_in_so_that_it_can_be_taken_off(lending: Any) -> None:
    lent = ask(lending, "known")
    come_back(lending, lent)
    job = lending.casework.views.look_up(lending.at(HOST)).job
    assert job is not None and (job.reason, job.extent) == (JobReason.RETEST, Extent.HOST)


@pytest.mark.parametrize("begun", [True, False])
def test_a_test_that_somebody_asked_for_already_is_left_as_it_is(lending: Any, begun: bool) -> None:
    lent = ask(lending, "known")
    lending.nominate(HOST)
    if begun:
        lending.take()
    with lending.store.write() as tx:
        assert steps(lending).follow(tx, lent.run, lending.clock.now()) is None
        job = tx.jobs.live(lending.at(HOST))
    assert job is not None and job.reason is JobReason.NOMINATION


def test_a_planned_test_is_pulled_forward(lending: Any) -> None:
    lending.list_open(HOST)
    lending.later(days=1)
    with lending.store.write() as tx:
        planned = tx.jobs.live(lending.at(HOST))
        run = Queueing(25, lending.random).elsewhere(
            tx,
            lending.at(HOST),
            reason=JobReason.REMOTE,
            profile="standard",
            provocation="nomination 9",
            whose="reporter known",
            ends=lending.clock.now(),
            now=lending.clock.now(),
        )
        job = steps(lending).follow(tx, run, lending.clock.now())
    assert planned is not None and job is not None
    assert (job.id, job.due, job.state) == (planned.id, lending.clock.now(), JobState.QUEUED)


def test_whom_a_bad_source_named_alone_is_not_tested(lending: Any) -> None:
    lent = ask(lending, "known")
    with lending.store.write() as tx:
        tx.nominations.void(range(1, tx.nominations.last() + 1))
        assert steps(lending).follow(tx, lent.run, lending.clock.now()) is None


def test_nobody_is_believed_whose_account_is_gone_from_the_test(lending: Any) -> None:
    lent = ask(lending)
    come_back(lending, lent)
    with lending.store.read() as tx:
        assert steps(lending).shown(tx, lent.run) is not None
    with lending.store.write() as tx:
        tx.connection.execute(text("UPDATE jobs SET whose = 'reporter gone' WHERE run = :run"), {"run": lent.run.id})
    with lending.store.read() as tx:
        assert steps(lending).shown(tx, lent.run) is None
