"""DNS cookies, against the examples of RFC 9018 appendix A."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.dns.cookies import AHEAD, GOOD, RENEW, Cookies, server_cookie

OLD, NEW = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf"), bytes.fromhex("445536bcd2513298075a5d379663c962")
OTHER = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")
MINE = bytes.fromhex("2464c4abcf10c957")
CLIENT = ip_address("198.51.100.100").packed
AT = 1559731985
COOKIE = MINE + server_cookie(MINE, CLIENT, AT, OLD)


@pytest.mark.parametrize(
    ("mine", "client", "moment", "secret", "expected"),
    [
        ("2464c4abcf10c957", "198.51.100.100", 1559731985, OLD, "010000005cf79f111f8130c3eee29480"),  # A.1
        ("2464c4abcf10c957", "198.51.100.100", 1559734385, OLD, "010000005cf7a871d4a564a1442aca77"),  # A.2
        ("22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, NEW, "010000005cf7c609a6bb79d16625507a"),
    ],
)
def test_b30_server_cookies_are_those_of_the_rfc(
    mine: str, client: str, moment: int, secret: bytes, expected: str
) -> None:
    assert server_cookie(bytes.fromhex(mine), ip_address(client).packed, moment, secret).hex() == expected


def test_b30_a_cookie_of_ours_is_good_from_its_sender_alone_and_comes_back_as_it_is() -> None:
    cookies = Cookies((OLD,))
    assert cookies.check(COOKIE, CLIENT, AT) == (True, COOKIE)
    assert cookies.check(COOKIE, ip_address("198.51.100.101").packed, AT) == (
        False,
        MINE + server_cookie(MINE, ip_address("198.51.100.101").packed, AT, OLD),
    )


def test_b30_who_has_the_first_half_only_is_given_the_second() -> None:
    assert Cookies((OLD,)).check(MINE, CLIENT, AT) == (False, COOKIE)


@pytest.mark.parametrize(
    ("passed", "good", "same"),
    [
        (-AHEAD - 1, False, False),
        (-AHEAD, True, True),
        (0, True, True),
        (RENEW, True, True),
        (RENEW + 1, True, False),
        (GOOD, True, False),
        (GOOD + 1, False, False),
    ],
)
def test_b30_a_cookie_is_renewed_after_half_an_hour_and_good_for_one(passed: int, good: bool, same: bool) -> None:
    found = Cookies((OLD,)).check(COOKIE, CLIENT, AT + passed)
    assert found == (good, COOKIE if same else MINE + server_cookie(MINE, CLIENT, AT + passed, OLD))


def test_b30_a_cookie_of_an_older_secret_is_good_and_renewed_with_the_newest() -> None:
    assert Cookies((NEW, OLD)).check(COOKIE, CLIENT, AT) == (True, MINE + server_cookie(MINE, CLIENT, AT, NEW))
    assert Cookies((NEW, OTHER)).check(COOKIE, CLIENT, AT) == (False, MINE + server_cookie(MINE, CLIENT, AT, NEW))


@pytest.mark.parametrize(
    ("size", "fine"), [(0, False), (7, False), (8, True), (9, False), (15, False), (16, True), (40, True), (41, False)]
)
def test_b30_cookies_of_other_lengths_are_malformed(size: int, fine: bool) -> None:
    assert (Cookies((OLD,)).check(bytes(size), CLIENT, AT) is not None) == fine


def test_b30_a_cookie_of_another_version_is_not_ours() -> None:
    forged = bytearray(COOKIE)
    forged[8] = 2
    assert Cookies((OLD,)).check(bytes(forged), CLIENT, AT) == (False, COOKIE)


def test_b30_time_goes_round_as_serials_do() -> None:
    late = 2**32 - 10
    cookie = MINE + server_cookie(MINE, CLIENT, late, OLD)
    assert Cookies((OLD,)).check(cookie, CLIENT, 2**32 + 20) == (True, cookie)
