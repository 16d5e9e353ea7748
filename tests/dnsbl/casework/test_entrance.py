"""Signing in on the operators' side: who is let in, for how long, and what guessing comes to."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from dnsbl.casework import credentials
from dnsbl.casework.entrance import Visitor
from dnsbl.errors import Refused
from dnsbl.model import Role

WORDS = "correct horse battery"
HOME, ELSEWHERE = ip_address("192.0.2.7"), ip_address("2001:db8:9::7")


@pytest.fixture
def office(make_office: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    made = make_office(admin={"hours": 10, "idle_minutes": 30})
    made.casework.accounts.add("ada", WORDS, role=Role.OWNER, actor="operator boss")
    return made


def come(office: Any, name: str = "ada", password: str = WORDS, code: str = "", peer: Any = HOME) -> str:
    found: str = office.casework.entrance.sign_in(name, password, code, peer=peer)
    return found


def refused(office: Any, *words: str, **more: Any) -> Refused:
    with pytest.raises(Refused) as told:
        come(office, *words, **more)
    return told.value


def who(office: Any, secret: str) -> Visitor:
    found = office.casework.entrance.who(secret)
    assert found is not None
    return found  # type: ignore[no-any-return]


def test_who_shows_name_and_password_is_known_by_a_secret_that_is_not_kept(office: Any) -> None:
    secret = come(office, " Ada ")
    visitor = who(office, secret)
    assert (visitor.name, visitor.role, visitor.actor) == ("ada", Role.OWNER, "operator ada")
    assert secret not in (visitor.token, visitor.form) and len(secret) == 43
    with office.store.read() as tx:
        assert [one.token for one in tx.sign_ins.of("ada")] == [visitor.token]
        assert [(e.verb, e.actor) for e in tx.journal.read("account ada", most=9)][-1] == ("signed-in", "operator ada")
    for wrong in ("", "x", secret[:-1], secret.swapcase(), "y" * 5000):
        assert office.casework.entrance.who(wrong) is None


def test_wrong_name_password_and_disabled_are_one_answer(office: Any) -> None:
    office.casework.accounts.add("bob", WORDS, role=Role.VIEWER, actor="operator boss")
    office.casework.accounts.disable("bob", reason="x", actor="operator boss")
    told = {
        str(refused(office, *one)) for one in (("ada", "wrong"), ("nobody", WORDS), ("bob", WORDS), ("\0" * 99, ""))
    }
    assert len(told) == 1


def test_unknown_names_and_wrong_passwords_are_held_against_a_hash_alike(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []
    monkeypatch.setattr(credentials, "fits", lambda password, kept: bool(held.append(kept is not None)))
    refused(office, "ada", "wrong")
    refused(office, "nobody", "wrong")
    assert held == [True, False]


def test_a_sign_in_ends_by_age_by_silence_and_by_its_owner(office: Any) -> None:
    secret = come(office)
    for _ in range(22):
        office.clock.turn(minutes=27)
        who(office, secret)
    office.clock.turn(minutes=10)
    assert office.casework.entrance.who(secret) is None  # ten hours
    secret = come(office)
    office.clock.turn(minutes=31)
    assert office.casework.entrance.who(secret) is None
    first, second = come(office), come(office, peer=ELSEWHERE)
    office.casework.entrance.sign_out(who(office, first))
    assert office.casework.entrance.who(first) is None
    third = come(office)
    assert office.casework.entrance.sign_out_everywhere(who(office, third)) == 2
    assert office.casework.entrance.who(second) is None and office.casework.entrance.who(third) is None


@pytest.mark.parametrize("verb", ["password", "disable", "remove"])
def test_what_is_taken_from_somebody_is_taken_at_once(office: Any, verb: str) -> None:
    office.casework.accounts.add("eve", WORDS, role=Role.OPERATOR, actor="operator boss")
    secret = come(office, "eve")
    office.casework.accounts.role("eve", Role.VIEWER, reason="x", actor="operator boss")
    assert who(office, secret).role is Role.VIEWER
    if verb == "password":
        office.casework.accounts.password("eve", "another good one", actor="operator boss")
    else:
        getattr(office.casework.accounts, verb)("eve", reason="x", actor="operator boss")
    assert office.casework.entrance.who(secret) is None


def test_codes_are_asked_for_taken_once_and_replaced_by_recovery_codes_once_each(office: Any) -> None:
    accounts, clock = office.casework.accounts, office.clock
    key, _ = accounts.offer("ada")
    codes = accounts.enrol("ada", key, credentials.totp_now(key, clock.now().timestamp()), actor="operator ada")
    clock.turn(minutes=2)
    plain = str(refused(office, "ada", "wrong"))
    assert str(refused(office)) == plain
    code = credentials.totp_now(key, clock.now().timestamp())
    assert who(office, come(office, code=code)).codes
    assert str(refused(office, code=code)) == plain  # taken twice
    come(office, code=codes[3].upper())
    assert str(refused(office, code=codes[3])) == plain
    assert len(accounts.find("ada").recovery.split()) == 7


def test_guessing_slows_down_and_is_not_looked_at_while_it_waits(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        assert refused(office, "ada", "wrong", peer=ELSEWHERE).retry_after is None
    looked: list[str] = []
    monkeypatch.setattr(credentials, "fits", lambda password, kept: bool(looked.append(password)))
    assert refused(office, peer=ELSEWHERE).retry_after == 2 and looked == []
    office.clock.turn(seconds=1)
    assert refused(office, peer=ELSEWHERE).retry_after is None and looked == [WORDS]


def test_a_name_from_many_networks_is_slow_but_never_shut_and_at_home_not_even_slow(office: Any) -> None:
    come(office)
    for number in range(40):
        refused(office, "ada", "wrong", peer=ip_address(f"2001:db8:{number:x}::1"))
        office.clock.turn(seconds=31)
    refused(office, "ada", "wrong", peer=ip_address("2001:db8:fff::1"))
    waits = refused(office, peer=ip_address("198.51.100.9")).retry_after
    assert waits is not None and waits <= 31
    assert who(office, come(office)).name == "ada"  # from where she has been before
    office.clock.turn(seconds=31)
    assert who(office, come(office, peer=ip_address("198.51.100.9")))
    for name in ("eve", "mallory"):  # and no other name waits for that
        assert refused(office, name, "wrong").retry_after is None


def test_one_network_that_guesses_waits_whatever_name_it_gives(office: Any) -> None:
    for number in range(5):
        refused(office, f"name{number}", "wrong", peer=ELSEWHERE)
    assert refused(office, "another", "wrong", peer=ELSEWHERE).retry_after == 2


def test_guesses_from_where_somebody_has_been_are_counted_too(office: Any) -> None:
    come(office)
    for _ in range(5):
        refused(office, "ada", "wrong")
    assert refused(office).retry_after == 2
    office.clock.turn(seconds=61)
    come(office)


def test_what_is_remembered_of_tries_has_an_end(office: Any) -> None:
    come(office)
    refused(office, "ada", "wrong", peer=ELSEWHERE)
    office.clock.turn(days=100)
    refused(office, "nobody", "wrong")
    with office.store.read() as tx:
        assert not tx.sign_ins.tried(["known ada 192.0.2.0/24", f"network {'2001:db8:9::/48'}"])


def test_a_password_is_hashed_anew_where_its_cost_is_of_old(office: Any) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(WORDS)
    with office.store.write() as tx:
        tx.operators.change("ada", password=old)
    come(office)
    kept = office.casework.accounts.find("ada").password
    assert kept != old and not credentials.outdated(kept)
    come(office)


def test_whoever_has_to_set_the_clock_right_comes_in(office: Any) -> None:
    """The journal takes no decision while the clock is not believed; a sign-in decides nothing."""
    office.casework.entrance.check(who(office, come(office)), WORDS)
    with pytest.raises(Refused):
        office.casework.entrance.check(who(office, come(office)), "wrong")
    assert len(office.casework.entrance.places(who(office, come(office)))) == 3
