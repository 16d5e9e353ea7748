"""Figures as text, as CSV and as one document. Pure. Holds no figure of its own.

Names and greetings are strangers': text and document have them escaped, and a CSV cell that a spreadsheet would take
for a formula gets an apostrophe in front. Which hosts relay is not told unless it is asked for: it is loot."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from dnsbl.rules.surveys.figures import FigureTable, Trend, tables, trends
from dnsbl.rules.surveys.tally import Relay, SurveyTally, named

NO_LISTING = "Nobody is listed by a survey: whoever is to be listed has to be nominated, with evidence."


NONE_BACK = (
    "Of no letter that was taken anything came back, not even a bounce: see that the MX of survey.collector_domain and "
    "of survey.bounce_domain leads to survey.listen."
)


def authorized(tally: SurveyTally) -> str:
    """By whom, when and what for, one sentence without its end; "" where nothing is on record."""
    by = tally.head.get("authorization")
    if not by:
        return ""
    when = f", {by['when']}" if by["when"] else ""
    return f"Authorized by {by['who']}{when}: {by['what']} ({by['source']})"


def document(tallies: Sequence[SurveyTally], *, hosts: bool = False) -> dict[str, Any]:
    """One JSON document. `hosts` adds the hosts that accepted the letter, by address."""
    found: dict[str, Any] = {"surveys": [_survey(one, hosts=hosts) for one in tallies]}
    if len(tallies) > 1:
        found["trends"] = [
            {"what": trend.what, "values": [_share(row.count, row.of, row.share) for row in trend.rows]}
            for trend in trends(tallies)
        ]
    return found


def _survey(tally: SurveyTally, *, hosts: bool) -> dict[str, Any]:
    found: dict[str, Any] = dict(tally.head) | {"seconds": round(tally.seconds, 3)}
    for table in tables(tally):
        found[table.name] = [
            {"what": row.what, **_share(row.count, row.of, row.share)} | ({"whole": row.whole} if row.whole else {})
            for row in table.rows
        ]
    if hosts:
        found["hosts"] = [
            {
                "address": str(one.host.address),
                "software": named(one.host.greeting),
                "letter": _fate(one),
                "lists": None if one.lists is None else list(one.lists.on),
            }
            for one in tally.relays.values()
        ]
    return found


def _share(count: int, of: int | None, share: str) -> dict[str, Any]:
    return {"count": count} | ({} if of is None else {"of": of, "percent": share})


def _fate(one: Relay) -> str:
    if one.delivered:
        return "delivered"
    if one.bounced:
        return "bounced"
    return "kept" if one.kept else "lost"


def text(tallies: Sequence[SurveyTally], *, hosts: bool = False) -> str:
    """What people read."""
    lines = [line for one in tallies for line in _lines(one, hosts=hosts)]
    if len(tallies) > 1:
        lines += ["Trend", *_trend_lines([_plain(one.name) for one in tallies], trends(tallies)), ""]
    return "\n".join([*lines, NO_LISTING])


def _lines(tally: SurveyTally, *, hosts: bool) -> Iterator[str]:
    head = tally.head
    yield _plain(f"Survey {tally.name}, begun {head.get('begun', '-')}, form {head.get('form', '-')}")
    if by := authorized(tally):
        yield _plain(by)
    yield f"Tested in {tally.seconds:.1f} s"
    yield ""
    for table in tables(tally):
        yield from _table_lines(table)
        yield ""
    if tally.relays and all(one.back is None for one in tally.relays.values()):
        yield NONE_BACK
        yield ""
    if hosts:
        yield "Hosts that took the letter"
        for one in tally.relays.values():
            on = "" if one.lists is None else f", on {', '.join(map(_plain, one.lists.on)) or 'no other list'}"
            yield f"  {one.host.address}  {_plain(named(one.host.greeting))}, {_fate(one)}{on}"
        yield ""


def _table_lines(table: FigureTable) -> Iterator[str]:
    yield table.title
    width = max((len(row.what) for row in table.rows), default=0)
    for row in table.rows:
        share = f"  {row.share:>6} % of {row.of:,} {row.whole}" if row.of is not None else ""
        yield f"  {_plain(row.what).ljust(width)}  {row.count:>8,}{share}".rstrip()


def _trend_lines(names: Sequence[str], found: Sequence[Trend]) -> Iterator[str]:
    width = max(len(trend.what) for trend in found)
    columns = [max(len(name), 8) for name in names]
    yield "  " + " " * width + "".join(f"  {name:>{size}}" for name, size in zip(names, columns, strict=True))
    for trend in found:
        cells = (f"{row.share} %" for row in trend.rows)
        yield f"  {trend.what.ljust(width)}" + "".join(
            f"  {cell:>{size}}" for cell, size in zip(cells, columns, strict=True)
        )


def _plain(words: object) -> str:
    """Printable ASCII: nothing that a terminal acts on."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in str(words))


def sheet(tallies: Sequence[SurveyTally], *, hosts: bool = False) -> str:
    """CSV (RFC 4180): a line for each figure; with `hosts` a line for each host that accepted the letter, in place of
    them."""
    out = io.StringIO()
    writer = csv.writer(out)
    if hosts:
        writer.writerow(["survey", "address", "software", "letter", "lists"])
        for one in tallies:
            for relay in one.relays.values():
                on = "" if relay.lists is None else " ".join(relay.lists.on)
                row = [one.name, str(relay.host.address), named(relay.host.greeting), _fate(relay), on]
                writer.writerow(map(_cell, row))
        return out.getvalue()
    writer.writerow(["survey", "table", "figure", "count", "of", "percent", "whole"])
    for one in tallies:
        for table in tables(one):
            for figure in table.rows:
                of = "" if figure.of is None else figure.of
                row = [one.name, table.name, figure.what, str(figure.count), str(of), figure.share, figure.whole]
                writer.writerow(map(_cell, row))
    return out.getvalue()


def _cell(words: str) -> str:
    """What a spreadsheet takes for text."""
    plain = _plain(words)
    return f"'{plain}" if plain[:1] in ("=", "+", "-", "@") and plain != "-" else plain
