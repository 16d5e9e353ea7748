"""A log that is replayed by somebody else: what was seen once is held against whatever is shown later."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_network
from random import Random

import pytest

from dnsbl.errors import Damaged
from dnsbl.log import merkle, tiles
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.replay import Seen, count, follow, is_comparable, network_of_name, unknown, wanted


def change(number: int, network: object, *, listed: bool = True, kind: str = "relay") -> bytes:
    facts = {"change": number, "kind": kind, "listed": listed, "network": network}
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


#: Every second leaf is an entry of the journal.
LEAVES = [
    leaf
    for number in range(1, 301)
    for leaf in (
        change(number, f"192.0.{number >> 8}.{number & 255}/32"),
        b'{"entry":%d,"serial":%d}' % (number, number),
    )
]


def told(leaves: list[bytes]) -> Checkpoint:
    return Checkpoint("log.example", len(leaves), merkle.complete([merkle.leaf_hash(leaf) for leaf in leaves]))


def bundles(seen: Seen, leaves: list[bytes], size: int) -> list[bytes]:
    head = Checkpoint("log.example", size, b"")
    return [tiles.bundle(leaves[tile.number * 256 : tile.number * 256 + tile.width]) for tile in wanted(seen, head)]


def followed(seen: Seen, leaves: list[bytes], *, size: int | None = None, shown: list[bytes] | None = None) -> Seen:
    head = told(leaves[:size])
    return follow(seen, head, "note", bundles(seen, leaves if shown is None else shown, head.size))


def test_what_is_seen_in_steps_is_what_is_seen_at_once_and_each_step_reads_only_what_is_new() -> None:
    whole, seen = followed(Seen(), LEAVES), Seen()
    for size in (0, 1, 2, 255, 256, 257, 400, 512, 600, 600):
        if size:
            seen = Seen.read(followed(seen, LEAVES, size=size).text)
            assert len(list(wanted(seen, told(LEAVES[:size])))) <= 1
    assert (seen, len(seen.listed), seen.change) == (whole, 300, 300)


def test_a_log_that_signs_more_leaves_than_anybody_can_hold_is_asked_for_one_bundle_after_the_other() -> None:
    head = Checkpoint("log.example", 2**62, bytes(32))
    assert next(iter(wanted(Seen(), head))).path == "tile/entries/000"
    with pytest.raises(Damaged, match=f"has signed {2**62} leaves and shows 256"):
        follow(Seen(), head, "note", [tiles.bundle(LEAVES[:256])])


def test_a_log_that_is_cut_rolled_back_or_told_otherwise_does_not_continue_what_was_seen() -> None:
    random = Random(3)
    for size in (1, 7, 256, 300, 511):
        seen = followed(Seen(), LEAVES, size=size)
        with pytest.raises(Damaged, match="rolled back"):
            followed(seen, LEAVES, size=size - 1) if size > 1 else follow(
                seen, Checkpoint("l", 0, merkle.EMPTY), "", []
            )
        forked = list(LEAVES)
        place = random.randrange(size)
        forked[place] += b" "
        with pytest.raises(Damaged, match="two roots"):
            followed(seen, forked, size=size)
        with pytest.raises(Damaged, match="do not begin with"):
            followed(seen, forked)
        with pytest.raises(Damaged, match="was cut"):
            followed(seen, LEAVES, shown=LEAVES[:-1])
        with pytest.raises(Damaged, match="root that was signed"):
            followed(seen, LEAVES, shown=[*LEAVES[:-1], LEAVES[-1] + b" "])


def test_two_hundred_single_bit_changes_of_what_is_shown_are_each_refused() -> None:
    random, shown = Random(5), b"".join(bundles(Seen(), LEAVES, len(LEAVES)))
    head = told(LEAVES)
    for _ in range(200):
        changed = bytearray(shown)
        bit = random.randrange(len(changed) * 8)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            follow(Seen(), head, "", [bytes(changed)])


def test_changes_that_were_left_out_or_say_nothing_are_told() -> None:
    for leaf in (change(302, "192.0.2.1/32"), change(300, "192.0.2.1/32"), b'{"change":301}', b"[", b"1"):
        with pytest.raises(Damaged):
            followed(Seen(), [*LEAVES, leaf])


def test_what_dns_shows_and_the_log_does_not_is_named() -> None:
    more = [
        change(301, "198.51.100.0/24"),
        change(302, "192.0.0.1/32", listed=False),
        change(303, "2001:db8::/32"),
        change(304, "192.0.0.2/32", kind="spam"),
        change(305, "192.0.0.2/32", listed=False),
    ]
    seen = followed(Seen(), [*LEAVES, *more])
    assert (len(seen.listed), seen.ended) == (301, ("192.0.0.1/32",))
    shown = ["192.0.0.1/32", "192.0.0.2/32", "198.51.100.7/32", "198.51.100.0/24", "2001:db8:7::/48"]
    assert unknown(seen, map(ip_network, shown)) == []
    stray = [ip_network("198.51.100.0/23"), ip_network("203.0.113.1/32"), ip_network("2001:db9::1/128")]
    assert unknown(seen, stray) == stray
    assert is_comparable(seen)


def test_a_log_that_was_begun_when_old_steps_were_forgotten_is_followed_and_not_compared() -> None:
    seen = Seen.read(followed(Seen(), LEAVES[10:]).text)
    assert (seen.first, seen.change, len(seen.listed)) == (6, 300, 295) and not is_comparable(seen)
    with pytest.raises(Damaged, match="After change 300 the log has change 302"):
        followed(seen, [*LEAVES[10:], change(302, "192.0.2.1/32")])


def test_sealed_networks_are_counted_and_not_compared() -> None:
    leaves = [change(1, {"sha256": "00"}), change(2, {"sha256": "01"}), change(3, {"sha256": "02"}, listed=False)]
    seen = Seen.read(followed(Seen(), leaves).text)
    assert (count(seen), seen.listed) == (1, {}), "the same network has another seal each time"
    assert not is_comparable(seen) and is_comparable(Seen())
    later = followed(seen, [*leaves, change(4, "192.0.2.1/32")])
    assert count(later) == 2 and not is_comparable(later), "what is listed under a seal would be missed"


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("1.2.0.192", "192.0.2.1/32"),
        ("*.2.0.192", "192.0.2.0/24"),
        ("*.192", "192.0.0.0/8"),
        (".".join("1" + "0" * 23 + "8bd01002"), "2001:db8::1/128"),
        ("*.8.b.d.0.1.0.0.2", "2001:db8::/32"),
        ("@", None),
        ("*", None),
        ("2.0.192", None),
        ("300.2.0.192", None),
        ("2.0.0.127", None),
        (".".join("2000007fffff" + "0" * 20), None),
        ("_status", None),
        ("ns1", None),
    ],
)
def test_names_of_a_zone_are_read_as_the_networks_that_they_stand_for(name: str, network: str | None) -> None:
    assert network_of_name(name.split(".")) == (ip_network(network) if network else None)


def test_a_memory_that_is_none_is_told() -> None:
    for text in ("", "[]", "{}", Seen().text.replace('"listed": {}', '"listed": 7')):
        with pytest.raises(Damaged, match="no memory of a log"):
            Seen.read(text)
    assert Seen.read(replace(Seen(), size=7).text).size == 7
