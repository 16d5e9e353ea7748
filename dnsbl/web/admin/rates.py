"""How many questions a second this node answers, by zone and kind, out of its own metrics at two moments. Pure: takes
the page that Prometheus reads, and when; keeps an hour of it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from tester.records import dataclass

#: Seconds between two looks, seconds that are kept, and the least that a rate is reckoned over.
EVERY, KEPT, LEAST = 30.0, 3600.0, 1.0
#: What is there, and is an answer as any other.
_FINE = frozenset({"NOERROR", "NXDOMAIN"})
_SAMPLE = re.compile(r"^(dnsbl_dns_(?:hits|misses|nodata|replies)_total)\{([^}]*)\} ([0-9.e+]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

#: Counts by zone and what: a kind that was hit, MISSED or FAILED.
Counts = Mapping[tuple[str, str], float]
MISSED, FAILED = "", "!"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A zone, in answers a second."""

    zone: str
    listed: float
    missed: float
    failed: float
    kinds: Mapping[str, float]  #: of what is listed, by kind
    trend: str  #: of all answers, as the path of a line in a box of 100 by 24; or ""


def counts(page: str) -> dict[tuple[str, str], float]:
    """What a page of metrics says of answers."""
    found: dict[tuple[str, str], float] = {}
    for name, labels, value in _SAMPLE.findall(page):
        said = dict(_LABEL.findall(labels))
        zone = said.get("zone", "")
        if not zone:
            continue
        if name == "dnsbl_dns_replies_total":
            if said.get("rcode") in _FINE:
                continue
            what = FAILED
        else:
            what = said.get("kind", MISSED)
        found[zone, what] = found.get((zone, what), 0.0) + float(value)
    return found


class Rates:
    """Samples of the last hour."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, Counts]] = deque()

    def note(self, at: float, page: str) -> None:
        """What the metrics say at this second (monotonic)."""
        self._samples.append((at, counts(page)))
        while self._samples and at - self._samples[0][0] > KEPT:
            self._samples.popleft()

    def due(self, at: float) -> bool:
        """Whether it is time for another look."""
        return not self._samples or at - self._samples[-1][0] >= EVERY

    def rows(self) -> list[Rate]:
        """The zones by name, over the last two looks; none before there were two."""
        steps = list(_steps(self._samples))
        if not steps:
            return []
        last = steps[-1]
        rows = []
        for zone in sorted({zone for zone, _ in last}):
            kinds = {what: rate for (of, what), rate in sorted(last.items()) if of == zone}
            missed, failed = kinds.pop(MISSED, 0.0), kinds.pop(FAILED, 0.0)
            whole = [sum(rate for (of, _), rate in step.items() if of == zone) for step in steps]
            listed = sum(kinds.values())
            rows.append(Rate(zone=zone, listed=listed, missed=missed, failed=failed, kinds=kinds, trend=spark(whole)))
        return rows


def _steps(samples: Iterable[tuple[float, Counts]]) -> Iterator[dict[tuple[str, str], float]]:
    """Rates between each two looks; a counter that has begun anew counts from nought."""
    before: tuple[float, Counts] | None = None
    for at, now in list(samples):
        if before is not None and at - before[0] >= LEAST:
            past = before[1]
            grown = {key: value - past.get(key, 0.0) for key, value in now.items()}
            yield {key: (more if more >= 0 else now[key]) / (at - before[0]) for key, more in grown.items()}
        before = at, now


def spark(values: Iterable[float]) -> str:
    """A line through these, in a box of 100 by 24; "" for fewer than two."""
    drawn = list(values)
    if len(drawn) < 2:
        return ""
    top = max(drawn) or 1.0
    points = (f"{100 * n / (len(drawn) - 1):.1f} {22 - 20 * value / top:.1f}" for n, value in enumerate(drawn))
    return "M" + "L".join(points)
