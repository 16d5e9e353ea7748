"""Charts as SVG that stands in the page: lines, bars, columns, and lines in rows of their own.

Pure: numbers and words in, markup out. Every word is escaped; colours and strokes are classes of the style sheet, so
that dark pages, print and forced colours have their own. The outer picture has no viewBox: across all goes by percent,
so that words keep their size on every screen; curves lie in an inner box that is stretched, and their strokes are not.
The name of each chart, for who does not see it, is made of the same numbers, the largest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from tester.records import dataclass

#: Characters of a label that a chart shows; its table has all.
LABEL = 34
#: Values that a chart's name tells, and lines that one picture holds: as many as there are looks.
NAMED, LOOKS = 3, 4
#: Looks whose curves stand on a tinted area, in rows of lines.
_FILLED = (1, 4)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A value under a name; `look` is one of the four of the style sheet, the fourth being that of the rest."""

    name: str
    value: int
    look: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """Values in order of time, under a name."""

    name: str
    values: Sequence[int]
    look: int = 1


def figure(value: int) -> str:
    """A number as people write it: the same in text, chart and table."""
    return f"{value:,}"


def share(value: int, whole: int) -> str:
    """A part of a whole in percent; "" of nothing."""
    return f"{value / whole:.1%}" if whole else ""


def scale(most: int) -> tuple[int, ...]:
    """Round levels from 0 to at least `most`, at most five of them, evenly spaced by 1, 2 or 5 times a power of ten."""
    size = 1
    while True:
        for step in (size, size * 2, size * 5):
            if step * 4 >= most:
                return tuple(range(0, step * max(1, -(-most // step)) + 1, step))
        size *= 10


def lines(curves: Sequence[Curve], days: Sequence[str]) -> Markup:
    """Curves over the same days, the first on a tinted area; each bears its name and its last value at its end."""
    height, above, below = 286, 20, 24
    plot = height - above - below
    levels = scale(max((value for curve in curves for value in curve.values), default=0))
    parts = [
        Markup('<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/><text x="0" y="{t}">{n}</text>').format(
            y=_y(level, levels[-1], plot, above), t=_y(level, levels[-1], plot, above) - 4, n=figure(level)
        )
        for level in levels
    ]
    drawn = Markup().join(
        _curve(curve.values, levels[-1], plot, curve.look, filled=number == 0) for number, curve in enumerate(curves)
    )
    parts.append(
        Markup(
            '<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 100 {}" preserveAspectRatio="none">{}</svg>'
        ).format(above, plot, plot, drawn)
    )
    ends = [_y(curve.values[-1], levels[-1], plot, above) - 10 for curve in curves]
    for curve, y in zip(curves, apart(ends, 17, lowest=above + plot - 6), strict=True):
        said = f"{short(curve.name)} {figure(curve.values[-1])}"
        parts.append(Markup('<text class="t1" x="100%" y="{}" text-anchor="end">{}</text>').format(y, said))
    middle = [(len(days) // 2, "middle")] if len(days) > 4 else []
    for at, anchor in ((0, "start"), *middle, *([(len(days) - 1, "end")] if len(days) > 1 else [])):
        x = f"{at / max(1, len(days) - 1) * 100:.2f}%"
        parts.append(Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, height - 4, anchor, days[at]))
    told = sorted(curves, key=lambda curve: -max(curve.values))
    name = "; ".join(
        f"{curve.name} {figure(curve.values[-1])} at the end, {figure(max(curve.values))} at most" for curve in told
    )
    return _picture(height, f"Lines from {days[0]} to {days[-1]}: {name}.", parts)


def bars(rows: Sequence[Row]) -> Markup:
    """A bar a row, from the top, as long as its part of the longest."""
    most, parts = max((row.value for row in rows), default=0) or 1, []
    for number, row in enumerate(rows):
        y = number * 38
        parts.append(
            Markup(
                '<text class="l" x="0" y="{0}">{1}</text><text class="v" x="100%" y="{0}" text-anchor="end">{2}</text>'
                '<rect class="track" x="0" y="{3}" width="100%" height="9" rx="2"/>'
                '<rect class="f{4}" x="0" y="{3}" width="{5}%" height="9" rx="2"/>'
            ).format(y + 13, short(row.name), figure(row.value), y + 19, row.look, f"{row.value / most * 100:.1f}")
        )
    return _picture(max(1, len(rows) * 38 - 6), f"Bars: {_largest(rows)}.", parts)


def columns(rows: Sequence[Row]) -> Markup:
    """A column a row, from the left."""
    most, plot, above = max((row.value for row in rows), default=0) or 1, 170, 22
    slot = 100 / max(1, len(rows))
    parts = [Markup('<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(plot + above)]
    for number, row in enumerate(rows):
        tall, middle = row.value / most * plot, f"{(number + 0.5) * slot:.2f}%"
        parts.append(
            Markup(
                '<rect class="f{}" x="{}%" y="{}" width="{}%" height="{}" rx="2"/>'
                '<text class="v" x="{}" y="{}" text-anchor="middle">{}</text>'
                '<text x="{}" y="{}" text-anchor="middle">{}</text>'
            ).format(
                row.look,
                f"{number * slot + slot * 0.12:.2f}",
                f"{above + plot - tall:.1f}",
                f"{slot * 0.76:.2f}",
                f"{tall:.1f}",
                middle,
                f"{above + plot - tall - 6:.1f}",
                figure(row.value),
                middle,
                plot + 42,
                row.name,
            )
        )
    return _picture(plot + 48, f"Columns: {_largest(rows)}.", parts)


def rows_of_lines(curves: Sequence[Curve], days: Sequence[str]) -> Markup:
    """A curve a row, each from 0 to its own largest value, which stands beside its name."""
    parts = []
    for number, curve in enumerate(curves):
        y, most = number * 92, max(curve.values, default=0)
        parts.append(
            Markup(
                '<text class="l" x="0" y="{0}">{1}</text><text class="v" x="0" y="{6}">{2}</text>'
                '<line class="grid" x1="0" x2="100%" y1="{3}" y2="{3}"/>'
                '<svg x="0" y="{4}" width="100%" height="40" viewBox="0 0 100 40" preserveAspectRatio="none">{5}</svg>'
            ).format(
                y + 14,
                short(curve.name),
                f"{figure(curve.values[-1])} now, most {figure(most)}",
                y + 80,
                y + 40,
                _curve(curve.values, most or 1, 40, curve.look, filled=curve.look in _FILLED),
                y + 31,
            )
        )
    told = sorted(curves, key=lambda curve: -max(curve.values, default=0))[:NAMED]
    name = "; ".join(f"{curve.name} {figure(max(curve.values, default=0))} at most" for curve in told)
    return _picture(max(1, len(curves) * 92 - 8), f"Lines from {days[0]} to {days[-1]}: {name}.", parts)


def spark(values: Sequence[int]) -> Markup:
    """A curve as small as a word, for a table that has its numbers."""
    drawn = _curve(values, max(values, default=0) or 1, 24, 1, filled=True)
    return Markup(
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(drawn)


def short(name: str) -> str:
    """A name as a chart has room for it."""
    return name if len(name) <= LABEL else name[: LABEL - 1].rstrip() + "…"


def apart(places: Sequence[float], gap: float, *, lowest: float) -> list[float]:
    """The same heights in the same order, none nearer than `gap` to another and none below `lowest`: y grows downwards,
    and who is in the way of a lower one moves up."""
    found, floor = list(places), lowest
    for number in sorted(range(len(places)), key=lambda at: -places[at]):
        found[number] = floor = min(places[number], floor)
        floor -= gap
    return found


def _y(value: int, top: int, plot: int, above: int) -> float:
    return round(above + plot - value / (top or 1) * plot, 1)


def _curve(values: Sequence[int], top: int, height: int, look: int, *, filled: bool) -> Markup:
    step = 100 / max(1, len(values) - 1)
    points = [(at * step, height - value / (top or 1) * height) for at, value in enumerate(values)]
    if len(points) == 1:
        points.append((100, points[0][1]))
    path = "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
    area = Markup('<path class="a{}" d="{}L100 {}L0 {}Z"/>').format(look, path, height, height) if filled else ""
    return Markup('{}<path class="p{}" d="{}"/>').format(area, look, path)


def _largest(rows: Sequence[Row]) -> str:
    """The largest values in words."""
    if not any(row.value for row in rows):
        return "nothing yet"
    told = sorted(rows, key=lambda row: -row.value)
    said = ", ".join(f"{row.name} {figure(row.value)}" for row in told[:NAMED])
    rest = len(rows) - NAMED
    return f"{said}{f', and {rest} more; the table has all' if rest > 0 else ''}"


def _picture(height: int, name: str, parts: Iterable[Markup]) -> Markup:
    return Markup('<svg height="{}" role="img" aria-label="{}">{}</svg>').format(
        height, name, Markup().join(escape(part) for part in parts)
    )
