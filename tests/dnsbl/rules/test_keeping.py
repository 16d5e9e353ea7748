"""The shares of what is kept: pure."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.rules.keeping import INBOX, PART, PER_LETTER, REGION, Share, exceeded, shares
from dnsbl.settings import CollectorSettings
from tester.letter import Letter

COLLECTOR = CollectorSettings(peer_day=40, run_bytes=100_000, address_bytes=200_000, day_bytes=300_000)
LETTER = Letter(
    recipient="r" * 34,
    sender="s" * 34,
    address=ip_address("192.0.2.1"),
    port=25,
    vector="S01",
    run="x",
    not_before=0,
    not_after=1,
    proof_hash=b"",
)


def held(peer: str, *, news: bool = False, letter: Letter | None = None) -> dict[str, Share]:
    return {share.holder: share for share in shares(COLLECTOR, peer=ip_address(peer), news=news, letter=letter)}


def test_an_address_has_a_quarter_of_its_networks_share_and_a_region_eight_of_them() -> None:
    assert (PER_LETTER, PART, REGION) == (20, 4, 8)
    for most, each in ((40, [10, 40, 320]), (5, [1, 5, 40])):
        collector = CollectorSettings(peer_day=most)
        found = shares(collector, peer=ip_address("198.51.100.7"), news=False, letter=None)
        assert [share.messages for share in found] == [*each, None]


def test_what_somebody_brings_is_counted_by_day_and_what_is_kept_of_a_test_for_good() -> None:
    daily = {holder: share.daily for holder, share in held("198.51.100.7", letter=LETTER).items()}
    assert [holder for holder in daily if not daily[holder]] == ["run x"]


def test_a_message_counts_for_its_address_its_network_and_its_region() -> None:
    found = held("198.51.100.7")
    assert {holder: share.messages for holder, share in found.items()} == {
        "from 198.51.100.7/32": 40 // PART,
        "from 198.51.100.0/24": 40,
        "from 198.51.0.0/16": 40 * REGION,
        "all": None,
    }
    assert list(held("2001:db8:1:2:3::4"))[:3] == [
        "from 2001:db8:1:2::/64",
        "from 2001:db8:1::/48",
        "from 2001:db8::/32",
    ]


def test_what_is_about_a_letter_counts_for_its_test_and_the_tested_address() -> None:
    found = held("198.51.100.7", letter=LETTER)
    assert found[f"letter {'r' * 34}"].messages == PER_LETTER
    assert (found["run x"].octets, found["run x"].daily) == (100_000, False)
    assert (found["of 192.0.2.1"].octets, found["of 192.0.2.1"].daily) == (200_000, True)
    assert (found["all"].octets, found["all"].daily) == (300_000, True)


def test_news_of_a_letter_is_counted_by_its_octets_alone() -> None:
    assert set(held("198.51.100.7", news=True, letter=LETTER)) == {"run x", "of 192.0.2.1", "all"}


def test_every_share_says_what_is_used_up() -> None:
    assert all(share.full.startswith("too much") for share in held("198.51.100.7", letter=LETTER).values())


@pytest.mark.parametrize(
    ("share", "messages", "octets", "more", "over"),
    [
        (Share(holder="", daily=True, full="", messages=3), 2, 10**9, 10**9, False),
        (Share(holder="", daily=True, full="", messages=3), 3, 0, 0, True),
        (Share(holder="", daily=True, full="", octets=100), 10**9, 60, 40, False),
        (Share(holder="", daily=True, full="", octets=100), 0, 60, 41, True),
    ],
)
def test_a_share_is_used_up_to_its_end_and_not_beyond(
    share: Share, messages: int, octets: int, more: int, over: bool
) -> None:
    assert exceeded(share, messages, octets, more) is over


def test_what_operators_read_is_called_what_it_is() -> None:
    assert {finding.value: name for finding, name in INBOX.items()} == {
        "HUMAN": "mail",
        "COMPLAINT": "ABUSE REPORT",
        "UNPROVEN": "not understood",
    }
