"""Signing in on the operators' side: who is let in, for how long, and what guessing comes to."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from threading import BoundedSemaphore
from typing import Any

import pytest

from dnsbl.casework import credentials
from dnsbl.casework.entrance import Visitor
from dnsbl.errors import Busy, Refused
from dnsbl.vocabulary import Role

WORDS = "correct horse battery"
HOME, ELSEWHERE = ip_address("192.0.2.7"), ip_address("2001:db8:9::7")


@pytest.fixture
def office(make_office: Callable[..., Any], light: None) -> Any:
    made = make_office(admin={"hours": 10, "idle_minutes": 30})
    made.casework.accounts.add("ada", WORDS, role=Role.OWNER, actor="operator boss")
    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that cost nothing, for tests that are about how often they are tried."""
    monkeypatch.setattr(credentials, "fits", lambda password, kept: password == WORDS and kept is not None)
    monkeypatch.setattr(credentials, "outdated", lambda kept: False)


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


def test_a_name_that_many_networks_guess_at_is_let_in_from_a_new_one(office: Any, quick: None) -> None:
    for second in range(120):
        refused(office, "ada", "wrong", peer=ip_address(f"2001:db8:{second % 64:x}::1"))
        office.clock.turn(seconds=1)
    assert who(office, come(office, peer=ip_address("198.51.100.9")))


def test_a_region_that_guesses_waits_but_for_networks_that_have_hardly_failed(office: Any, quick: None) -> None:
    for number in range(60):
        refused(office, "ada", "wrong", peer=ip_address(f"2001:db8:{number:x}::1"))
    fresh = ip_address("2001:db8:fff::1")
    assert [refused(office, "ada", "wrong", peer=fresh).retry_after for _ in range(3)] == [None, None, 31]
    assert refused(office, peer=fresh).retry_after == 31
    office.clock.turn(seconds=31)
    assert who(office, come(office, peer=fresh))


def test_coming_in_takes_back_nobody_elses_failures(office: Any, quick: None) -> None:
    office.casework.accounts.add("mallory", WORDS, role=Role.VIEWER, actor="operator boss")
    come(office, "mallory")
    for number in range(5):
        refused(office, f"boss{number}", "wrong")
        come(office, "mallory")
    assert refused(office, "boss6", "wrong").retry_after == 2
    office.clock.turn(seconds=1)
    come(office, "mallory")  # nor does it make the wait longer
    assert refused(office, "boss6", "wrong").retry_after is None


def test_a_shared_network_tells_no_names_apart(office: Any, quick: None) -> None:
    come(office)
    told = [refused(office, name, "wrong").retry_after for name in ["ada"] * 7 + ["nobody"] * 7 + ["ada"]]
    assert told == [None] * 5 + [2] * 10
    elsewhere = {"peer": ELSEWHERE}
    come(office, **elsewhere)
    told = [refused(office, name, "wrong", **elsewhere).retry_after for name in ["nobody"] * 7 + ["ada"]]
    assert told == [None] * 5 + [2] * 3
    come(office, **elsewhere)  # and whoever is known there comes in


def test_a_password_that_is_shown_again_is_counted_told_and_ends_the_sign_in(
    office: Any, quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    secret = come(office)
    visitor, check = who(office, secret), office.casework.entrance.check
    for wrong in range(4):
        with pytest.raises(Refused):
            check(visitor, f"wrong {wrong}")
    check(visitor, WORDS)
    caplog.clear()
    for wrong in range(5):
        assert office.casework.entrance.who(secret) is not None
        with pytest.raises(Refused):
            check(visitor, f"wrong {wrong}")
    assert office.casework.entrance.who(secret) is None
    with pytest.raises(Refused) as told:
        check(visitor, WORDS)
    assert told.value.retry_after
    assert sum("nobody is signed in as ada" in one.getMessage() for one in caplog.records) == 6
    with office.store.read() as tx:
        last = tx.journal.read("account ada", most=99)[-1]
    assert (last.verb, last.evidence) == ("signed-out", "5 wrong passwords")


def test_a_sign_in_of_a_time_to_come_has_ended(office: Any) -> None:
    secret = come(office)
    office.clock.jump(minutes=-4)
    who(office, secret)
    office.clock.jump(minutes=-2)
    assert office.casework.entrance.who(secret) is None
    office.clock.jump(minutes=6)
    assert office.casework.entrance.who(secret) is None


def test_a_try_for_which_there_is_no_room_is_none(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(credentials, "_IN_LINE", BoundedSemaphore(1))
        with credentials._turn():
            for _ in range(9):
                assert isinstance(refused(office), Busy)
    for _ in range(5):
        assert refused(office, "ada", "wrong").retry_after is None


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

    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(WORDS)
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
