"""Two relay studies: what they have printed, where that contradicts itself, and a survey of ours beside it.

Pure. `papers.toml` holds the figures as printed. A slip is found by reckoning, never from a list: sums, shares and
ranges are worked out anew from what stands beside them in the same paper. A figure of ours that differs from the
paper's is explained by such a slip, or by nothing."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from dnsbl.errors import DnsblError
from dnsbl.rules.surveys.figures import percent
from dnsbl.rules.surveys.sources import Spread, ranges
from dnsbl.rules.surveys.tally import STAGES, SurveyTally, named
from tester.records import dataclass

#: What a figure may equal by accident: smaller ones recur anyway.
TELLING = 100
#: The shares that M5 prints: of what, by what.
_SHARES = {
    "open_of_hosts": ("open", "hosts"),
    "relays_of_hosts": ("confirmed", "hosts"),
    "relays_of_open": ("confirmed", "open"),
}


@dataclass(frozen=True, slots=True)
class Slip:
    """Where a paper contradicts itself."""

    study: str  #: as in `papers.toml`; "imc" and "m5" for what several of one paper show together
    about: str  #: the figure
    words: str  #: one sentence
    explains: frozenset[str] = frozenset()  #: figures of ours that differ from the paper's by it


@dataclass(frozen=True, slots=True)
class Beside:
    """One figure: the paper's and ours, as text; "-" where there is none."""

    figure: str
    paper: str
    ours: str
    why: str = ""  #: what explains a difference; "" where there is none, or nothing explains it

    @property
    def difference(self) -> str:
        """Ours less the paper's, "" where they are equal or one of them is none."""
        if "-" in (self.paper, self.ours) or self.paper == self.ours:
            return ""
        digits = len(self.paper.partition(".")[2])
        apart = round((float(self.ours) - float(self.paper)) * 10**digits)
        return f"{apart / 10**digits:+.{digits}f}"


@cache
def papers() -> Mapping[str, Mapping[str, Any]]:
    """What the studies have printed, by study."""
    text = files("dnsbl.rules.surveys").joinpath("papers.toml").read_text("utf-8")
    return {name: found for name, found in tomllib.loads(text).items() if name != "m5"}


def together() -> Mapping[str, Any]:
    """What M5 has printed of its ranges together."""
    text = files("dnsbl.rules.surveys").joinpath("papers.toml").read_text("utf-8")
    found: Mapping[str, Any] = tomllib.loads(text)["m5"]
    return found


# ------------------------------------------------------------------------------------------------- their slips


def slips(printed: Mapping[str, Mapping[str, Any]] | None = None) -> list[Slip]:
    """Every slip of these figures, by default of both papers, in their order."""
    printed = papers() if printed is None else printed
    found: list[Slip] = []
    for name, paper in printed.items():
        found += _imc(name, paper) if "stages" in paper else _m5(name, paper, printed)
    return [*found, *_alike(printed), *_together(printed)]


def _imc(name: str, p: Mapping[str, Any]) -> Iterator[Slip]:
    stages, sample = p["stages"], p["sample"]
    if (staged := sum(stages.values())) != sample:
        rest = sample - staged - p["quit"]
        words = f"The rows of the table add up to {staged} of {sample}"
        words += "; the host that failed at QUIT stands in the text alone" if p["quit"] else ""
        words += f"; of {rest} nothing is said" if rest else ""
        explains = frozenset({"QUIT", "lost"}) if rest else frozenset({"QUIT"})
        yield Slip(name, "sum", words + ".", explains)
    if lost := stages["OK"] - p["delivered"] - p["bounced"]:
        words = f"Of {stages['OK']} accepted letters {lost} were neither delivered nor bounced, and no figure says so."
        yield Slip(name, "lost", words, frozenset({"lost"}))
    if p["no_connection"] != percent(stages["CONNECT"], sample, 0):
        share = percent(stages["CONNECT"], sample, 1)
        words = (
            f'"Approximately {p["no_connection"]} %" had no connection: it was {share} % '
            f"({stages['CONNECT']} of {sample})."
        )
        yield Slip(name, "no connection", words)
    if "summary" in p and p["summary"] != percent(stages["OK"], sample, 0):
        words = (
            f"The summary's {p['summary']} % is delivered of all ({p['delivered']} of {sample}), no row of the table; "
            f"there {stages['OK']} of {sample} allow relaying, {percent(stages['OK'], sample, 1)} %."
        )
        yield Slip(name, "summary", words)


def _m5(name: str, p: Mapping[str, Any], printed: Mapping[str, Mapping[str, Any]]) -> Iterator[Slip]:
    if "range" in p and (held := len(Spread(ranges([p["range"]])))) != p["scanned"]:
        words = f"The range holds {held} addresses, and {p['scanned']} are said to have been scanned."
        yield Slip(name, "scanned", words, frozenset({"scanned", "non_relays"}))
    if "scanned" in p and p["scanned"] - p["open_relays"] != p["non_relays"]:
        yield Slip(
            name, "non_relays", "Open relays and the others do not add up to the addresses.", frozenset({"non_relays"})
        )
    if p["confirmed"] + p["not_delivered"] + p["blind"] != p["open_relays"]:
        yield Slip(name, "open_relays", "The kinds of open relays do not add up.", frozenset({"open_relays"}))
    if p["closed"] + p["filtered"] + p["open"] != p["hosts"]:
        yield Slip(name, "hosts", "The ports do not add up to the hosts found.", frozenset({"hosts"}))
    if len(p["relays"]) != p["confirmed"]:
        yield Slip(name, "relays", f"{len(p['relays'])} relays are named, and {p['confirmed']} are confirmed.")
    if p["successful"] != p["confirmed"]:
        words = (
            f'"Successful relays" are {p["successful"]}, those that accepted; in the other ranges they are those that '
            f"were confirmed, here {p['confirmed']}."
        )
        yield Slip(name, "successful", words, frozenset({"successful"}))
    for share, (part, whole) in _SHARES.items():
        if words := _share(name, share, p, p[part], p[whole], printed):
            yield Slip(name, share, words, frozenset({share}))
    if "tested" in p:
        words = (
            f"{p['open'] + p['filtered']} hosts were handed to the relay tester ({p['tested']}), and its share is "
            f"taken of {p['open']}."
        )
        yield Slip(name, "tested", words)
    if p.get("conclusion", p["confirmed"]) != p["confirmed"]:
        words = (
            f"The conclusion counts {p['conclusion']} open relays, which are not confirmed, and beside it a share "
            f"of the {p['confirmed']} that are."
        )
        yield Slip(name, "conclusion", words)


def _share(
    name: str, share: str, p: Mapping[str, Any], part: int, whole: int, printed: Mapping[str, Mapping[str, Any]]
) -> str:
    """What is wrong with a printed share, or ""."""
    digits = len(p[share].partition(".")[2])
    if p[share] == (right := percent(part, whole, digits)):
        return ""
    words = f"{p[share]} % is printed for {part} of {whole}, which is {right} %"
    if p[share] == f"{part * 100 * 10**digits // whole / 10**digits:.{digits}f}":
        return f"{words}: cut, not rounded."
    lender = next((q["title"] for other, q in printed.items() if other != name and q.get(share) == p[share]), "")
    return f"{words}: the figure of {lender}." if lender else f"{words}."


def _alike(printed: Mapping[str, Mapping[str, Any]]) -> Iterator[Slip]:
    """Figures of the surveys that are equal and mean different things."""
    met: dict[int, dict[str, str]] = {}
    for p in printed.values():
        if "stages" in p:
            for what, number in (*p["stages"].items(), ("delivered", p["delivered"])):
                met.setdefault(number, {}).setdefault(what, p["title"])
    for number, places in met.items():
        if number >= TELLING and len(places) > 1:
            where = " and ".join(f"{what} in {title}" for what, title in places.items())
            yield Slip("imc", "twice", f"{number} stands twice, with two meanings: {where}.")


def _together(printed: Mapping[str, Mapping[str, Any]]) -> Iterator[Slip]:
    held = [len(Spread(ranges([p["range"]]))) for p in printed.values() if "range" in p]
    if len(held) > 1 and sum(held) != (said := together()["scanned_together"]):
        yield Slip("m5", "scanned together", f"Both ranges hold {sum(held)} addresses, and {said} are printed.")


#: What the figures do not say, though nothing contradicts them: how they are to be read.
READINGS = {
    "imc": (
        "A recipient that was put off (4xx) counts as refused: a greylisting relay would look closed.",
        "Of a domain's hosts the lowest MX alone is tried, at its first address.",
        "Sender and recipient are in one domain, and one form is tried: a lower bound for relays.",
        "What stood in the envelopes is not printed, only what stood in the headers.",
        "Hosts are drawn by name: two names may be one server.",
    ),
    "m5": (
        "How A's and B's hosts were found is not said, and C's are those that answered at port 25: the shares of hosts "
        "found do not compare.",
        "Every share rests on one test of each host.",
        'What a "blind" relay is is not said; there is none.',
        "Non-relays are addresses, most of them without a host.",
    ),
}

# ---------------------------------------------------------------------------------------------- ours beside it


def beside(study: str, tally: SurveyTally) -> list[Beside]:
    """Each figure that the study has printed, and ours. Raises DnsblError for an unknown study."""
    paper = papers().get(study)
    if paper is None:
        raise DnsblError(
            f"There is no study {study!r}; a survey stands beside the one whose name it has: {', '.join(papers())}."
        )
    pairs = _imc_pairs(paper, tally) if "stages" in paper else _m5_pairs(paper, tally)
    known = {figure: slip.words for slip in slips() if slip.study == study for figure in slip.explains}
    rows = [Beside(figure, theirs, ours) for figure, theirs, ours in pairs]
    return [
        Beside(row.figure, row.paper, row.ours, known.get(row.figure, "")) if row.paper != row.ours else row
        for row in rows
    ]


def _imc_pairs(p: Mapping[str, Any], tally: SurveyTally) -> Iterator[tuple[str, str, str]]:
    population = tally.head.get("population") or {}
    for key in ("lists", "addresses", "domains", "with_address", "sample"):
        yield key, str(p[key]), str(population.get(key, "-"))
    for stage in STAGES:
        yield stage, str(p["quit"] if stage == "QUIT" else p["stages"][stage]), str(tally.stages[stage])
    clean = [one for one in tally.relays.values() if one.host.stage == "OK"]
    delivered, bounced = sum(one.delivered for one in clean), sum(one.bounced for one in clean)
    yield "delivered", str(p["delivered"]), str(delivered)
    yield "bounced", str(p["bounced"]), str(bounced)
    yield "lost", "-", str(len(clean) - delivered - bounced)
    yield "human", str(p["human"]), str(tally.human)


def _m5_pairs(p: Mapping[str, Any], tally: SurveyTally) -> Iterator[tuple[str, str, str]]:
    known = "scanned" in p
    yield "scanned", str(p.get("scanned", "-")), str(tally.tested) if known else "-"
    yield "open_relays", str(p["open_relays"]), str(tally.accepted)
    yield "not_delivered", str(p["not_delivered"]), str(tally.accepted - tally.delivered)
    yield "confirmed", str(p["confirmed"]), str(tally.delivered)
    yield "non_relays", str(p.get("non_relays", "-")), str(tally.tested - tally.accepted) if known else "-"
    ours = {"hosts": tally.there, "closed": tally.closed, "filtered": tally.filtered, "open": tally.open}
    for figure, count in ours.items():
        yield figure, str(p[figure]), str(count)
    yield "successful", str(p["successful"]), str(tally.delivered)
    ours["confirmed"] = tally.delivered
    for share, (part, whole) in _SHARES.items():
        digits = len(p[share].partition(".")[2])
        yield share, p[share], percent(ours[part], ours[whole], digits)
    theirs = Counter(_named(name, listed) for name, listed in p["relays"])
    found = Counter(
        _named(named(one.host.greeting), one.lists is not None and bool(one.lists.on))
        for one in tally.relays.values()
        if one.delivered
    )
    for relay in sorted(theirs | found):
        yield f"relay: {relay}", str(theirs[relay]), str(found[relay])


def _named(name: str, listed: bool) -> str:
    return f"{name}, {'on a list' if listed else 'on no list'}"


def unexplained(rows: Sequence[Beside]) -> list[Beside]:
    """Those that differ and that no slip of the paper explains."""
    return [row for row in rows if "-" not in (row.paper, row.ours) and row.paper != row.ours and not row.why]


HEAD = """\
# Two relay studies, reproduced

Written by `make studies`: simulated mail servers on loopback, whose habits make the counts that the studies have
printed, are surveyed by `dnsbl survey run`, which has to find them by testing, and `dnsbl survey report --format
studies` sets what it has found beside the papers. Where a paper contradicts itself is reckoned from its own figures
(`dnsbl/rules/surveys/studies.py`).

The studies: Internet Mail Consortium, "Allowing Relaying in SMTP: A Series of Surveys" (IMCR-013, 1999), three surveys
of 500 hosts by one letter whose sender and recipient are in one domain (form S10); M5, "Statistical Analysis of Open
E-mail Relaying on the Internet" (2002), two ranges and a list of hosts, by a form that it does not tell (S01 here).
`lost` are letters that were accepted and of which nothing was heard: the papers have no such figure.
"""


def page(tallies: Sequence[SurveyTally]) -> str:
    """`docs/studies.md`: surveys with the names of studies beside these. Raises DnsblError."""
    lines = [HEAD]
    for tally in tallies:
        study, rows = tally.name, beside(tally.name, tally)
        lines += [f"## {papers()[study]['title']}", "", "| figure | paper | ours | difference | explained by |"]
        lines += ["|---|---|---|---|---|"]
        for row in rows:
            why = row.why or ("**nothing**" if row in unexplained(rows) else "")
            lines.append(f"| {_words(row.figure)} | {row.paper} | {row.ours} | {row.difference} | {why} |")
        lines.append("")
    lines += ["## Where the papers contradict themselves", "", "| paper | figure | slip |", "|---|---|---|"]
    titles = {"imc": "IMC, all surveys", "m5": "M5, ranges A and B"} | {
        name: p["title"] for name, p in papers().items()
    }
    lines += [f"| {titles[one.study]} | {_words(one.about)} | {one.words} |" for one in slips()]
    lines += ["", "## What their figures do not say", ""]
    lines += [f"- {name.upper()}: {words}" for name, some in READINGS.items() for words in some]
    return "\n".join(lines) + "\n"


def _words(figure: str) -> str:
    """A figure's name for people."""
    names = {
        "open_of_hosts": "open of hosts, %",
        "relays_of_hosts": "relays of hosts, %",
        "relays_of_open": "relays of open, %",
    }
    return names.get(figure, figure.replace("_", " "))
