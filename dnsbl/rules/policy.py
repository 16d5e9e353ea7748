"""Whether to list, keep or delist: the state table and the essay for listed postmasters. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from dnsbl.model import Case, Decision
from dnsbl.settings import Policy


def decide(case: Case, terms: Policy, now: datetime, random: Callable[[], float]) -> Decision:
    """What a judged run means for the list. `random` gives floats in [0, 1) for the surprise in surprise retests."""
    raise NotImplementedError
