"""What may be forgotten, and when. Pure.

The journal, listings, runs with their verdicts, nominations and opt-outs are never forgotten; here is only what they
can do without.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dnsbl.settings import Settings
from tester.records import dataclass

#: Changes that are kept however old they are: as far as an IXFR may reach back (`transfer.MOST_STEPS`).
REACH = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Cutoffs:
    """Moments before which something is old; None where it is kept for ever."""

    tests: datetime | None  #: of verdicts; no letter of such a test counts any more
    proofs: datetime | None  #: of ends of listings
    evidence: datetime | None
    changes: datetime | None

    @classmethod
    def of(cls, settings: Settings, now: datetime) -> Cutoffs:
        """Those of these settings. A test is never old while a letter of it may come back."""
        terms = settings.retention
        late = settings.tester.late_window / 86400 + 1
        return cls(
            tests=_before(now, max(terms.tests_days, late) if terms.tests_days else 0),
            proofs=_before(now, terms.proofs_days),
            evidence=_before(now, terms.evidence_days),
            changes=_before(now, terms.changes_days),
        )


def _before(now: datetime, days: float) -> datetime | None:
    return now - timedelta(days=days) if days else None


def last_to_go(*, last: int, old: int, counted: int, shipped: int | None) -> int:
    """The number of the newest change that may be forgotten, 0 for none: of those that are old, none within reach of an
    IXFR, none that is not counted, and none that the event log, if there is one, has not got."""
    return max(0, min(last - REACH, old, counted, last if shipped is None else shipped))
