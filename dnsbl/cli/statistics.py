"""`dnsbl statistics`: what has happened, from the counts that the scheduler keeps, for people or for programs. Holds no
rule and counts nothing: the page of statistics tells the same numbers."""

from __future__ import annotations

from collections.abc import Iterator

from dnsbl.cli import show, terminal
from dnsbl.opened import OpenedList
from dnsbl.rules.statistics import STEPS, Statistics, document, in_zones
from dnsbl.vocabulary import Measure

#: What each measure is of, as the head of its lines.
HEADS = {
    Measure.VERDICTS: "tests by verdict",
    Measure.TESTS: "tests by why they were made",
    Measure.CAUSES: "new relays by cause",
    Measure.FORMS: "new relays by form",
    Measure.SOFTWARE: "new relays by software",
    Measure.COUNTRIES: "new listings by country",
    Measure.ENDED: "listings ended by reason",
    Measure.REMOVED: "relays removed within",
    Measure.DOORS: "nominations by door",
    Measure.SHOWN: "nominations by what was shown",
}


def show_statistics(opened: OpenedList, days: int, *, as_json: bool) -> None:
    """The counts of so many days up to now."""
    seen = opened.casework.counting.see(days)
    zones = {
        zone.origin: sorted({kind for view in zone.views.values() for kind in view.kinds})
        for zone in opened.zones
        if zone.listing and not zone.ended
    }
    if as_json:
        show.document(document(seen, zones))
    else:
        terminal.say("\n".join(lines(seen, in_zones(seen, zones))))


def lines(seen: Statistics, zones: dict[str, int]) -> Iterator[str]:
    """The same for people, a number a line."""
    if seen.empty:
        yield "Nothing has been counted yet: `dnsbl serve` counts while it runs as scheduler."
        return
    late = "; older than it should be: is a scheduler at work?" if seen.late else ""
    span = "1 day" if len(seen.days) == 1 else f"{len(seen.days)} days"
    yield f"{span} up to {seen.at:%Y-%m-%d %H:%M} UTC, counted since {seen.since}{late}"
    if seen.begun_today:
        yield "counts began today"
        yield from _part("on the list now", {kind: f"{counts[-1]:,}" for kind, counts in seen.listed.items()})
    else:
        yield from _part(
            "on the list now, and at the end of the first day",
            {kind: f"{counts[-1]:,} ({counts[0]:,})" for kind, counts in seen.listed.items()},
        )
    yield from _part("entries by zone", {origin: f"{count:,}" for origin, count in zones.items()})
    for what, head in HEADS.items():
        counts = seen.sums.get(what, {})
        order = [name for name, _ in STEPS if name in counts] if what is Measure.REMOVED else list(counts)
        yield from _part(head, {name: f"{counts[name]:,}" for name in order})
    yield from _part(
        "answers by what was said", {name or "not listed": f"{sum(counts):,}" for name, counts in seen.answers.items()}
    )


def _part(head: str, rows: dict[str, str]) -> Iterator[str]:
    if rows:
        yield f"{head}:"
        wide = max(map(len, rows))
        yield from (f"  {name:{wide}}  {said}" for name, said in rows.items())
