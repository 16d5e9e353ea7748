from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from dnsbl.clock import HandClock
from dnsbl.serving.pulling import PullState
from dnsbl.serving.sourcemetrics import SourceMetrics
from dnsbl.serving.sources import SourceState


def test_what_was_read_refused_and_pulled_is_told_with_its_age_and_its_last_failure() -> None:
    clock = HandClock()
    now = int(clock.now().timestamp())
    read = SourceState(
        zone="bl.test", form="ip4set", files=("/l/one", "/l/two"), loaded=now - 10, newest=now - 90, lines=7,
        refusals=2, seconds=0.5, expires=0, problem="x", failures=3, failed=now - 5,
    )  # fmt: skip
    never = SourceState(
        zone="b.test", form="dnset", files=("/l/x",), loaded=0, newest=0, lines=0, refusals=0, seconds=0, expires=0,
        problem="", failures=0, failed=0,
    )  # fmt: skip
    pull = PullState("https://a.test/one", Path("/l/one"), pulled=now - 60, failed=now - 1, failures=4, problem="y")
    registry = CollectorRegistry()
    registry.register(SourceMetrics(lambda: [read, never], lambda: [pull], clock))
    said = generate_latest(registry).decode().splitlines()
    where, file = '{file="/l/one",form="ip4set",zone="bl.test"}', '{file="/l/one",place="https://a.test/one"}'
    for line in (
        f"dnsbl_source_lines{where} 7.0",
        f"dnsbl_source_refusals{where} 2.0",
        f"dnsbl_source_age_seconds{where} 90.0",
        f"dnsbl_source_failures_total{where} 3.0",
        f"dnsbl_source_failed{where} {float(now - 5)!r}",
        f"dnsbl_source_trouble{where} 1.0",
        f"dnsbl_source_pull_failures_total{file} 4.0",
        f"dnsbl_source_pull_trouble{file} 1.0",
    ):
        assert any(found.split()[0] == line.split()[0] for found in said), line
        value = next(found.split()[1] for found in said if found.split()[0] == line.split()[0])
        assert float(value) == float(line.split()[1])
    assert [line for line in said if line.startswith("dnsbl_source_age")] == [f"dnsbl_source_age_seconds{where} 90.0"]
