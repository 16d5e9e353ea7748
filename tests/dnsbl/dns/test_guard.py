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
    assert [keys.find(label) is not None for label in (b"a" * 16, b"b" * 20, b"c" * 16)] == [True, True, False]
    assert Keys.read("", "keys").find(b"") is None
    assert [(key.name, key.homes) for key in keys.known.values()] == [("", ())] * 2


def test_b19_a_key_may_have_a_name_and_networks_that_it_is_used_from() -> None:
    digests = [sha256(key).hexdigest() for key in (b"a" * 16, b"b" * 20, b"c" * 20)]
    text = (
        f"{digests[0]} since 2026 networks=192.0.2.0/24,2001:db8::/32 name=acme-mail\n"
        f"{digests[1]} networks=198.51.100.7 # name=nobody\n{digests[2]} name=example.net"
    )
    keys = Keys.read(text, "keys", stay=True)
    one, two, three = keys.known.values()
    assert (one.label, two.label, three.label) == ("acme-mail", digests[1][:12], "example.net")
    for key, client, home in (
        (one, "192.0.2.200", True),
        (one, "2001:db8:1::1", True),
        (one, "192.0.3.1", False),
        (one, "2001:db9::1", False),
        (two, "198.51.100.7", True),
        (two, "198.51.100.8", False),
        (two, "2001:db8::1", False),
        (three, "192.0.2.1", True),
        (three, "2001:db8::1", True),
    ):
        assert keys.at_home(key, ip_address(client).packed) is home
    assert keys.stay
    assert keys == Keys.read(text, "another", stay=True)
    assert keys != Keys.read(text, "keys")
    assert keys != Keys.read(text.replace("/24", "/25"), "keys", stay=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("name=" + "a" * 16, "could be a key"),
        ("name=AbCdEfGh0123456789", "could be a key"),
        ("name=", "a name has"),
        ("name=ä", "a name has"),
        ("name=x;y", "a name has"),
        ("name=" + "a-" * 20 + "a", "a name has"),
        ("networks=", "NETWORK,NETWORK is needed"),
        ("networks=192.0.2.1/24", "NETWORK,NETWORK is needed"),
        ("networks=192.0.2.0/24,aaaaaaaaaaaaaaaa", "NETWORK,NETWORK is needed"),
        ("name=acme", "given before"),
        ("name=" + sha256(b"a" * 16).hexdigest()[:12], "given before"),
    ],
)
def test_b19_a_name_or_network_that_cannot_be_is_named_and_not_shown(words: str, said: str) -> None:
    digests = [sha256(key).hexdigest() for key in (b"a" * 16, b"b" * 20, b"c" * 20)]
    with pytest.raises(SettingsError, match=said) as caught:
        Keys.read(f"{digests[0]}\n{digests[1]} name=acme\n{digests[2]} {words}", "keys")
    assert len(caught.value.mistakes) == 1
    assert "line 3" in str(caught.value)
    assert "a" * 16 not in str(caught.value)


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
