"""How clients' keys are used, for Prometheus: each by the operator's name for it or a fingerprint, never by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dnsbl.clock import Clock
from dnsbl.dns.keyuse import KeyUse
from dnsbl.dns.respond import Serving
from dnsbl.serving.clientkeys import alarms


class KeyMetrics(Collector):
    """Of one process: `used` gives what it has counted, `serving` has the keys that are known."""

    def __init__(self, used: Callable[[], Mapping[bytes, KeyUse]], serving: Serving, clock: Clock) -> None:
        self._used = used
        self._serving = serving
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        keys = self._serving.keys
        if keys is None:
            return
        facts = {
            "queries": "Questions with a client's key.",
            "hits": "Of these, replies about what is listed.",
            "refused": "Of these, refusals.",
            "elsewhere": "Of these, from outside the key's networks.",
        }
        families = {
            fact: CounterMetricFamily(f"dnsbl_key_{fact}", words, labels=["key"]) for fact, words in facts.items()
        }
        seen = GaugeMetricFamily("dnsbl_key_last_seen", "When the key was used last, Unix seconds.", labels=["key"])
        alarm = GaugeMetricFamily(
            "dnsbl_key_alarm", "1 while a key was used from outside its networks within a day.", labels=["key"]
        )
        now = self._clock.now().timestamp()
        for digest, use in self._used().items():
            if digest in keys.known:
                key = keys.known[digest]
                label = [key.label]
                for fact, family in families.items():
                    family.add_metric(label, getattr(use, fact))
                seen.add_metric(label, use.last)
                alarm.add_metric(label, alarms(key, use, now))
        yield from (*families.values(), seen, alarm)
