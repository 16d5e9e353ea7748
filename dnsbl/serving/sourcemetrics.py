"""Prometheus metrics of the zones' sources: what was read of their files and when, and how pulling them does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dnsbl.clock import Clock
from dnsbl.serving.pulling import PullState
from dnsbl.serving.sources import SourceState


class SourceMetrics(Collector):
    """Of one process; `sources` and `pulls` tell how they do."""

    def __init__(
        self, sources: Callable[[], Iterable[SourceState]], pulls: Callable[[], Iterable[PullState]], clock: Clock
    ) -> None:
        self._states = sources
        self._pull_states = pulls
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield from _sources(self._states(), self._clock.now().timestamp())
        yield from _pulls(self._pull_states())


def _sources(states: Iterable[SourceState], now: float) -> Iterator[Metric]:
    labels = ["zone", "form", "file"]
    facts = {
        "lines": "Lines of a source's files.",
        "refusals": "Lines of them that were not taken.",
        "seconds": "How long they took to read.",
        "newest": "The time of the newest of them, Unix seconds.",
        "loaded": "When they were read, Unix seconds.",
        "expires": "When they expire, Unix seconds; 0 for never.",
        "failed": "When reading them last failed, Unix seconds; 0 for never.",
    }
    families = {fact: GaugeMetricFamily(f"dnsbl_source_{fact}", words, labels=labels) for fact, words in facts.items()}
    trouble = GaugeMetricFamily(
        "dnsbl_source_trouble", "1 while a source's files are not what is in service.", labels=labels
    )
    age = GaugeMetricFamily("dnsbl_source_age_seconds", "How old the newest of the files in service is.", labels=labels)
    failures = CounterMetricFamily("dnsbl_source_failures", "Readings of a source's files that failed.", labels=labels)
    for state in states:
        where = [state.zone, state.form, state.files[0]]
        failures.add_metric(where, state.failures)
        if state.loaded:
            age.add_metric(where, max(0.0, now - state.newest))
        for fact, family in families.items():
            family.add_metric(where, getattr(state, fact))
        trouble.add_metric(where, bool(state.problem))
    yield from (*families.values(), trouble, age, failures)


def _pulls(states: Iterable[PullState]) -> Iterator[Metric]:
    labels = ["file", "place"]
    pulled = GaugeMetricFamily(
        "dnsbl_source_pulled", "When a file was last had from its place, changed or not; Unix seconds.", labels=labels
    )
    failed = GaugeMetricFamily(
        "dnsbl_source_pull_failed", "When pulling it last failed, Unix seconds; 0 for never.", labels=labels
    )
    failures = CounterMetricFamily("dnsbl_source_pull_failures", "Pulls of a file that failed.", labels=labels)
    trouble = GaugeMetricFamily("dnsbl_source_pull_trouble", "1 while the last pull has failed.", labels=labels)
    for state in states:
        where = [str(state.path), state.place]
        pulled.add_metric(where, state.pulled)
        failed.add_metric(where, state.failed)
        failures.add_metric(where, state.failures)
        trouble.add_metric(where, bool(state.problem))
    yield from (pulled, failed, failures, trouble)
