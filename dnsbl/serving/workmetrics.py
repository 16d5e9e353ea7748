"""Metrics of the list's own work: what was told of it (`logbook.tally`), what waits, and how the store does; read when
somebody asks.

Two processes of one node show theirs on one page, so whatever both may count bears the name of the process. A count
that somebody may want to be woken by is shown as 0 before it is anything: where it began with 1, nobody would see it
rise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dnsbl.clock import Clock
from dnsbl.errors import DnsblError, Trouble
from dnsbl.logbook.events import EVENTS
from dnsbl.logbook.lines import PARTS
from dnsbl.logbook.tally import Durations, EventTally
from dnsbl.model import WorkLeft
from dnsbl.vocabulary import JobReason
from tester.verdict import Finding, Verdict

#: Metrics that count events: words for people, labels, and the events with what stands behind their own values.
_METRICS: Mapping[str, tuple[str, tuple[str, ...], Mapping[str, tuple[str, ...]]]] = {
    "dnsbl_nominations": (
        "Nominations, by what became of them: taken, or the reason of a refusal.",
        ("door", "answer"),
        {"nomination-taken": ("taken",), "nomination-refused": ()},
    ),
    "dnsbl_removals_asked": (
        "Requests for removal, by what became of them: taken, or the reason of a refusal.",
        ("door", "answer"),
        {"removal-asked": ("taken",), "removal-refused": ()},
    ),
    "dnsbl_logins": (
        "Logins of operators: taken, or the reason of a refusal.",
        ("answer",),
        {"login": ("taken",), "login-refused": ()},
    ),
    "dnsbl_tests_begun": ("Tests that began, or were taken up again.", ("reason",), {"test-begun": ()}),
    "dnsbl_tests_judged": ("Tests that have come to a verdict.", ("verdict",), {"test-judged": ()}),
    "dnsbl_letters_filed": ("Letters that were filed, to be offered to a host.", (), {"letters-filed": ()}),
    "dnsbl_letters_returned": (
        "Messages to the recipients or senders of our letters, by what they were.",
        ("finding",),
        {"letter-returned": ()},
    ),
    "dnsbl_listed": ("Listings that began.", ("kind", "reason"), {"listed": ()}),
    "dnsbl_delisted": ("Listings that ended.", ("reason",), {"delisted": ()}),
    "dnsbl_part_failures": ("Ends of a part that were not meant.", ("part",), {"part-down": ()}),
    "dnsbl_zones_kept": ("Mistakes for which new zone files were not taken.", (), {"zones-kept": ()}),
    "dnsbl_tables_published": ("Tables that were published for nodes that follow.", (), {"table-published": ()}),
}
#: Events of which all values are known, with these.
_KNOWN: Mapping[str, tuple[str, ...]] = {
    "test-begun": tuple(JobReason),
    "test-judged": tuple(Verdict),
    "letter-returned": tuple(Finding),
}
#: Levels of lines that are not to be.
_LEVELS = ("warning", "error", "critical")


class Work(Collector):
    """What was told in this process, called `process`; `parts` names those that it has begun or tried to, and `lost`
    says how many lines nobody read."""

    def __init__(
        self,
        tally: EventTally,
        process: str,
        clock: Clock,
        *,
        parts: Callable[[], Iterable[str]] = tuple,
        lost: Callable[[], int] = int,
    ) -> None:
        self._tally = tally
        self._process = process
        self._clock = clock
        self._parts = parts
        self._lost = lost

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        for name, (words, labels, events) in _METRICS.items():
            family = CounterMetricFamily(name, words, labels=["process", *labels])
            for event, tail in events.items():
                counts = self._untold(event) | self._tally.of(event)
                for values, count in counts.items():
                    family.add_metric([self._process, *values, *tail], count)
            yield family
        yield histogram(
            "dnsbl_test_seconds",
            "From the begin of a test to its verdict.",
            ["process", "verdict"],
            self._tally.tests,
            self._process,
        )
        lines = CounterMetricFamily("dnsbl_log_lines", "Lines told to the log.", labels=["process", "part", "level"])
        untold = dict.fromkeys(product(PARTS.values(), _LEVELS), 0)
        for (part, level), count in sorted((untold | self._tally.lines.copy()).items()):
            lines.add_metric([self._process, part, level], count)
        yield lines
        lost = CounterMetricFamily("dnsbl_log_lines_lost", "Lines that nobody has read.", labels=["process"])
        lost.add_metric([self._process], self._lost())
        yield lost
        now = GaugeMetricFamily("dnsbl_clock_seconds", "The time of day here, since 1970.", labels=["process"])
        now.add_metric([self._process], self._clock.now().timestamp())
        yield now

    def _untold(self, event: str) -> dict[tuple[str, ...], int]:
        """Zeros for the values that are known before anything is told."""
        if not EVENTS[event].counted:
            return {(): 0}
        known = self._parts() if event == "part-down" else _KNOWN.get(event, ())
        return {(str(value),): 0 for value in known}


class StoreWork(Collector):
    """How the store does, as this process sees it: its transactions' `times`, and `failures` by what ailed."""

    def __init__(self, times: Durations, failures: Mapping[str, int], process: str) -> None:
        self._times = times
        self._failures = failures
        self._process = process

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        yield histogram(
            "dnsbl_store_seconds",
            "How long transactions took, with the wait for their turn.",
            ["process", "way"],
            self._times,
            self._process,
        )
        family = CounterMetricFamily(
            "dnsbl_store_failures", "Transactions that failed, by what ailed.", labels=["process", "trouble"]
        )
        for trouble, count in sorted((dict.fromkeys(map(str, Trouble), 0) | dict(self._failures)).items()):
            family.add_metric([self._process, trouble], count)
        yield family


_STOPPED = "1 while nobody is dialled, as is wanted."


class Waiting(Collector):
    """What waits in the store: tests, and our mail; `look` tells it, and `stopped` whether nobody is dialled for a
    reason that is known without it."""

    def __init__(self, look: Callable[[], WorkLeft], stopped: Callable[[], bool] = bool) -> None:
        self._look = look
        self._stopped = stopped

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now; while the store does not answer none but that of a stop that needs no store."""
        try:
            backlog = self._look()
        except DnsblError:
            if self._stopped():
                yield GaugeMetricFamily("dnsbl_testing_stopped", _STOPPED, 1)
            return
        tests = GaugeMetricFamily(
            "dnsbl_queue_tests", "Tests that are due, planned for later, or running.", labels=["reason", "state"]
        )
        oldest = GaugeMetricFamily(
            "dnsbl_queue_oldest_seconds", "For how long the oldest test has been due.", labels=["reason"]
        )
        for row in backlog.tests:
            for state, count in (("due", row.due), ("later", row.later), ("running", row.running)):
                tests.add_metric([row.reason, state], count)
            oldest.add_metric([row.reason], row.oldest)
        yield from (tests, oldest)
        yield GaugeMetricFamily("dnsbl_notices_waiting", "Mails of ours that wait.", backlog.mails)
        yield GaugeMetricFamily(
            "dnsbl_notices_oldest_seconds", "For how long the oldest mail has waited.", backlog.oldest_mail
        )
        yield GaugeMetricFamily("dnsbl_clock_believed", "1 while the clock agrees with the store.", backlog.believed)
        yield GaugeMetricFamily("dnsbl_testing_stopped", _STOPPED, backlog.stopped)
        roles = GaugeMetricFamily("dnsbl_role_manned", "1 while a process does this for the list.", labels=["role"])
        for role, manned in sorted(backlog.manned.items()):
            roles.add_metric([role], manned)
        yield roles


def histogram(name: str, words: str, labels: Sequence[str], times: Durations, *values: str) -> HistogramMetricFamily:
    """Durations as a metric; `values` are those of all labels but the last."""
    family = HistogramMetricFamily(name, words, labels=labels)
    for label, (buckets, total) in times.cumulative().items():
        family.add_metric([*values, label], buckets, sum_value=total)
    return family
