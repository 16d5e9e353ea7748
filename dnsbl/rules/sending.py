"""What strangers may have us send within an hour: connections, letters, octets, and whose share a test counts for.

Pure. Whoever nominates a host, or asks for a retest of one that is not his, has us dial it; so what such tests send is
counted for the target and the networks around it, for who asked and the networks around him, and for all together.
Each of them may have a part of what is *left* of the whole, as in `queues`: however many targets and networks somebody
brings, something stays free for one that has had nothing yet, and at least one test's worth for each. Nominations and
retests have a purse each, so that neither keeps the other waiting. What a host's owner asks for, shown by coming from
there, what operators order and what the list does by itself counts for nobody.

What is counted stands in slots of ten minutes. Seven of them hold every hour that ends now, so that no hour, wherever
it begins, holds more than is allowed. A connection is counted before it is made, with the most that can be sent on it,
and with what was sent once it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_network
from typing import NamedTuple

from dnsbl.addresses import Address, Network
from dnsbl.model import ASKED, Job
from dnsbl.rules import queues
from dnsbl.settings import Tester
from tester.records import dataclass
from tester.smtp import Limits, Transcript


def stranger(nominator: str, *, known: bool) -> str:
    """Whom a test counts for that somebody asks for; "" where he is `known`, so that it is no stranger's."""
    return "" if known else nominator or "nobody"


class Sent(NamedTuple):
    """What went out."""

    connections: int
    letters: int
    octets: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """How much of what strangers may have us send within an hour is used."""

    used: Mapping[str, Sent]  #: by purse
    most: Sent  #: of each purse
    everything: Sent  #: what all tests have sent
    waiting: Mapping[str, int]  #: strangers' tests that are due, by purse


#: Seconds of a slot, and the slots that hold an hour.
SLOT, SLOTS = 600, 7
#: The most that one letter comes to with its envelope, and what else is said on one connection.
LETTER, TALK = 4096, 2048
#: Letters that a test may need: the standard profile twice, since what is put off is offered again.
LETTERS = 40
#: Whom everything that is sent is counted for.
EVERYTHING = "everything"
#: What one connection may come to; it is counted for it until it is over.
CONNECTION = Sent(1, Limits().attempts, Limits().attempts * LETTER + TALK)
#: Lengths of the networks whose part is a setting: who is nominated, and the neighbourhoods of either side.
_TARGET, _NEAR = {4: 32, 6: 64}, {4: 24, 6: 48}


class Purse(StrEnum):
    """Out of which a test is paid."""

    NOMINATIONS = "nominations"
    REMOVALS = "removals"


class Counted(NamedTuple):
    """Somebody for whom it is counted what is sent."""

    holder: str  #: in our own words
    part: int  #: of what is left
    whose: str  #: for whoever waits: who has had his share; never who has asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """Why a test waits for its share, and until when at least."""

    until: datetime
    why: str  #: behind "waits: "


#: What was sent, by holder and slot.
Ledger = Mapping[str, Mapping[int, Sent]]


def slot_of(moment: datetime) -> int:
    """The slot that a moment belongs to."""
    return int(moment.timestamp()) // SLOT


def purse_of(job: Job) -> Purse | None:
    """What pays for a test; None where no stranger has asked for it."""
    if not job.whose:
        return None
    return Purse.REMOVALS if job.rank == ASKED else Purse.NOMINATIONS


def counted(job: Job, address: Address, tester: Tester) -> tuple[Counted, ...]:
    """All that a connection to this address counts for in this test, everybody first. In labs, where all is one
    network, networks have no share."""
    purse = purse_of(job)
    if purse is None:
        return ()
    return _counted(purse, job.whose, address, tester.lab_networks, tester.target_part, tester.network_part)


@lru_cache(1000)
def _counted(
    purse: Purse, whose: str, address: Address, labs: tuple[Network, ...], target_part: int, network_part: int
) -> tuple[Counted, ...]:
    every = Counted(purse, 1, "strangers have had as many tests as may be in this hour")
    target = ip_network((address, _TARGET[address.version]), strict=False)
    at = Counted(f"{purse} at {target}", target_part, "this address has had its share of this hour")
    return (
        every,
        at,
        *_around(purse, address, labs, network_part),
        *_askers(purse, whose, labs, network_part),
    )


def _around(purse: Purse, address: Address, labs: Iterable[Network], network_part: int) -> Iterator[Counted]:
    for network, part in _parts(address, labs, network_part):
        if network.prefixlen != _TARGET[address.version]:
            yield Counted(f"{purse} at {network}", part, f"its network {network} has had its share of this hour")


def _askers(purse: Purse, whose: str, labs: Iterable[Network], network_part: int) -> Iterator[Counted]:
    why = "whoever asked for it has had the share of this hour"
    try:
        network = ip_network(whose)
    except ValueError:
        yield Counted(f"{purse} of {whose}", network_part, why)
        return
    for wider, part in _parts(network, labs, network_part):
        yield Counted(f"{purse} of {wider}", part, why)


def _parts(of: Address | Network, labs: Iterable[Network], network_part: int) -> Iterator[tuple[Network, int]]:
    network = ip_network(of)
    if any(network.network_address in lab and network.prefixlen >= lab.prefixlen for lab in labs):
        return
    for share in queues.shares(network):
        near = share.network.prefixlen == _NEAR[network.version]
        yield share.network, network_part if near else share.part


def bound(tester: Tester) -> Sent:
    """What all tests of one purse may send within an hour."""
    return Sent(tester.hour_connections, tester.hour_letters, tester.hour_octets)


def worth_of(tester: Tester) -> Sent:
    """What room a test needs to begin: what it may come to, as far as the whole allows that."""
    most = Sent(tester.connections, LETTERS, LETTERS * LETTER + tester.connections * TALK)
    return Sent(*map(min, most, bound(tester)))


def delay(who: Iterable[Counted], ledger: Ledger, need: Sent, tester: Tester, now: datetime) -> Delay | None:
    """Why and until when something of this size has to wait, if nothing else is sent meanwhile; None: it may be sent.
    The first of those that it counts for is everybody."""
    every, *others = who
    most, floor, slot = bound(tester), worth_of(tester), slot_of(now)
    need = Sent(*map(min, need, floor))
    found: Delay | None = None
    for since in range(slot - SLOTS + 1, slot + 2):
        taken = _since(ledger, every.holder, since)
        full = every if exceeded(taken, need, most) else None
        for one in others if full is None else ():
            allowed = Sent(
                *(
                    max(least, queues.allowed(whole, used, one.part))
                    for least, whole, used in zip(floor, most, taken, strict=True)
                )
            )
            if exceeded(_since(ledger, one.holder, since), need, allowed):
                full = one
                break
        if full is None:
            break
        until = datetime.fromtimestamp((since + SLOTS) * SLOT, UTC)
        found = Delay(until=until, why=found.why if found else full.whose)
    return found


def _since(ledger: Ledger, holder: str, slot: int) -> Sent:
    rows = [sent for at, sent in ledger.get(holder, {}).items() if at >= slot]
    return Sent(*map(sum, zip(*rows, strict=True))) if rows else Sent(0, 0, 0)


def hour(ledger: Ledger, holder: str, now: datetime) -> Sent:
    """What was sent for somebody within the hour."""
    return _since(ledger, holder, slot_of(now) - SLOTS + 1)


def less(what: Sent, other: Sent) -> Sent:
    """The difference."""
    return Sent(*(one - two for one, two in zip(what, other, strict=True)))


def exceeded(taken: Sent, need: Sent, most: Sent) -> bool:
    """Whether so much more beside what is taken is more than may be."""
    return any(used + more > bounds for used, more, bounds in zip(taken, need, most, strict=True))


def sent_on(transcript: Transcript) -> Sent:
    """What one connection has come to, octets before encryption."""
    octets = sum(len(event.data) for event in transcript.events if event.kind == ">")
    return Sent(1, sum(result.dot_at is not None for result in transcript.results), octets)
