"""Accounts of reporters: what a name and a key look like, what a score says, and how much each tier may bring. Pure.

A key is random and long, so a plain hash of it is as good as any: what is stored lets nobody in. A score moves with
what tests have shown of the addresses that somebody nominated, and with nothing else; who is `trusted` is trusted by an
operator's word, so a score alone does not end that.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from hashlib import sha256

from dnsbl.errors import Refused
from dnsbl.model import ReporterAccount
from dnsbl.settings import ReporterTerms
from dnsbl.vocabulary import Refusal, Tier
from tester.records import dataclass
from tester.verdict import Verdict

#: What every key begins with, so that one that has leaked is found by what looks for secrets.
MARK = "dnsbl-key-"
#: Octets of a key that are random.
KEY_OCTETS = 20
#: The part of what is left of a day that one of each tier may have, beside its number (see `rules.queues`).
PARTS: Mapping[Tier, int] = {Tier.NEW: 40, Tier.KNOWN: 8, Tier.TRUSTED: 2}

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_HITS = frozenset({Verdict.OPEN, Verdict.OPEN_MULTIHOP})
_MISSES = frozenset({Verdict.CLOSED})


@dataclass(frozen=True, slots=True)
class Mark:
    """What one test adds to an account, or takes from it."""

    hits: int
    misses: int

    def __sub__(self, other: Mark) -> Mark:
        return Mark(self.hits - other.hits, self.misses - other.misses)


def name_of(text: str) -> str:
    """A reporter's name as it is kept: a word that no address and no file's path is. Raises Refused."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise Refused(
            Refusal.UNKNOWN_REPORTER,
            f"{text[:40]!r} names no reporter: a letter is needed, then up to 39 letters, digits, dots, hyphens or "
            "underscores.",
        )
    return name


def new_key(octets: bytes) -> str:
    """A key out of KEY_OCTETS random octets."""
    return MARK + base64.b32encode(octets).decode("ascii").lower()


def hash_of(key: str) -> str:
    """What is kept of a key."""
    return sha256(key.strip().encode("utf-8", "replace")).hexdigest()


def mark(verdict: Verdict | None) -> Mark:
    """What a verdict says of whoever nominated: nothing where it is neither open nor closed."""
    return Mark(int(verdict in _HITS), int(verdict in _MISSES))


def score(account: ReporterAccount) -> float:
    """How often what he nominates is open, from 0 to 1; half for one of whom nothing is known (rule of succession)."""
    return (account.hits + 1) / (account.hits + account.misses + 2)


def fails(account: ReporterAccount, terms: ReporterTerms) -> bool:
    """Whether so much of what he nominated was closed that an operator must look before more is taken from him."""
    if account.tier is Tier.TRUSTED or account.suspended is not None:
        return False
    return account.misses >= terms.suspend_after and score(account) < terms.suspend_below


def daily(account: ReporterAccount, terms: ReporterTerms) -> int:
    """How many nominations a day are taken from him."""
    return {Tier.NEW: terms.new_day, Tier.KNOWN: terms.known_day, Tier.TRUSTED: terms.trusted_day}[account.tier]
