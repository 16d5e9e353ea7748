"""How long answers took: a histogram that the answering path fills with plain additions, no lock and no clock.

A scraper reads it from another thread; it may see a value in its bucket one moment before it is in the sum.
"""

from __future__ import annotations

from bisect import bisect_left

#: Upper bounds of the buckets, in seconds, inclusive; whatever took longer has a bucket of its own.
BOUNDS = (10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3)
#: Of so many messages one is timed.
TIMED_EVERY = 64


class Histogram:
    """Counts of times by bucket, and their sum in seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """One more time."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def plus(self, counts: list[int], total: float) -> Histogram:
        """This one and what was counted elsewhere, by bucket."""
        both = Histogram()
        both.counts = [mine + other for mine, other in zip(self.counts, counts, strict=True)]
        both.total = self.total + total
        return both

    def cumulative(self) -> list[tuple[str, int]]:
        """(upper bound, how many took no longer) in rising order, the last bound being +Inf, as Prometheus wants it."""
        counts, so_far, rows = self.counts.copy(), 0, []
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
            so_far += count
            rows.append((bound, so_far))
        return rows
