"""Transcript and what came back, in; verdict, out. The only place that judges.

Pure. `weigh` judges one message at the collector against the letter it claims; `judge` judges a run.
Law: OPEN and OPEN_MULTIHOP come only from a weighed delivery, never from a reply code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from tester.smtp import Control, Outcome


class Verdict(StrEnum):
    OPEN = "OPEN"
    OPEN_MULTIHOP = "OPEN_MULTIHOP"
    ACCEPTS_BOUNCES = "ACCEPTS_BOUNCES"
    ACCEPTS_LOSES = "ACCEPTS_LOSES"
    CLOSED = "CLOSED"
    REFUSES_TESTER = "REFUSES_TESTER"
    UNREACHABLE = "UNREACHABLE"
    INCONCLUSIVE = "INCONCLUSIVE"


class Finding(StrEnum):
    """What one message at the collector is."""

    DELIVERED_SAME = "DELIVERED_SAME"
    DELIVERED_OTHER = "DELIVERED_OTHER"
    DELIVERED_SAME_LATE = "DELIVERED_SAME_LATE"
    DELIVERED_OTHER_LATE = "DELIVERED_OTHER_LATE"
    BOUNCED = "BOUNCED"
    BOUNCED_BY_US = "BOUNCED_BY_US"
    DSN_DELAYED = "DSN_DELAYED"
    TOKEN_SEEN = "TOKEN_SEEN"  # the recipient token came, the proof did not
    CALLBACK_SEEN = "CALLBACK_SEEN"
    HUMAN = "HUMAN"
    REPEATED = "REPEATED"  # a second copy of a letter that already counted
    FORGED = "FORGED"  # the letter's binding or window does not hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The circumstances of one message at the collector, for `weigh`."""

    address: IPv4Address | IPv6Address  #: the letter's target
    peer: IPv4Address | IPv6Address  #: who delivered it to us
    to_sender_token: bool  #: arrived at the sender token (a bounce or a human), not at the recipient token
    genuine: bool  #: letter.genuine held
    proof_ok: bool  #: the letter's proof stands in the message itself, outside any returned copy
    is_report: bool
    action: str
    remote_mta_is_us: bool
    null_sender: bool
    outcome: Outcome | None  #: the attempt's outcome so far; None while the conversation still runs
    already_delivered: bool
    received_at: float  #: epoch seconds
    not_before: int
    dot_at: float | None  #: epoch seconds
    late_after: float  #: epoch seconds; after this a delivery is *_LATE
    not_after: int
    peer_is_us: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    finding: Finding
    counts: bool  #: True when it is a delivery that convicts
    reason: str  #: one sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    verdict: Verdict
    final: bool  #: False while letters or retries are outstanding (verdict then is the best so far)
    confirm: bool  #: a second, independent run is needed before this can be OPEN_MULTIHOP
    reason: str  #: one sentence for people


def weigh(evidence: Evidence) -> Weighed:
    """Judge one message at the collector against the letter that it claims to be."""
    raise NotImplementedError


def judge(
    outcomes: Iterable[tuple[str, Outcome]],
    *,
    control: Control,
    profile: str,
    window_closed: bool,
    retries_left: bool,
    earlier_other: int = 0,
    unreachable_before: int = 0,
) -> Judgement:
    """Judge a run: best evidence wins.

    `outcomes` are (vector id, outcome) with returns already folded in; `window_closed` says that pending letters
    count as LOST; `retries_left` that RETRY outcomes will be tried again; `earlier_other` counts independent
    earlier runs with DELIVERED_OTHER; `unreachable_before` counts earlier CONN_* tries (UNREACHABLE needs three
    over 24 h; a run ending in CONN_* alone is final UNREACHABLE when two were before it, else INCONCLUSIVE).
    """
    raise NotImplementedError
