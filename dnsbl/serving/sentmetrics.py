"""Metrics of what we send: at strangers' wish, against what they may have us send, and our own mail; read when somebody
asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dnsbl.errors import DnsblError
from dnsbl.rules.sending import Usage


class Sending(Collector):
    """What strangers have us send, against what they may; `look` says how much is used."""

    def __init__(self, look: Callable[[], Usage]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now; none while the store does not answer."""
        try:
            usage = self._look()
        except DnsblError:
            return
        labels = ["purse", "what"]
        used = GaugeMetricFamily(
            "dnsbl_strangers_sent",
            "What strangers had us send within the hour, running tests at their most.",
            labels=labels,
        )
        most = GaugeMetricFamily("dnsbl_strangers_most", "What they may have us send within an hour.", labels=labels)
        waiting = GaugeMetricFamily("dnsbl_strangers_waiting", "Tests of strangers that are due.", labels=["purse"])
        sent = GaugeMetricFamily("dnsbl_tester_sent", "What all tests have sent within the hour.", labels=["what"])
        for purse, spent in sorted(usage.used.items()):
            for what, count in spent._asdict().items():
                used.add_metric([purse, what], count)
                most.add_metric([purse, what], getattr(usage.most, what))
            waiting.add_metric([purse], usage.waiting[purse])
        for what, count in usage.everything._asdict().items():
            sent.add_metric([what], count)
        yield from (used, most, waiting, sent)


class Outgoing(Collector):
    """What became of our own mail, by word; `counted` grows."""

    def __init__(self, counted: Mapping[str, int]) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        family = CounterMetricFamily("dnsbl_notices", "Mails that we offered, by what became of them.", labels=["what"])
        for what in ("sent", "put off", "refused", "away"):
            family.add_metric([what], self._counted.get(what, 0))
        yield family
