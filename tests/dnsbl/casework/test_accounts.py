"""Accounts on the operators' side: each change is entered, and no secret with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dnsbl.casework import credentials
from dnsbl.errors import Refused
from dnsbl.model import SignIn
from dnsbl.vocabulary import Refusal, Role

WORDS = "correct horse battery"
BOSS = "operator boss"
pytestmark = pytest.mark.usefixtures("light")


def entered(office: Any) -> list[tuple[str, str, str, str, str]]:
    with office.store.read() as tx:
        found = tx.journal.read(None, most=100)
    return [(e.subject, e.verb, e.before, e.after, e.actor) for e in found if e.subject.startswith("account ")]


def test_every_change_of_an_account_is_entered_with_its_actor_and_no_secret(make_office: Callable[..., Any]) -> None:
    office = make_office()
    accounts = office.casework.accounts
    assert not accounts.any()
    accounts.add("Ada", WORDS, role=Role.OWNER, actor=BOSS)
    accounts.add("eve", WORDS, role=Role.VIEWER, actor=BOSS)
    accounts.role("eve", Role.OPERATOR, reason="she is good", actor=BOSS)
    accounts.password("eve", "another good one", actor=BOSS)
    accounts.disable("eve", reason="left", actor=BOSS)
    accounts.enable("eve", reason="came back", actor=BOSS)
    accounts.remove("eve", reason="left again", actor=BOSS)
    assert entered(office) == [
        ("account ada", "account-added", "", "owner", BOSS),
        ("account eve", "account-added", "", "viewer", BOSS),
        ("account eve", "account-role", "viewer", "operator", BOSS),
        ("account eve", "account-password", "", "a new password", BOSS),
        ("account eve", "account-disabled", "operator", "disabled", BOSS),
        ("account eve", "account-enabled", "disabled", "operator", BOSS),
        ("account eve", "account-removed", "operator", "no account", BOSS),
    ]
    assert [account.name for account in accounts.all()] == ["ada"] and accounts.any()
    with office.store.read() as tx:
        journal = str(tx.journal.read(None, most=100))
    assert WORDS not in journal and "another good one" not in journal and "argon2" not in journal


def test_what_cannot_be_is_refused_and_changes_nothing(make_office: Callable[..., Any]) -> None:
    office = make_office()
    accounts = office.casework.accounts
    accounts.add("ada", WORDS, role=Role.OWNER, actor=BOSS)
    before = accounts.all(), entered(office)
    for verb, reason in (
        (lambda: accounts.add("ADA", WORDS, role=Role.VIEWER, actor=BOSS), Refusal.ACCOUNT_EXISTS),
        (lambda: accounts.add("bob", "short", role=Role.VIEWER, actor=BOSS), Refusal.WEAK_PASSWORD),
        (lambda: accounts.add("bob b", WORDS, role=Role.VIEWER, actor=BOSS), Refusal.UNKNOWN_ACCOUNT),
        (lambda: accounts.find("bob"), Refusal.UNKNOWN_ACCOUNT),
        (lambda: accounts.password("bob", WORDS, actor=BOSS), Refusal.UNKNOWN_ACCOUNT),
        (lambda: accounts.password("ada", "x", actor=BOSS), Refusal.WEAK_PASSWORD),
        (lambda: accounts.remove("bob", reason="x", actor=BOSS), Refusal.UNKNOWN_ACCOUNT),
        (lambda: accounts.end_codes("bob", reason="x", actor=BOSS), Refusal.UNKNOWN_ACCOUNT),
    ):
        with pytest.raises(Refused) as told:
            verb()
        assert told.value.reason == reason
    assert (accounts.all(), entered(office)) == before


def test_the_last_owner_stays_but_for_whoever_has_the_machine(make_office: Callable[..., Any]) -> None:
    office = make_office()
    accounts = office.casework.accounts
    accounts.add("ada", WORDS, role=Role.OWNER, actor=BOSS)
    accounts.add("bob", WORDS, role=Role.OWNER, actor=BOSS)
    accounts.disable("bob", reason="x", actor=BOSS)
    for verb in (
        lambda: accounts.disable("ada", reason="x", actor=BOSS),
        lambda: accounts.remove("ada", reason="x", actor=BOSS),
        lambda: accounts.role("ada", Role.OPERATOR, reason="x", actor=BOSS),
    ):
        with pytest.raises(Refused) as told:
            verb()
        assert told.value.reason == Refusal.LAST_OWNER
    accounts.role("ada", Role.OWNER, reason="stays so", actor=BOSS)
    accounts.remove("bob", reason="is disabled anyway", actor=BOSS)
    accounts.disable("ada", reason="lost a laptop", actor=BOSS, spare=True)
    assert not accounts.any()


def test_one_time_codes_count_once_one_was_shown_and_come_with_recovery_codes(make_office: Callable[..., Any]) -> None:
    office = make_office()
    accounts, at = office.casework.accounts, office.clock.now().timestamp()
    accounts.add("ada", WORDS, role=Role.OWNER, actor=BOSS)
    key, uri = accounts.offer("ada")
    assert key in uri and accounts.find("ada").totp == ""
    for wrong_key, code in ((key, "000000"), ("no base32!", credentials.totp_now(key, at)), ("", ""), (key, "")):
        with pytest.raises(Refused):
            accounts.enrol("ada", wrong_key, code, actor="operator ada")
    with office.store.write() as tx:
        for token in ("here", "thief"):
            now = office.clock.now()
            tx.sign_ins.begin(SignIn(token=token, name="ada", place="192.0.2.0/24", begun=now, seen=now))
    codes = accounts.enrol("ada", key, credentials.totp_now(key, at), actor="operator ada", but="here")
    kept = accounts.find("ada")
    assert kept.totp == key and len(set(codes)) == 8 == len(kept.recovery.split())
    with office.store.read() as tx:
        assert [one.token for one in tx.sign_ins.of("ada")] == ["here"]  # a thief of the password is signed in no more
    assert not any(code in kept.recovery or code.replace("-", "") in kept.recovery for code in codes)
    accounts.end_codes("ada", reason="lost", actor=BOSS)
    assert accounts.find("ada").totp == accounts.find("ada").recovery == ""
    with office.store.read() as tx:
        assert tx.sign_ins.of("ada") == []
    verbs = [row[1:4] for row in entered(office)][1:]
    assert verbs == [
        ("account-codes", "a password", "one-time codes"),
        ("account-codes", "one-time codes", "a password"),
    ]
    assert key not in str(entered(office))
