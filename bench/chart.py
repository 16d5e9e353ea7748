"""A run of the DNS bench as a chart in SVG: ratios to rbldnsd within rounds, and memory. Pure.

Three columns of bars over the same rows, each with an axis of its own; the colours suit light and dark pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from statistics import median

from bench.figures import ECHO, NSD, OURS, PLAIN, RBLDNSD, TWO, Measured, Row, paired

#: What is shown at each size, top down.
ROWS = (OURS, TWO, PLAIN, RBLDNSD, NSD, ECHO)
#: Pixels: where names end, the height of a row and of a bar, an axis, the room for the number behind a bar.
NAMES, STEP, BAR, AXIS, NUMBER, GAP, TOP = 150, 22, 14, 185, 48, 14, 84
#: Of an axis, the most that is told by ticks.
TICKS = 5
STYLE = """
  .page { fill: #ffffff } .value { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  text { fill: #24292f; font: 12px sans-serif } .quiet { fill: #57606a }
  .title { font-size: 15px; font-weight: bold } .head { font-weight: bold }
  .line { stroke: #d0d7de } .one { stroke: #57606a; stroke-dasharray: 3 3 }
  .ours { fill: #0b6e4f } .ours.kernel { fill: #74c2a1 } .other { fill: #57606a } .other.kernel { fill: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .value { stroke: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #9198a1 }
    .line { stroke: #30363d } .one { stroke: #9198a1 }
    .ours { fill: #3fb68b } .ours.kernel { fill: #1f6f54 } .other { fill: #9198a1 } .other.kernel { fill: #4b535d }
  }
"""


@dataclass(frozen=True)
class Column:
    """One column: a heading, its unit, and for each row of the chart a value and how much of it is the first part."""

    heading: str
    unit: str
    bars: dict[tuple[int, str], tuple[float, float]]
    form: str
    one: bool = False  #: whether a line marks 1


def step(highest: float) -> float:
    """The distance of ticks on an axis to this value: 1, 2 or 5 times a power of ten, at most TICKS of them."""
    size = 10.0**-6
    while True:
        for times in (1, 2, 5):
            if size * times * TICKS >= highest:
                return size * times
        size *= 10


def columns(measured: Measured) -> list[Column]:
    """What the chart shows."""
    cpu, p99, memory = {}, {}, {}
    for size, name, row in shown(measured):
        other = measured.row(RBLDNSD, size)
        if found := paired(row, other, lambda one: one.cpu):
            user = median(load.user / load.cpu for load in row.rounds)
            cpu[size, name] = found.value, found.value * min(1.0, max(0.0, user))
        if found := paired(row, other, lambda one: one.p99):
            p99[size, name] = found.value, found.value
        if name != ECHO:
            memory[size, name] = row.resident, row.resident
    return [
        Column("CPU a query", "times rbldnsd's; pale: in the kernel", cpu, "{:.2f}", one=True),
        Column("p99 latency at half load", "times rbldnsd's", p99, "{:.2f}", one=True),
        Column("Resident memory", "MB", memory, "{:,.0f}"),
    ]


def shown(measured: Measured) -> Iterator[tuple[int, str, Row]]:
    """The rows: size, name, figures."""
    for size in measured.sizes:
        for name in ROWS:
            if row := measured.row(name, size):
                yield size, name, row


def svg(measured: Measured) -> str:
    """The chart."""
    places: dict[tuple[int, str], int] = {}
    parts, y, last = [], TOP, -1
    for size, name, _ in shown(measured):
        if size != last:
            y += 12 if last >= 0 else 0
            parts.append(f'<text class="head" x="{NAMES}" y="{y + 12}" text-anchor="end">{size:,} entries</text>')
            y, last = y + STEP, size
        places[size, name] = y
        parts.append(f'<text x="{NAMES}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        y += STEP
    for n, column in enumerate(columns(measured)):
        parts += drawn(column, NAMES + GAP + n * (AXIS + NUMBER + GAP), places, y)
    width, height = NAMES + 3 * (GAP + AXIS + NUMBER) + 2 * GAP, y + 34
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            'aria-label="CPU, latency and memory of DNS servers, in ratios to rbldnsd">',
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{width}" height="{height}"/>',
            '<text class="title" x="14" y="24">DNS servers with the same list: ratios to rbldnsd in the same round, '
            "medians; less is better</text>",
            *parts,
            "</svg>\n",
        ]
    )


def drawn(column: Column, x: float, places: dict[tuple[int, str], int], bottom: int) -> Iterator[str]:
    """One column at this place, its axis at the bottom."""
    yield f'<text class="head" x="{x}" y="50">{column.heading}</text>'
    yield f'<text class="quiet" x="{x}" y="67">{column.unit}</text>'
    highest = max((value for value, _ in column.bars.values()), default=1.0) or 1.0
    distance = step(highest)
    ticks = [n * distance for n in range(TICKS + 1) if (n - 1) * distance < highest]
    scale = AXIS / ticks[-1]
    for tick in ticks:
        at = f"{x + tick * scale:.1f}"
        yield f'<line class="line" x1="{at}" x2="{at}" y1="{TOP}" y2="{bottom + 4}"/>'
        yield f'<text class="quiet" x="{at}" y="{bottom + 18}" text-anchor="middle">{tick:,.10g}</text>'
    for (size, name), (value, first) in column.bars.items():
        y, whose = places[size, name], "ours" if name.startswith(OURS) else "other"
        yield f'<rect class="{whose}" x="{x}" y="{y + 1}" width="{first * scale:.1f}" height="{BAR}"/>'
        if first < value:
            yield (
                f'<rect class="{whose} kernel" x="{x + first * scale:.1f}" y="{y + 1}" '
                f'width="{(value - first) * scale:.1f}" height="{BAR}"/>'
            )
    if column.one and ticks[-1] >= 1:
        at = f"{x + scale:.1f}"
        yield f'<line class="one" x1="{at}" x2="{at}" y1="{TOP}" y2="{bottom + 4}"/>'
    for place, (value, _) in column.bars.items():
        at = f"{x + value * scale + 5:.1f}"
        yield f'<text class="value" x="{at}" y="{places[place] + 12}">{column.form.format(value)}</text>'
