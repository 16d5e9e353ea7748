"""Remote testers: who gets letters of ours to send from where he stands, and what one that comes back shows. Pure.

A tester has our letters in his hands, with their proofs, so that a letter at our collector shows one thing alone: the
machine that handed it to us had it. It says nothing of how that machine came by it. Therefore

- only a letter that came from the very address that it was issued for shows anything about that address; one that came
  from elsewhere may have been sent by the tester himself, and at most has our own worker look;
- one that the host took from a user of its own (who logged in, or sits on the machine) is no proof: who relays through
  a host where he has an account makes a closed host look open;
- whoever may be believed all the same is said by an operator, who gives each tier of accounts a grade; what other
  testers' letters show is listed under `unconfirmed` alone, where that kind is on, and our own worker tests it;
- nothing that a tester does takes an address off the list, or shows that it is closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from dnsbl.addresses import Address
from dnsbl.errors import Refused
from dnsbl.model import ReporterAccount
from dnsbl.settings import RemoteTesting
from dnsbl.vocabulary import JobReason, Refusal
from tester.received.line import Hop
from tester.received.login import logged_in, over_smtp
from tester.records import dataclass


class Grade(StrEnum):
    """What the letters of a tester show where they come back."""

    NONE = "none"  # he gets none
    UNCONFIRMED = "unconfirmed"  # that the address should be tested by us; listed at most under that kind
    PROVEN = "proven"  # the same as if we had sent them ourselves


#: Tests whose letters a remote tester sends, by his grade.
REASONS = {JobReason.REMOTE: Grade.UNCONFIRMED, JobReason.REMOTE_PROVEN: Grade.PROVEN}


@dataclass(frozen=True, kw_only=True, slots=True)
class CameBack:
    """One letter that came back with its proof."""

    same: bool  #: whether it came from the very address that it was issued for
    chain: Sequence[Hop]  #: the trace that it bore, newest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Showing:
    """What letters of a remote tester have shown."""

    proven: bool  #: the address relays, and is listed for it as for a test of ours
    unconfirmed: bool  #: a letter came out of it, by a tester who is not believed alone
    look: bool  #: our own worker is to test it
    sentence: str


def grade(account: ReporterAccount | None, terms: RemoteTesting) -> Grade:
    """What letters of this account show, as things stand; without an account, nothing."""
    if account is None or not terms.on or account.suspended is not None:
        return Grade.NONE
    return Grade(getattr(terms, account.tier.value))


def lower(issued: Grade, now: Grade) -> Grade:
    """The lower of two grades: trust that is taken back is back for letters that are out, and none is added to them."""
    order = list(Grade)
    return min(issued, now, key=order.index)


def refuse_own(address: Address, came_from: Address | None) -> None:
    """Nobody gets letters for the address that he comes from: all that he sends comes from there. Raises Refused."""
    if address == came_from:
        raise Refused(
            Refusal.OWN_ADDRESS,
            f"You come from {address} yourself, so your letters would always come from it; a self-test is for that.",
        )


def users_own(chain: Sequence[Hop]) -> str:
    """Why a letter with this trace may have come from a user of the host's own, as a clause; "" where nothing says so.

    Every line is looked at, since he could have put older ones before the letter: whether it tells of a login, or of a
    way in that is no stranger's.
    """
    if not chain:
        return "no server says that it took it from anybody"
    for hop in chain:
        here = hop.by or "a server"
        if logged_in(hop):
            return f"{here} took it from somebody who had logged in"
        if not over_smtp(hop):
            return f"{here} does not say that it took it over SMTP"
    return ""


def shown(backs: Sequence[CameBack], grade: Grade, *, confirm: bool) -> Showing | None:
    """What the letters of one test that came back show; None where there are none, or nobody asks their tester any
    more. `confirm` is whether our own worker tests an address by a letter whose tester is not believed alone."""
    look = confirm or grade is Grade.PROVEN  # of a trusted tester's, from elsewhere: the second of two runs
    if not backs or grade is Grade.NONE:
        return None
    same = [back for back in backs if back.same]
    if not same:
        return Showing(
            proven=False,
            unconfirmed=False,
            look=look,
            sentence=(
                "A letter that a remote tester was given came back from another address. He may have sent it himself; "
                "a test of our own would show whether this address passed it on."
            ),
        )
    doubts = [users_own(back.chain) for back in same]
    if all(doubts):
        return Showing(
            proven=False,
            unconfirmed=False,
            look=look,
            sentence=(
                f"A letter that a remote tester was given came out of this address, but {doubts[0]}, so it may have "
                "been no stranger's. A test of our own would show."
            ),
        )
    if grade is Grade.PROVEN:
        sentence = "A letter that a remote tester was given came out of this address, whose tester this list trusts."
        return Showing(proven=True, unconfirmed=False, look=False, sentence=sentence)
    sentence = (
        "A letter that a remote tester was given came out of this address; that is not confirmed by a test of ours."
    )
    return Showing(proven=False, unconfirmed=True, look=look, sentence=sentence)
