"""Names, passwords, secrets and waits of the operators' side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address

import pytest

from dnsbl.errors import Refused
from dnsbl.rules import entrance
from dnsbl.vocabulary import Refusal, Role

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("text", "name"), [("ada", "ada"), (" Ada ", "ada"), ("a.b-c_9", "a.b-c_9"), ("a" * 32,) * 2])
def test_a_name_is_a_word_in_one_form(text: str, name: str) -> None:
    assert entrance.name_of(text) == name


@pytest.mark.parametrize(
    "text", ["", "9ada", "ada lovelace", "ada\n", "a" * 33, "<b>", "ådå", "a/b", "a\0", "a\u202eb"]
)
def test_what_is_no_word_is_refused_and_not_repeated_raw(text: str) -> None:
    if text == "ada\n":
        assert entrance.name_of(text) == "ada"
        return
    with pytest.raises(Refused) as told:
        entrance.name_of(text)
    assert told.value.reason is Refusal.UNKNOWN_ACCOUNT
    assert str(told.value).isascii() and str(told.value).isprintable()


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("", False),
        ("elevenchars", False),
        ("twelve-chars", True),
        ("abcdefgh" * 25, True),
        ("abcdefgh" * 25 + "a", False),
        ("abcd" * 10, False),
        ("abcde" * 10, True),
        ("lovelace1234567", False),
        ("123-LoveLace-56", False),
        ("lovelace12345678", True),  # eight more than the name
        ("not her name 12", True),
    ],
)
def test_a_password_has_twelve_characters_five_of_them_different_and_is_no_account_with_a_number(
    text: str, taken: bool
) -> None:
    if taken:
        assert entrance.password_of(text, "lovelace") == text
        return
    with pytest.raises(Refused) as told:
        entrance.password_of(text, "lovelace")
    assert told.value.reason is Refusal.WEAK_PASSWORD


def test_of_what_is_typed_no_more_is_hashed_than_a_password_may_have() -> None:
    assert entrance.typed("x" * 300) == "x" * 200


def test_secrets_and_codes_are_as_strong_as_those_who_need_them_rely_on() -> None:
    assert (entrance.TOKEN_OCTETS, entrance.RECOVERY_OCTETS, entrance.RECOVERIES) == (32, 10, 8)
    assert entrance.TOTP_OCTETS * 8 == 160, "RFC 4226 4"
    assert (entrance.TOTP_DIGITS, entrance.TOTP_SECONDS, entrance.TOTP_DRIFT) == (6, 30, 1), "what apps take for given"
    assert (5, timedelta(minutes=5), timedelta(days=90)) == (entrance.AGAIN, entrance.AHEAD, entrance.KNOWN)


def test_a_password_is_the_same_however_a_keyboard_writes_it() -> None:
    composed, apart = "stra\u00dfe zu dr\u00e9sden", "stra\u00dfe zu dre\u0301sden"
    assert entrance.password_of(composed, "ada") == entrance.password_of(apart, "ada") == entrance.typed(apart)
    assert entrance.typed("\ud800 half a character")  # can be hashed
    assert len(entrance.password_of("correct horse battery", "ada")) == 21


def test_each_role_may_what_those_before_it_may() -> None:
    order = [Role.VIEWER, Role.OPERATOR, Role.OWNER]
    for number, role in enumerate(order):
        assert [entrance.may(role, needed) for needed in order] == [n <= number for n in range(3)]


def test_secrets_are_as_long_as_their_octets_and_are_found_however_they_are_typed() -> None:
    assert len(entrance.new_secret(bytes(32))) == 43
    code = entrance.new_recovery(bytes(range(10)))
    assert len(code.replace("-", "")) == 16
    assert entrance.recovery_hash(code) == entrance.recovery_hash(code.upper().replace("-", " "))
    assert entrance.recovery_hash(code) == entrance.hash_of("recovery " + code.replace("-", ""))
    assert entrance.recovery_hash("a" * 80) == entrance.recovery_hash("a" * 81), "so much of what is typed"
    assert entrance.form_token("a") == sha256(b"form of a").hexdigest()
    assert entrance.same("ä", "ä") and not entrance.same("a", "b")


def test_whatever_is_typed_can_be_held_against_a_secret() -> None:
    odd = "\ud800"  # half a character
    assert len({entrance.hash_of(odd), entrance.form_token(odd), entrance.recovery_hash(odd)}) == 3
    assert not entrance.same(odd, "a") and not entrance.same("a", odd)


def test_waits_begin_after_some_failures_double_and_have_an_end() -> None:
    def waits(most: float) -> list[float]:
        return [entrance.wait(n, NOW, NOW, most, 5) for n in range(12)]

    assert waits(30) == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert entrance.wait(10**9, NOW, NOW, 900, 5) == 900
    assert entrance.wait(7, NOW, NOW + timedelta(seconds=3), 900, 5) == 1
    assert entrance.wait(7, NOW, NOW + timedelta(seconds=5), 900, 5) == 0


def test_failures_are_forgotten_and_a_clock_that_was_wrong_shuts_nobody_out() -> None:
    assert entrance.wait(50, NOW, NOW + timedelta(days=2), 900, 5) == 0
    assert entrance.wait(50, NOW + timedelta(days=400), NOW, 900, 5) == 0
    assert entrance.wait(50, NOW + timedelta(hours=5), NOW, 900, 5) == 900
    day = timedelta(days=1)
    for away, counted in ((day, 7), (day + timedelta(seconds=1), 0)):
        assert entrance.failures(7, NOW, NOW + away) == entrance.failures(7, NOW + away, NOW) == counted


def test_places_and_names_are_counted_apart_where_somebody_is_not_known() -> None:
    place = entrance.place_of(ip_address("192.0.2.77"))
    assert place == "192.0.2.0/24" and entrance.place_of(ip_address("2001:db8:1:2::3")) == "2001:db8:1::/48"
    assert entrance.place_of(None) == "nowhere"
    assert entrance.known_as("ada", place) == "known ada 192.0.2.0/24"
    strange = {"network": "network 192.0.2.0/24", "region": "region 192.0.0.0/16"}
    assert entrance.holders("ada", place, known=False) == strange
    assert entrance.holders("ada", place, known=True) == strange | {"there": "there ada 192.0.2.0/24"}
    assert entrance.holders("ada", "2001:db8:1::/48", known=False)["region"] == "region 2001:db8::/32"
    assert entrance.holders("ada", "nowhere", known=False)["region"] == "region nowhere"


@pytest.mark.parametrize(
    ("network", "region", "there", "waits"),
    [
        (0, 0, None, (0, 0)),
        (7, 0, None, (4, 4)),
        (1, 500, None, (0, 0)),  # a network that has hardly failed does not wait with its region
        (2, 500, None, (30, 30)),
        (2, 49, None, (0, 0)),
        (2, 50, None, (1, 1)),
        (0, 0, 4, (0, 0)),
        (0, 0, 5, (1, 1)),
        (60, 500, None, (900, 900)),
        (60, 500, 0, (0, 900)),  # where he has been he is looked at, and a wrong answer tells what any name is told
        (60, 0, 60, (60, 900)),
    ],
)
def test_who_waits_for_what(network: int, region: int, there: int | None, waits: tuple[float, float]) -> None:
    tried = {"network": (network, NOW), "region": (region, NOW)} | ({} if there is None else {"there": (there, NOW)})
    assert entrance.waits(tried, NOW) == waits
