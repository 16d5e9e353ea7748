"""What of strangers' mail is kept, and what has to wait: the shares of a run, an address, a network, and of all. Pure.

What was answered 250 is never thrown away; so where a share is used up the message is put off (a 4xx), and its sender
has it until there is room again. What tells something new of a letter is not counted by whom it comes from, since each
letter can tell but little; and what decides a test, a letter that came back or a bounce, is always kept: nobody keeps
proof out by sending us much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network

from dnsbl.addresses import Address
from dnsbl.settings import CollectorSettings
from tester.letter import Letter
from tester.records import dataclass
from tester.verdict import Finding

#: What comes to the collector for an operator to read, and what each is called there.
INBOX: Mapping[Finding, str] = {
    Finding.HUMAN: "mail",
    Finding.COMPLAINT: "ABUSE REPORT",
    Finding.UNPROVEN: "not understood",
}
#: Messages a day about one letter of ours that tell nothing new.
PER_LETTER = 20
#: One address (of IPv6 a /64) may bring a part of what its network may, and a region as much as several networks.
PART, REGION = 4, 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """How much may be kept of one kind."""

    holder: str  #: what is counted together, in our own words
    daily: bool  #: by day, or for good
    full: str  #: for the sender when it is used up
    messages: int | None = None  #: at most so many, or any number
    octets: int | None = None  #: at most so many together, or any number


def shares(collector: CollectorSettings, *, peer: Address, news: bool, letter: Letter | None) -> Iterator[Share]:
    """All shares that a message counts for: whom it came from, what letter it is about, if it is about one, and all.
    `news` says whether it tells something new of that letter."""
    if not news:
        for network, most in _networks(peer, collector.peer_day):
            yield Share(
                holder=f"from {network}", daily=True, messages=most, full="too much came from your network today"
            )
    if letter is not None:
        if not news:
            full = "too much came for this recipient today"
            yield Share(holder=f"letter {letter.recipient}", daily=True, messages=PER_LETTER, full=full)
        full = "too much is kept of this test"
        yield Share(holder=of_run(letter.run), daily=False, octets=collector.run_bytes, full=full)
        full = "too much is kept of tests of this address today"
        yield Share(holder=f"of {letter.address}", daily=True, octets=collector.address_bytes, full=full)
    yield Share(holder="all", daily=True, octets=collector.day_bytes, full="too much is kept today")


def of_run(run: str) -> str:
    """Whom a run's share is counted for."""
    return f"run {run}"


def _networks(peer: Address, most: int) -> Iterator[tuple[str, int]]:
    lengths = (32, 24, 16) if peer.version == 4 else (64, 48, 32)
    for length, part in zip(lengths, (most // PART, most, most * REGION), strict=True):
        yield str(ip_network((peer, length), strict=False)), part


def exceeded(share: Share, messages: int, octets: int, more: int) -> bool:
    """Whether a message of `more` octets is too much beside what is kept."""
    return (share.messages is not None and messages >= share.messages) or (
        share.octets is not None and octets + more > share.octets
    )
