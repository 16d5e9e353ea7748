"""What the page of statistics shows: each figure a sentence, a chart, and the same numbers as a table.

Pure: counts in, figures out. Chart, table and sentence are made of the same rows, so that they cannot differ. A span of
more than a month is shown week by week: levels as they were at each week's end, flows added up over the week.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from dnsbl.rules.statistics import STEPS, Statistics, in_zones
from dnsbl.vocabulary import Measure
from dnsbl.web import charts, words
from dnsbl.web.charts import Curve, Row, figure, share
from tester.records import dataclass
from tester.vectors import CATALOGUE
from tester.verdict import Verdict

#: Bars in one chart, the last of them for all others together; the table has each.
BARS = 7
#: Days in a row of a longer span.
WEEK = 7
#: How a verdict looks in a chart; the others are of the rest.
_LOOKS: Mapping[str, int] = {Verdict.OPEN: 1, Verdict.OPEN_MULTIHOP: 2, Verdict.CLOSED: 3}
_REST = 4
#: A named step of time in a sentence.
_WITHIN: Mapping[str, str] = {
    "1 h": "within an hour",
    "6 h": "within six hours",
    "1 d": "within a day",
    "3 d": "within three days",
    "7 d": "within a week",
    "30 d": "within thirty days",
    "later": "after more than thirty days",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """One figure."""

    name: str  #: a word, for links and tests
    title: str
    says: str  #: what to see
    chart: str  #: markup, which is not escaped again
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  #: a name, and its numbers as people write them
    size: str = ""  #: "two" or "full" for a wider one


def when(day: date, *, year: bool = False) -> str:
    """A day, short."""
    return f"{day.day} {day:%b}{f' {day:%Y}' if year else ''}"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{figure(number)} {one if number == 1 else many or one + 's'}"


def lead(seen: Statistics) -> str:
    """How the list does, in a sentence or two."""
    now, before = seen.on_list(), seen.on_list(0)
    entries = f"{counted(now, 'entry', 'entries')} now"
    since = f"at the end of {when(seen.first)} {seen.first:%Y}"
    if seen.begun_today:
        said = f"The list holds {entries}. Counts began today."
    elif now > before:
        said = f"The list is growing: {entries}, {figure(now - before)} more than {since}."
    elif now < before:
        said = f"The list is shrinking: {entries}, {figure(before - now)} fewer than {since}."
    else:
        said = f"The list holds {entries}, as many as {since}."
    half = median(seen.sums.get(Measure.REMOVED, {}))
    return f"{said} Of those who got off it, half did so {_WITHIN[half]}." if half else said


def median(removed: Mapping[str, int]) -> str:
    """The step of time by which half of what was removed had gone; "" where nothing was."""
    whole, gone = sum(removed.values()), 0
    for name, _ in STEPS:
        gone += removed.get(name, 0)
        if whole and gone * 2 >= whole:
            return name
    return ""


def figures(seen: Statistics, zones: Mapping[str, Iterable[str]]) -> list[Drawn]:
    """All figures that there is something to show in; of the list itself always. `zones` has, by origin, the kinds that
    each zone answers for."""
    span = counted(len(seen.days), "day")
    verdicts = seen.sums.get(Measure.VERDICTS, {})
    open_ones = sum(verdicts.get(each, 0) for each in (Verdict.OPEN, Verdict.OPEN_MULTIHOP))
    relays, ended = seen.total(Measure.CAUSES), seen.total(Measure.ENDED)
    removed, asked = seen.total(Measure.REMOVED), seen.total(Measure.DOORS)
    shown = seen.sums.get(Measure.SHOWN, {}).get("evidence", 0)
    found = [
        _listed(seen),
        _bars(
            "verdicts",
            "Verdicts",
            f"Of {counted(seen.total(Measure.VERDICTS), 'test')} in {span}, {figure(open_ones)} found an open relay.",
            ("Verdict", "Tests"),
            verdicts,
            words.JUDGED,
            looks=_LOOKS,
        ),
        _bars(
            "causes",
            "Causes",
            f"Why the {counted(relays, 'relay')} that came onto the list in {span} did relay, as far as a machine can "
            "tell.",
            ("Cause", "Relays"),
            seen.sums.get(Measure.CAUSES, {}),
            words.CAUSED,
        ),
        _bars(
            "forms",
            "Forms that opened relays",
            "The first form whose letter came back, of the same relays.",
            ("Form", "Relays"),
            seen.sums.get(Measure.FORMS, {}),
            {name: f"{name} {form.fault}" for name, form in CATALOGUE.items()},
        ),
        _bars(
            "software",
            "Software",
            "What the same relays are, by their greeting and their trace line.",
            ("Program", "Relays"),
            seen.sums.get(Measure.SOFTWARE, {}),
            words.PROGRAMS,
        ),
        _bars(
            "countries",
            "Countries",
            "Where what came onto the list by a test is, by the file of this list's operator.",
            ("Country", "Relays"),
            seen.sums.get(Measure.COUNTRIES, {}),
            {},
        ),
        _removal(seen, removed, span),
        _bars(
            "ended",
            "How listings ended",
            f"{counted(ended, 'listing')} ended in {span}, for these reasons.",
            ("Reason", "Listings"),
            seen.sums.get(Measure.ENDED, {}),
            words.ENDED,
            look=3,
        ),
        _bars(
            "doors",
            "Where nominations came in",
            f"Of {counted(asked, 'nomination')} in {span}, {figure(shown)} came with the spam itself.",
            ("Door", "Nominations"),
            seen.sums.get(Measure.DOORS, {}),
            words.DOOR,
        ),
        _bars(
            "tests",
            "Why we tested",
            "Nobody is tested without a reason.",
            ("Reason", "Tests"),
            seen.sums.get(Measure.TESTS, {}),
            words.WHY,
        ),
        _zones(seen, zones),
        _answers(seen),
    ]
    return [each for each in found if each is not None]


def _named(names: Mapping[str, str], name: str) -> str:
    return names.get(name, name.replace("-", " ") or "none")


def _bars(
    name: str,
    title: str,
    says: str,
    head: tuple[str, str],
    counts: Mapping[str, int],
    names: Mapping[str, str],
    *,
    looks: Mapping[str, int] | None = None,
    look: int = 1,
    shares: bool = True,
) -> Drawn | None:
    """Bars, the longest first; None where there is nothing to show."""
    if not any(counts.values()):
        return None
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    whole = sum(counts.values())
    drawn = [
        Row(name=_named(names, key), value=value, look=looks.get(key, _REST) if looks is not None else look)
        for key, value in ranked
    ]
    if len(drawn) > BARS:
        others = drawn[BARS - 1 :]
        drawn = drawn[: BARS - 1]
        drawn.append(Row(name=f"{len(others)} others", value=sum(row.value for row in others), look=_REST))
    return Drawn(
        name=name,
        title=title,
        says=says,
        chart=charts.bars(drawn),
        head=(*head, "Share") if shares else head,
        rows=tuple(
            (_named(names, key), figure(value), *([share(value, whole)] if shares else [])) for key, value in ranked
        ),
    )


def _listed(seen: Statistics) -> Drawn:
    """What stood on the list, by kind."""
    ends = _ends(seen)
    curves = _curves({kind: [levels[at] for at in ends] for kind, levels in seen.listed.items()}, words.CODE)
    days = [when(seen.days[at]) for at in ends]
    weekly = len(ends) < len(seen.days)
    says = f"At the end of each {'week' if weekly else 'day'}, from {when(seen.days[ends[0]], year=True)} on."
    if seen.begun_today:
        says = "Now; there is a chart from the second day on."
    if not curves:
        says = f"{says} Nothing has stood on the list."
    return Drawn(
        name="listed",
        title="On the list",
        says=says,
        chart="" if seen.begun_today else charts.lines(curves, days),
        head=("Day", *(curve.name for curve in curves)),
        rows=tuple(
            (when(seen.days[at], year=True), *(figure(curve.values[n]) for curve in curves))
            for n, at in reversed(list(enumerate(ends)))
        ),
        size="two",
    )


def _removal(seen: Statistics, removed: int, span: str) -> Drawn | None:
    counts = seen.sums.get(Measure.REMOVED, {})
    if not removed:
        return None
    rows = [Row(name=name, value=counts.get(name, 0), look=3) for name, _ in STEPS]
    return Drawn(
        name="removal",
        title="Time to removal",
        says=(
            f"From listing to its end, of {counted(removed, 'relay')} in {span}; half {_WITHIN[median(counts)]}. Each "
            "column counts up to its time."
        ),
        chart=charts.columns(rows),
        head=("Within", "Relays", "Share"),
        rows=tuple((row.name, figure(row.value), share(row.value, removed)) for row in rows),
    )


def _zones(seen: Statistics, zones: Mapping[str, Iterable[str]]) -> Drawn | None:
    return _bars(
        "zones",
        "Zones",
        "Entries that each zone answers for now; one entry may be in several.",
        ("Zone", "Entries"),
        in_zones(seen, zones),
        {},
        shares=False,
    )


def _answers(seen: Statistics) -> Drawn | None:
    if not any(any(counts) for counts in seen.answers.values()):
        return None
    ends = _ends(seen)
    weekly = len(ends) < len(seen.days)
    unit = "week" if weekly else "day"
    starts = [max(0, at - WEEK + 1) if weekly else at for at in ends]
    named = {**words.CODE, "": "not listed"}
    curves = _curves(
        {
            kind: [sum(counts[start : end + 1]) for start, end in zip(starts, ends, strict=True)]
            for kind, counts in seen.answers.items()
        },
        named,
    )
    curves = [Curve(name=curve.name, values=curve.values, look=n % charts.LOOKS + 1) for n, curve in enumerate(curves)]
    return Drawn(
        name="answers",
        title="Questions answered, by what was said",
        says=(
            f"Answers a {unit}; the last {unit} is not over. Counted by the name servers of this list that run beside "
            "its scheduler: others, and the caches of resolvers, give many more. Each row has its own scale, from 0 to "
            "the figure marked “most”."
        ),
        chart=charts.rows_of_lines(curves, [when(seen.days[at]) for at in ends]),
        head=("Answer", "Most", "Now", "Least", "Together"),
        rows=tuple(
            (
                curve.name,
                figure(max(curve.values)),
                figure(curve.values[-1]),
                figure(min(curve.values)),
                figure(sum(curve.values)),
            )
            for curve in curves
        ),
        size="full",
    )


def _ends(seen: Statistics) -> list[int]:
    """The places of the days that are shown: each, or of a long span the last of each week."""
    count = len(seen.days)
    return list(range(count)) if count <= 31 else list(range((count - 1) % WEEK, count, WEEK))


def _curves(series: Mapping[str, Sequence[int]], names: Mapping[str, str]) -> list[Curve]:
    """As many curves as there are looks, the highest first; what is more goes together."""
    ranked = sorted(series.items(), key=lambda each: (-max(each[1], default=0), each[0]))
    if len(ranked) > charts.LOOKS:
        rest = [values for _, values in ranked[charts.LOOKS - 1 :]]
        ranked = ranked[: charts.LOOKS - 1]
        ranked.append((f"{len(rest)} other kinds", [sum(each) for each in zip(*rest, strict=True)]))
    return [Curve(name=_named(names, name), values=values, look=n + 1) for n, (name, values) in enumerate(ranked)]
