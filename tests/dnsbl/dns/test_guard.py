import pickle
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.guard import ANSWER, BURST, DROP, ERROR, NEGATIVE, SEND, SLIP, Keys, Pace, Prefixes, rules_of
from dnsbl.errors import SettingsError
from dnsbl.settings import Dns

CLIENT = ip_address("192.0.2.1").packed
SAME = ip_address("192.0.2.254").packed  # in the same /24
OTHER = ip_address("192.0.3.1").packed
V6 = ip_address("2001:db8:0:aa00::1").packed
SAME_V6 = ip_address("2001:db8:0:aaff::1").packed  # in the same /56
OTHER_V6 = ip_address("2001:db8:0:ab00::1").packed


def v4(number: int, length: int) -> IPv4Network:
    return IPv4Network((0xC0000200 + number, length), strict=False)


@given(
    st.dictionaries(st.builds(v4, st.integers(0, 255), st.integers(20, 32)), st.integers(1, 9), max_size=9),
    st.integers(0, 255),
)
def test_the_longest_network_decides(values: dict[IPv4Network, int], number: int) -> None:
    address = IPv4Address(0xC0000200 + number)
    holding = [network for network in values if address in network]
    expected = values[max(holding, key=lambda network: network.prefixlen)] if holding else None
    assert Prefixes(dict(values)).of(address.packed) == expected


def test_families_do_not_mix_and_the_whole_world_is_a_network() -> None:
    prefixes = Prefixes({ip_network("0.0.0.0/0"): "four", ip_network("2001:db8::/32"): "six"})
    assert prefixes.of(bytes(4)) == "four"
    assert prefixes.of(bytes(16)) is None
    assert prefixes.of(IPv6Address("2001:db8::1").packed) == "six"


def test_of_two_rules_for_one_network_the_later_one_counts() -> None:
    rule = rules_of(Dns(acl=["192.0.2.0/24 drop", "192.0.2.0/24 code 127.255.255.254"]).acl).of(CLIENT)
    assert rule is not None
    assert (rule.action, str(rule.code)) == ("code", "127.255.255.254")


def test_b19_keys_are_read_as_digests_with_notes_beside_them() -> None:
    digests = [sha256(key).hexdigest() for key in (b"a" * 16, b"b" * 20)]
    keys = Keys.read(f"# whose\n\n{digests[0]} example.net\n  {digests[1].upper()} # a note\n", "keys")
    assert keys.knows(b"a" * 16)
    assert keys.knows(b"b" * 20)
    assert not keys.knows(b"c" * 16)
    assert not Keys.read("", "keys").knows(b"")


def test_b19_mistakes_in_the_keys_are_all_named_and_no_line_is_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        Keys.read("mysecretkey12345678\n" + "0" * 64 + "\n" + "0" * 62 + " short\n", "keys")
    assert caught.value.mistakes == [
        f"keys: line {n}: the SHA-256 of a key is needed, 64 hexadecimal digits" for n in (1, 3)
    ]


@pytest.mark.parametrize(
    ("label", "like"),
    [(b"a" * 16, True), (b"0" * 63, True), (b"a" * 15, False), (b"a" * 15 + b"-", False), (b"\xe9" * 16, False)],
)
def test_b19_only_long_labels_of_letters_and_digits_are_taken_for_keys(label: bytes, like: bool) -> None:
    assert Keys.like(label) is like


def sent(pace: Pace, client: bytes, sort: int, now: float, times: int) -> list[int]:
    return [pace.judge(client, sort, now) for _ in range(times)]


def test_b51_after_the_limit_every_second_reply_slips_and_the_rest_is_dropped() -> None:
    pace = Pace(answers=10, slip=2)
    verdicts = sent(pace, CLIENT, ANSWER, 1000.0, 30)
    assert verdicts[:20] == [SEND] * 20  # two seconds' worth at once
    assert verdicts[20:] == [DROP, SLIP] * 5


@pytest.mark.parametrize(("slip", "verdicts"), [(0, [DROP] * 6), (1, [SLIP] * 6), (3, [DROP, DROP, SLIP] * 2)])
def test_b51_slip_says_how_many_replies_over_the_limit_are_sent(slip: int, verdicts: list[int]) -> None:
    pace = Pace(answers=1, slip=slip)
    sent(pace, CLIENT, ANSWER, 0.0, 2)
    assert sent(pace, CLIENT, ANSWER, 0.0, 6) == verdicts


def test_b51_what_does_not_slip_is_dropped_and_keeps_the_turn_of_those_that_do() -> None:
    pace = Pace(errors=1, slip=2)
    sent(pace, CLIENT, ERROR, 0.0, 2)
    assert [pace.judge(CLIENT, ERROR, 0.0, slips=False) for _ in range(3)] == [DROP] * 3
    assert sent(pace, CLIENT, ERROR, 0.0, 2) == [DROP, SLIP]
    assert pace.judge(CLIENT, ERROR, 1.0, slips=False) == SEND


def test_b51_the_limit_is_a_rate() -> None:
    pace = Pace(answers=10, slip=0)
    count = sum(pace.judge(CLIENT, ANSWER, 1000 + n / 1000) == SEND for n in range(10_000))  # 1000/s, ten seconds
    assert count == pytest.approx(100 + BURST * 10, abs=2)
    assert pace.judge(CLIENT, ANSWER, 1020.0) == SEND


def test_b51_negative_answers_have_a_limit_of_their_own() -> None:
    pace = Pace(answers=10, negatives=1000, errors=1, slip=0)
    assert sent(pace, CLIENT, NEGATIVE, 5.0, 2001).count(SEND) == 2000
    assert sent(pace, CLIENT, ANSWER, 5.0, 21).count(SEND) == 20
    assert sent(pace, CLIENT, ERROR, 5.0, 3).count(SEND) == 2


@pytest.mark.parametrize(("client", "same", "other"), [(CLIENT, SAME, OTHER), (V6, SAME_V6, OTHER_V6)])
def test_b51_a_limit_is_for_a_whole_24_or_56(client: bytes, same: bytes, other: bytes) -> None:
    pace = Pace(answers=1, slip=0, seed=0x9E3779B97F4A7C15)
    sent(pace, client, ANSWER, 0.0, 2)
    assert pace.judge(same, ANSWER, 0.0) == DROP
    assert pace.judge(other, ANSWER, 0.0) == SEND


def test_b51_without_a_limit_and_on_the_allow_list_everything_is_sent() -> None:
    assert set(sent(Pace(), CLIENT, ANSWER, 0.0, 5000)) == {SEND}
    allowed = Pace(answers=1, allow=[ip_network("192.0.2.0/25"), ip_network("2001:db8::/32")])
    for client in (CLIENT, V6):
        assert set(sent(allowed, client, ANSWER, 0.0, 100)) == {SEND}
    assert set(sent(allowed, SAME, ANSWER, 0.0, 100)) != {SEND}


def test_b51_a_limit_below_one_in_two_seconds_still_lets_one_through() -> None:
    pace = Pace(answers=0.1, slip=0)
    assert sent(pace, CLIENT, ANSWER, 100.0, 3) == [SEND, DROP, DROP]
    assert pace.judge(CLIENT, ANSWER, 109.0) == DROP
    assert pace.judge(CLIENT, ANSWER, 110.0) == SEND


def test_b51_a_clock_that_is_set_back_does_not_silence_anybody() -> None:
    pace = Pace(answers=1, slip=0)
    sent(pace, CLIENT, ANSWER, 10_000.0, 5)
    assert pace.judge(CLIENT, ANSWER, 5_000.0) == SEND


def test_b52_a_hundred_thousand_sources_take_no_more_memory_than_one() -> None:
    pace = Pace(answers=1, errors=1, seed=0x9E3779B97F4A7C15)
    pace.judge(CLIENT, ANSWER, 0.0)
    everything = len(pickle.dumps(pace))
    for number in range(0, 100_000 << 8, 1 << 8):  # that many different /24, more than there are slots
        pace.judge(number.to_bytes(4), ERROR, 1.0)
    assert len(pickle.dumps(pace)) == everything < 2_000_000


def test_b52_sources_spread_over_the_slots_so_that_honest_ones_seldom_share() -> None:
    pace = Pace(answers=1, slip=0, seed=0x9E3779B97F4A7C15)
    shared = sum(pace.judge((number << 8).to_bytes(4), ANSWER, 0.0) != SEND for number in range(20_000))
    assert shared < 1000
