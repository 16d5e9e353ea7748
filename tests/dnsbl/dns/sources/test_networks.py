from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.sources import networks
from dnsbl.dns.sources.dataset import Dataset
from dnsbl.dns.sources.networks import Entries, blocks4, guide, half6, one4, prefix4, prefix6, range4, whole6
from dnsbl.dns.sources.values import DEFAULT, NotTaken, Values


def ip4(text: str) -> int:
    return int(IPv4Address(text))


@pytest.mark.parametrize(
    ("line", "first", "last", "rest"),
    [
        (b"127.0.0.0/24", "127.0.0.0", "127.0.0.255", b""),
        (b"127.0.0", "127.0.0.0", "127.0.0.255", b""),
        (b"127/24 x", "127.0.0.0", "127.0.0.255", b" x"),
        (b"127.16-31", "127.16.0.0", "127.31.255.255", b""),
        (b"127.16.0.0-127.31.255.255", "127.16.0.0", "127.31.255.255", b""),
        (b"2-3", "2.0.0.0", "3.255.255.255", b""),
        (b"5.6.7.8-9:4:x", "5.6.7.8", "5.6.7.9", b":4:x"),
        (b"01.02.03.099", "1.2.3.99", "1.2.3.99", b""),
        (b"8.0/15", "8.0.0.0", "8.1.255.255", b""),
        (b"10.0.0.1#c", "10.0.0.1", "10.0.0.1", b"#c"),
    ],
)
def test_ranges_are_written_as_rbldnsd_reads_them(line: bytes, first: str, last: str, rest: bytes) -> None:
    assert range4(line) == (ip4(first), ip4(last), rest)


@pytest.mark.parametrize(
    "line",
    [
        b"7.7.7.7/31", b"8.8.8.8/0", b"9.9.9.9-9.9.9.1", b"10.0.0.1-300", b"256.1.1.1", b"1.2.3.4.5", b"1.1.1.1/33",
        b"1", b"127-127.0.0", b"1.2.3.4.", b"0x0a.1", b"+1.2.3.4", b"", b"x", b"0/0",
    ],
)  # fmt: skip
def test_what_is_no_range_is_refused(line: bytes) -> None:
    with pytest.raises(NotTaken):
        range4(line)


def test_bits_behind_a_prefix_are_taken_for_none_where_that_is_asked_for() -> None:
    assert range4(b"127.2.3.4/24", host_bits=True) == (ip4("127.2.3.0"), ip4("127.2.3.255"), b"")
    assert prefix6(b"1::2/16", host_bits=True) == (1 << 112, 16, b"")


def test_a_single_block_is_a_prefix_and_all_addresses_are_one_too() -> None:
    assert prefix4(b"3.3 q") == (ip4("3.3.0.0"), 16, b" q")
    assert prefix4(b"0/0 all") == (0, 0, b" all")
    for line in (b"2.2.3-4", b"2.1.1.1-2.1.1.5"):
        with pytest.raises(NotTaken):
            prefix4(line)


@pytest.mark.parametrize("line", [b"1.1.2", b"1.1.1.0/32", b"1.1.1.9-11", b"x", b"1.1.1.300"])
def test_a_single_address_has_four_octets_and_nothing_else(line: bytes) -> None:
    assert one4(b"01.1.1.9x") == (ip4("1.1.1.9"), b"x")
    with pytest.raises(NotTaken):
        one4(line)


@pytest.mark.parametrize(
    ("line", "network", "length", "rest"),
    [
        (b"2001:21ab:c000/36", "2001:21ab:c000::", 36, b""),
        (b"4:5 a", "4:5::", 32, b" a"),
        (b"3:: e", "3::", 128, b" e"),
        (b"::/0 all", "::", 0, b" all"),
        (b"2001:DB8:0:1::/64 up", "2001:db8:0:1::", 64, b" up"),
        (b"1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8", 128, b":9"),
        (b"1:2:3:4:5:6:7:8 x", "1:2:3:4:5:6:7:8", 128, b" x"),
        (b"4:5::1.2.3.4", "4:5::1", 128, b".2.3.4"),
        (b"3::4::5", "3::4", 128, b":5"),
        (b"2001:db8:::3", "2001:db8::", 128, b":3"),
        (b"3:::2:text", "3::", 128, b":2:text"),
        (b"2/16 d", "2::", 16, b" d"),
    ],
)
def test_groups_left_out_at_the_end_make_a_network(line: bytes, network: str, length: int, rest: bytes) -> None:
    assert prefix6(line) == (int(IPv6Address(network)), length, rest)


@pytest.mark.parametrize("line", [b"1::2/16", b"x", b"12345::1", b"/0", b"4", b"::/129", b"4:5: x", b"4:5:6:7:x"])
def test_what_is_no_network_of_ipv6_is_refused(line: bytes) -> None:
    with pytest.raises(NotTaken):
        prefix6(line)


def test_halves_have_four_groups_and_exclusions_all() -> None:
    assert half6(b"1:2:3:4 x") == (0x0001_0002_0003_0004 << 64, b" x")
    assert whole6(b"1::5") == (1 << 112 | 5, b"")
    for read, lines in (
        (half6, (b"1:2:3", b"1:2:3::", b"1:2:3:4/64", b"1:2:3:4:", b"1:2:3:4:x")),
        (whole6, (b"1:2:3:4",)),
    ):
        for line in lines:
            with pytest.raises(NotTaken):
                read(line)


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFF))
def test_blocks_make_up_their_range(first: int, more: int) -> None:
    last = min(first + more, 0xFFFFFFFF)
    at = first
    for begin, length in blocks4(first, last):
        assert begin == at
        assert length in (8, 16, 24, 32)
        at += 1 << 32 - length
    assert at == last + 1


ROWS = st.lists(
    st.tuples(st.integers(0, 255), st.sampled_from([24, 25, 28, 30, 31, 32]), st.integers(0, 3)), max_size=25
)


@given(ROWS, st.booleans(), st.sampled_from([4, 6]))
def test_the_narrowest_block_around_an_address_decides(
    rows: list[tuple[int, int, int]], first_wins: bool, version: int
) -> None:
    base, more, bits = (0x0A000000, 0, 32) if version == 4 else (0x20010DB8 << 96, 96, 128)
    entries, values = Entries(version, first_wins=first_wins), Values()
    for number in (1, 2, 3):
        values.number(DEFAULT._replace(template=b"%d" % number))
    addresses, ends, templates = values.packed()
    blocks = [(base + low >> (32 - length) << (32 - length), length + more, value) for low, length, value in rows]
    for line, (first, length, value) in enumerate(blocks):
        entries.add(first, length, value, line)
    starts, says, group_ends, groups, twice = entries.packed(3)
    dataset = Dataset(
        form=f"ip{version}set", ttl=1, addresses=addresses, ends=ends, templates=templates, group_ends=group_ends,
        groups=groups, starts=starts, says=says, guide=guide(starts, version),
    )  # fmt: skip
    for low in range(-1, 258):
        address = base + low
        around = [(length, value) for first, length, value in blocks if first <= address < first + (1 << bits - length)]
        narrowest = max((length for length, _ in around), default=0)
        said = [value for length, value in around if length == narrowest]
        if first_wins:
            said = said[:1]
        expected = () if 0 in said else tuple(dict.fromkeys(value - 1 for value in said))
        assert dataset.values_at(address) == expected
    listed = [low for low in range(256) if dataset.values_at(base + low)]
    for first, last in ((0, 255), (3, 9), (200, 220)):
        assert dataset.any_between(base + first, base + last) == any(first <= low <= last for low in listed)
    assert bool(twice) <= first_wins


@pytest.mark.parametrize("spread", [1, 1 << 20, 1 << 70, 1 << 118])
@pytest.mark.parametrize("base", [0, 0x2001 << 112])
def test_many_stretches_of_ipv6_are_found_by_their_guide(base: int, spread: int) -> None:
    rng = Random(spread)
    entries = Entries(6, first_wins=True)
    numbers = sorted({base + rng.randrange(500) * spread for _ in range(400)})
    for number in numbers:
        entries.add(number, 128, 1, 1)
    starts, says, *_ = entries.packed(1)
    found = Dataset(form="ip6trie", ttl=1, ends=memoryview(b"\0"), starts=starts, says=says, guide=guide(starts, 6))
    assert len(found.guide) == 65537
    for number in numbers:
        for near in (number - 1, number, number + 1, number + spread, base, base + 500 * spread, (1 << 128) - 1):
            if near >= 0:
                assert bool(found.values_at(near)) == (near in numbers)


def test_many_stretches_are_found_by_their_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = Entries(4, first_wins=False)
    for low in range(0, 600, 2):
        entries.add((low << 16) + 7, 32, 1, low)
    starts, says, *_ = entries.packed(1)
    found = guide(starts)
    assert len(found) == 65537
    dataset = Dataset(form="ip4set", ttl=1, ends=memoryview(b"\0"), starts=starts, says=says, guide=found)
    assert [bool(dataset.values_at((low << 16) + 7)) for low in range(4)] == [True, False, True, False]
    assert not dataset.values_at((2 << 16) + 8)
    assert not dataset.values_at(0xFFFFFFFF)
    monkeypatch.setattr(networks, "NEEDS_GUIDE", 10**6)
    assert not guide(starts)
