"""Shares and trends as pictures: SVG without a script, a font or a colour from elsewhere.

Pure. Every word is escaped. Colours are classes, which the page that holds the picture sets for light and dark; each
bar has its numbers in words beside it, so that colour is never the only sign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from dnsbl.rules.surveys.figures import FigureTable, Row, Trend

#: Pixels: where names end, the room of the bars, the height of a row and of a bar.
NAMES, BARS, STEP, BAR, NUMBERS = 300, 240, 24, 14, 250
#: Pixels of a trend's picture.
WIDE, HIGH, LEFT, TOP = 460, 220, 44, 16
_LONGEST = 46


def bars(table: FigureTable) -> str:
    """A table's rows as horizontal bars, each as long as its share; rows without one have none."""
    rows = [row for row in table.rows if row.of is not None]
    height = len(rows) * STEP + 8
    width = NAMES + BARS + NUMBERS
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{_text(table.title)}">',
            *(part for n, row in enumerate(rows) for part in _bar(row, n * STEP + 4)),
            "</svg>",
        ]
    )


def _bar(row: Row, y: int) -> Iterator[str]:
    long = BARS * row.count / row.of if row.of else 0.0
    yield f'<text class="name" x="{NAMES - 8}" y="{y + 12}" text-anchor="end">{_text(row.what)}</text>'
    yield f'<rect class="track" x="{NAMES}" y="{y + 1}" width="{BARS}" height="{BAR}"/>'
    yield f'<rect class="bar" x="{NAMES}" y="{y + 1}" width="{long:.1f}" height="{BAR}"/>'
    yield f'<text class="number" x="{NAMES + BARS + 8}" y="{y + 12}">{row.share} % ({row.count:,} of {row.of:,})</text>'


def lines(trend: Trend, names: Sequence[str]) -> str:
    """One figure over several surveys, from 0 to the next ten per cent above its highest."""
    shares = [row.count / row.of if row.of else 0.0 for row in trend.rows]
    top = max(1, -int(-max(shares, default=0) * 10 // 1)) / 10
    across = (WIDE - LEFT - 20) / max(1, len(shares) - 1)
    places = [(LEFT + n * across, TOP + (HIGH - TOP - 40) * (1 - share / top)) for n, share in enumerate(shares)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" role="img" '
        f'aria-label="{_text(trend.what)}">'
    ]
    for part in (0.0, 0.5, 1.0):
        y = TOP + (HIGH - TOP - 40) * (1 - part)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - 20}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="number" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * part:.0%}</text>')
    parts.append(f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
    for (x, y), row, name in zip(places, trend.rows, names, strict=True):
        side = "start" if x < WIDE / 3 else "end" if x > WIDE * 2 / 3 else "middle"
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        parts.append(f'<text class="number" x="{x:.1f}" y="{y - 8:.1f}" text-anchor="{side}">{row.share} %</text>')
        parts.append(f'<text class="name" x="{x:.1f}" y="{HIGH - 14}" text-anchor="{side}">{_text(name, 16)}</text>')
    return "\n".join([*parts, "</svg>"])


def _text(words: str, most: int = _LONGEST) -> str:
    """Escaped, and no longer than there is room for."""
    return escape(words if len(words) <= most else words[: most - 3] + "...")
