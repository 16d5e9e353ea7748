"""Accounts of reporters: keys, tiers, quotas, scores that tests move, suspension; each change in the journal."""

from __future__ import annotations

import pytest

from dnsbl.errors import Refused
from dnsbl.model import Job, Nomination, ReporterAccount
from dnsbl.vocabulary import Door, Refusal, Tier


def reporter(office, name: str = "ann", tier: Tier = Tier.NEW) -> ReporterAccount:
    return office.casework.reporters.add(name, tier=tier, contact=f"{name}@example.org", actor="operator me")


def bring(office, target: str, name: str = "ann", door: Door = Door.API, evidence: bytes | None = b"spam") -> Job:
    nomination = Nomination(
        address=office.at(target),
        door=door,
        nominator=f"reporter {name}",
        reason="x",
        evidence=evidence,
        reporter=name,
    )
    return office.casework.doors.nominate(nomination)


def account(office, name: str = "ann") -> ReporterAccount:
    found = office.casework.reporters.find(name)
    assert found is not None
    return found


def entries(office, name: str = "ann") -> list[tuple[str, str, str, str]]:
    found = [entry for entry in office.casework.operators.journal() if entry.subject == f"reporter {name}"]
    return [(entry.actor, entry.verb, entry.before, entry.after) for entry in found]


def test_a_key_is_given_out_once_kept_as_its_hash_and_void_when_there_is_another(office) -> None:
    reporter(office)
    first = office.casework.reporters.key("ann", actor="operator me")
    assert office.casework.doors.reporter_of(first) == account(office)
    assert first not in repr(account(office))
    second = office.casework.reporters.key("ann", actor="operator me")
    assert second != first
    for void in (first, "", account(office).key):
        with pytest.raises(Refused) as caught:
            office.casework.doors.reporter_of(void)
        assert caught.value.reason == Refusal.UNKNOWN_KEY
    office.casework.reporters.revoke("ann", actor="operator me")
    with pytest.raises(Refused):
        office.casework.doors.reporter_of(second)
    assert entries(office) == [
        ("operator me", "reporter-added", "", "new"),
        ("operator me", "reporter-key", "no key", "a new key"),
        ("operator me", "reporter-key", "a key", "a new key"),
        ("operator me", "reporter-key", "a key", "no key"),
    ]
    assert not any(first in str(entry) or second in str(entry) for entry in office.casework.operators.journal())


def test_a_name_is_taken_once_and_an_unknown_one_is_refused(office) -> None:
    reporter(office)
    with pytest.raises(Refused) as caught:
        reporter(office, "ANN")
    assert caught.value.reason == Refusal.REPORTER_EXISTS
    verbs = office.casework.reporters
    for verb in (
        lambda: verbs.key("bob", actor="x"),
        lambda: verbs.revoke("bob", actor="x"),
        lambda: verbs.suspend("bob", reason="x", actor="x"),
        lambda: verbs.resume("bob", reason="x", actor="x"),
        lambda: verbs.tier("bob", Tier.KNOWN, reason="x", actor="x"),
        lambda: bring(office, "192.0.2.1", "bob"),
    ):
        with pytest.raises(Refused) as caught:
            verb()
        assert caught.value.reason == Refusal.UNKNOWN_REPORTER


def test_the_journal_names_the_reporter_of_a_nomination(office) -> None:
    reporter(office)
    bring(office, "192.0.2.1")
    nominated = office.casework.operators.journal(office.at("192.0.2.1"))[0]
    assert nominated.actor == "api reporter ann"


def test_each_tier_has_its_number_a_day_whatever_the_networks_and_others_have_theirs(make_office) -> None:
    office = make_office(reporters={"new_day": 2, "known_day": 3})
    reporter(office)
    reporter(office, "bob", Tier.KNOWN)
    for name, most in (("ann", 2), ("bob", 3)):
        for n in range(most):
            bring(office, f"10.{most}.{n}.1", name)
        with pytest.raises(Refused) as caught:
            bring(office, f"10.{most}.200.1", name)
        assert caught.value.reason == Refusal.TOO_MANY
        assert caught.value.retry_after == 86400
        assert f"nominated {most} times today" in str(caught.value)
    office.later(days=1)
    bring(office, "10.2.200.1")


def test_an_operator_enters_for_a_reporter_without_his_number_but_not_for_a_suspended_one(make_office) -> None:
    office = make_office(reporters={"new_day": 1})
    reporter(office)
    for n in range(3):
        bring(office, f"10.0.{n}.1", door=Door.CLI)
    office.casework.reporters.suspend("ann", reason="lies", actor="operator me")
    with pytest.raises(Refused) as caught:
        bring(office, "10.0.9.1", door=Door.CLI)
    assert caught.value.reason == Refusal.SUSPENDED


def test_a_tier_is_changed_by_an_operator_with_his_reason_in_the_journal(office) -> None:
    reporter(office)
    office.casework.reporters.tier("ann", Tier.KNOWN, reason="good work", actor="operator me")
    assert account(office).tier is Tier.KNOWN
    assert entries(office)[-1] == ("operator me", "reporter-tier", "new", "known")
