"""How long answers took, by bucket."""

from __future__ import annotations

from dnsbl.serving.timing import BOUNDS, Histogram


def test_b53_the_buckets_hold_their_upper_bounds() -> None:
    times = Histogram()
    for bound in BOUNDS:
        times.add(bound)
    assert times.cumulative() == [*((str(bound), n) for n, bound in enumerate(BOUNDS, 1)), ("+Inf", len(BOUNDS))]


def test_what_takes_longer_than_the_last_bound_is_counted_too() -> None:
    times = Histogram()
    times.add(1.0)
    assert times.cumulative()[-2:] == [(str(BOUNDS[-1]), 0), ("+Inf", 1)]
    assert times.total == 1.0


def test_what_was_counted_elsewhere_is_added_and_neither_changes() -> None:
    mine, other = Histogram(), Histogram()
    mine.add(BOUNDS[0])
    other.add(2 * BOUNDS[-1])
    both = mine.plus(other.counts, other.total)
    assert (sum(both.counts), both.counts[0], both.counts[-1]) == (2, 1, 1)
    assert both.total == BOUNDS[0] + 2 * BOUNDS[-1]
    assert (sum(mine.counts), sum(other.counts)) == (1, 1)
