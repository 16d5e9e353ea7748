"""What verbs of several hands ask of the store, and how the journal names its subjects."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.casework import base
from dnsbl.errors import NotFound
from dnsbl.vocabulary import Door
from tester.smtp import Outcome

HOST = "192.0.2.1"


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (ip_address(HOST), HOST),
        (ip_network("192.0.2.1/32"), HOST),
        (ip_network("192.0.2.0/24"), "192.0.2.0/24"),
        (ip_address("2001:db8::1"), "2001:db8::1"),
        (ip_network("2001:db8::1/128"), "2001:db8::1"),
        (ip_network("2001:db8::/32"), "2001:db8::/32"),
    ],
)
def test_the_journal_names_a_network_of_one_address_as_that_address(of, name: str) -> None:
    assert base.subject_of(of) == name


def test_the_last_word_on_testing_counts(office) -> None:
    def stopped() -> str:
        with office.store.read() as tx:
            entry = base.stop_in(tx)
            return entry.evidence if entry else ""

    assert stopped() == ""
    office.casework.operators.stop(reason="complaints", actor="operator")
    assert stopped() == "complaints"
    office.casework.operators.resume(reason="", actor="operator")
    assert stopped() == ""


def test_a_run_is_found_by_its_name_or_the_miss_is_a_short_sentence(office) -> None:
    office.nominate(HOST)
    run = office.test(Outcome.RCPT_5XX)
    with office.store.read() as tx:
        assert base.run_in(tx, run.id) == run
        with pytest.raises(NotFound, match="There is no run 'nothing'"):
            base.run_in(tx, "nothing")
        with pytest.raises(NotFound) as error:
            base.run_in(tx, "x" * 1000)
    assert len(str(error.value)) < 100


def test_the_next_removal_waits_for_what_failed_since_the_address_was_listed(office) -> None:
    def wait(name: str, *, control: bool = False) -> base.Wait | None:
        with office.store.read() as tx:
            listing = tx.listings.proven(ip_address(HOST))
            asker = base.Asker.of(Door.WEB, name, control=control)
            return base.next_removal(tx, listing, office.settings.policy, asker, office.clock.now())

    office.list_open(HOST)
    assert wait("owner") is None
    office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor="owner")
    failed = office.test(Outcome.ACCEPTED, back=HOST)
    assert failed.verdict == "OPEN"
    due = wait("owner")
    assert due is not None
    assert due.until == office.clock.now() + timedelta(hours=1)
    assert due.why == f"The last retest of {HOST} that you asked for did not find it closed"
    assert wait("somebody else") is None
    assert wait("owner", control=True) is None, "who asks from the address is nobody who only says so"


def test_who_runs_the_list_or_has_shown_control_is_known(office) -> None:
    assert base.Asker.of(Door.WEB, "192.0.2.0/24", control=False) == base.Asker(name="192.0.2.0/24", known=False)
    assert base.Asker.of(Door.API, "192.0.2.0/24", control=True) == base.Asker(name=base.OWNER, known=True)
    assert base.Asker.of(Door.WEB, "192.0.2.0/24", control=True, shown=True) == base.Asker(name=base.SHOWN, known=True)
    assert base.Asker.of(Door.CLI, "operator me", control=False) == base.Asker(name="operator me", known=True)
