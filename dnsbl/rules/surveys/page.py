"""Surveys as one HTML page: tables, pictures and the trend. Pure.

Nothing is fetched and nothing runs: the page forbids itself scripts and other sources, and every word in it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from dnsbl.rules.surveys import chart
from dnsbl.rules.surveys.figures import FigureTable, tables, trends
from dnsbl.rules.surveys.report import NO_LISTING, authorized
from dnsbl.rules.surveys.tally import SurveyTally

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0; --page: #fff; --mark: #0b6e4f }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --quiet: #9198a1; --line: #3d444d; --page: #0d1117; --mark: #3fb68b }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 1rem } caption { text-align: left; font-weight: 600 }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); font-weight: normal }
td.n { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; max-width: 46rem; height: auto; display: block; margin: 0 0 1.5rem }
.name, .number { font: 12px system-ui, sans-serif; fill: var(--ink) } .number { fill: var(--quiet) }
.bar, .dot { fill: var(--mark) } .track { fill: var(--line); opacity: .4 }
.line { fill: none; stroke: var(--mark); stroke-width: 2 } .grid { stroke: var(--line) }
"""
#: Tables that have a picture.
DRAWN = ("ports", "stages", "letters", "relays", "lists", "relaying", "software")


def page(tallies: Sequence[SurveyTally]) -> str:
    """The page."""
    names = [one.name for one in tallies]
    title = f"Relay survey {', '.join(names)}"
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>",
        f"<p>{escape(NO_LISTING)}</p>",
    ]
    if len(tallies) > 1:
        parts.append("<h2>Trend</h2>")
        for trend in trends(tallies):
            parts += [f"<h3>{escape(trend.what)}</h3>", chart.lines(trend, names)]
    for one in tallies:
        parts.append(f"<h2>{escape(one.name)}</h2>")
        parts += _about(one)
        for table in tables(one):
            if table.rows:
                parts.append(_table(table))
                if table.name in DRAWN:
                    parts.append(chart.bars(table))
    return "\n".join([*parts, "</body>\n</html>\n"])


def _about(one: SurveyTally) -> Iterator[str]:
    head = one.head
    begun, form = escape(str(head.get("begun", "-"))), escape(str(head.get("form", "-")))
    yield f"<p>Begun {begun}, form {form}, tested in {one.seconds:.1f} s.</p>"
    if by := authorized(one):
        yield f"<p>{escape(by)}.</p>"


def _table(table: FigureTable) -> str:
    rows = []
    for row in table.rows:
        share = ("", "") if row.of is None else (f"{row.share} %", f"of {row.of:,} {escape(row.whole)}")
        rows.append(
            f'<tr><th scope="row">{escape(row.what)}</th><td class="n">{row.count:,}</td>'
            f'<td class="n">{share[0]}</td><td>{share[1]}</td></tr>'
        )
    return f"<table><caption>{escape(table.title)}</caption>\n{chr(10).join(rows)}\n</table>"
