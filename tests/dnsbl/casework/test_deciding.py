"""A decision done to the list: never without proof, and with the evidence that the journal names."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.casework import deciding
from dnsbl.errors import Damaged
from dnsbl.model import Action, Decision, Reason, State
from tester.smtp import Outcome
from tester.verdict import Verdict
from tests.dnsbl.casework.test_arrivals import bounce

HOST = "192.0.2.1"


def standing(office):
    return office.casework.views.look_up(ip_address(HOST))


def test_law_one_holds_even_if_policy_errs(office, monkeypatch) -> None:
    def list_all(*_: object) -> Decision:
        return Decision(action=Action.LIST, reason=Reason.LETTER_RETURNED, explanation="", kind="relay")

    monkeypatch.setattr(deciding.policy, "decide", list_all)
    office.nominate(HOST)
    with pytest.raises(Damaged, match="No letter of run"):
        office.test(Outcome.RCPT_5XX)
    assert standing(office).listings == ()
    assert standing(office).state is State.TESTING, "the verb left nothing half done"
    assert office.casework.contents.changes(0) == []


def test_bounces_list_as_backscatter_where_settings_say_so_with_the_report_as_proof(make_office) -> None:
    office = make_office(policy={"kinds": ["relay", "multihop", "backscatter"]})
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    run = office.casework.assignments.file_run(assignment)
    bounce(office, run.id)
    assert standing(office).last_verdict is Verdict.ACCEPTS_BOUNCES
    (listing,) = office.casework.views.look_up(ip_address(HOST)).listings
    assert (listing.kind, listing.reason, listing.run) == ("backscatter", Reason.BACKSCATTER, run.id)
    entry = next(e for e in office.casework.operators.journal(ip_address(HOST)) if e.verb == "listed")
    assert "message sha256:" in entry.evidence
