"""Counts -> rows of figures, each share with its numerator and denominator, and the trend of several surveys.

Pure. Shares are rounded half up, to the digits asked for, in whole numbers throughout: no binary fraction takes part.
What cannot be is said: stages that do not add up to the hosts tested are a fault of ours and raise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dnsbl.errors import Damaged
from dnsbl.rules.surveys.tally import STAGES, SurveyTally
from tester.records import dataclass

#: Digits behind the point of a share.
DIGITS = 2
#: Programs that a table shows, the most frequent first.
MOST_SHOWN = 20


def percent(part: int, whole: int, digits: int = DIGITS) -> str:
    """100 times part by whole, rounded half up, as text; "-" of nothing."""
    if not whole:
        return "-"
    scaled = (part * 200 * 10**digits + whole) // (2 * whole)
    text = str(scaled).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: so many, of so many of something."""

    what: str
    count: int
    of: int | None = None  #: None: of nothing, a plain number
    whole: str = ""  #: what the denominator counts

    @property
    def share(self) -> str:
        """In per cent, or ""."""
        return "" if self.of is None else percent(self.count, self.of)


@dataclass(frozen=True, slots=True)
class FigureTable:
    """Rows that belong together."""

    name: str  #: for programs: lower case, one word
    title: str
    rows: tuple[Row, ...]


#: What each stage means, for people.
STAGE_WORDS = {
    "CONNECT": "no connection, or no greeting",
    "EHLO": "refused EHLO and HELO",
    "MAIL": "refused the sender",
    "TO": "refused the recipient",
    "DATA": "refused the text",
    "QUIT": "took the letter, and failed at QUIT",
    "OK": "took the letter",
}


def tables(tally: SurveyTally) -> list[FigureTable]:
    """Every table of one survey. Raises Damaged where the counts do not add up."""
    if (staged := sum(tally.stages.values())) != tally.tested or set(tally.stages) - set(STAGES):
        raise Damaged(f"The stages of the survey add up to {staged} of {tally.tested} hosts.")
    return list(_tables(tally))


def _tables(tally: SurveyTally) -> Iterator[FigureTable]:
    yield FigureTable("targets", "Whom it is about", tuple(_targets(tally)))
    ports = (
        Row("hosts found", tally.there, tally.tested, "tested"),
        Row("port open", tally.open, tally.there, "hosts found"),
        Row("port closed", tally.closed, tally.there, "hosts found"),
        Row("port filtered", tally.filtered, tally.there, "hosts found"),
        Row("nobody there", tally.silent, tally.tested, "tested"),
    )
    yield FigureTable("ports", "The mail port", ports)
    stages = tuple(
        Row(f"{stage}: {STAGE_WORDS[stage]}", tally.stages[stage], tally.tested, "tested") for stage in STAGES
    )
    yield FigureTable("stages", "Where the test ended", stages)
    accepted, delivered = tally.accepted, tally.delivered
    letters = (
        Row("accepted", accepted, tally.open, "port open"),
        Row("delivered", delivered, accepted, "accepted"),
        Row("bounced", tally.bounced, accepted, "accepted"),
        Row("kept, as the server says", tally.kept, accepted, "accepted"),
        Row("lost", tally.lost, accepted, "accepted"),
        Row("answered by a person", tally.human, accepted, "accepted"),
    )
    yield FigureTable("letters", "What became of the letters", letters)
    shares = (
        Row("open relays of all tested", delivered, tally.tested, "tested"),
        Row("open relays of hosts found", delivered, tally.there, "hosts found"),
        Row("open relays of open ports", delivered, tally.open, "port open"),
    )
    yield FigureTable("relays", "Open relays: hosts whose letter came back", shares)
    if tally.asked_about:
        asked = (tally.asked_about, "open relays asked about")
        lists = (
            Row("on another list", tally.listed, *asked),
            Row("on none", tally.asked_about - tally.listed - tally.untold, *asked),
            Row("cannot be told", tally.untold, *asked),
        )
        yield FigureTable("lists", "Open relays on other lists", lists)
    outcomes = sorted(tally.outcomes.items(), key=lambda item: (-item[1], item[0]))
    yield FigureTable(
        "outcomes", "Outcomes", tuple(Row(name.value, count, tally.tested, "tested") for name, count in outcomes)
    )
    if relaying := tally.relaying:
        relays = sorted(relaying.items(), key=lambda item: (-item[1], item[0]))[:MOST_SHOWN]
        rows = [Row(name, count, tally.software.get(name, count), "that greet so") for name, count in relays]
        yield FigureTable("relaying", "Open relays, by software", tuple(rows))
    programs = sorted(tally.software.items(), key=lambda item: (-item[1], item[0]))
    rows = [Row(name, count, tally.open, "port open") for name, count in programs[:MOST_SHOWN]]
    if rest := sum(count for _, count in programs[MOST_SHOWN:]):
        rows.append(Row("all others", rest, tally.open, "port open"))
    yield FigureTable("software", "Software, by what it greets with", tuple(rows))


_POPULATION = {
    "lists": "lists",
    "addresses": "addresses in them",
    "domains": "mail domains",
    "with_address": "with an address",
    "sample": "drawn",
}


def _targets(tally: SurveyTally) -> Iterator[Row]:
    population = tally.head.get("population") or {}
    for key, words in _POPULATION.items():
        if key in population:
            yield Row(words, int(population[key]))
    for why, count in sorted((population.get("dropped") or {}).items()):
        yield Row(f"dropped: {why}", int(count), int(population["domains"]), "mail domains")
    targets = int(tally.head.get("targets", tally.tested))
    yield Row("targets", targets)
    yield Row("tested", tally.tested, targets, "targets")
    for why, count in sorted(tally.left_out.items()):
        yield Row(f"left out: {why}", count, targets, "targets")


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure over several surveys, in their order."""

    what: str
    rows: tuple[Row, ...]


def trends(tallies: Sequence[SurveyTally]) -> list[Trend]:
    """What changed from survey to survey."""
    return [
        Trend(name, tuple(Row(name, part, whole, of) for part, whole, of in each))
        for name, each in (
            ("open relays of all tested", [(one.delivered, one.tested, "tested") for one in tallies]),
            ("open relays of open ports", [(one.delivered, one.open, "port open") for one in tallies]),
            ("letters accepted", [(one.accepted, one.tested, "tested") for one in tallies]),
            ("recipient refused", [(one.stages["TO"], one.tested, "tested") for one in tallies]),
            ("no connection", [(one.stages["CONNECT"], one.tested, "tested") for one in tallies]),
        )
    ]
