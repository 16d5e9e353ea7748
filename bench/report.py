"""A run of the DNS bench in words: tables in Markdown, and the page under docs/. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bench.figures import (
    ECHO,
    GOALS,
    GUARDS_OFF,
    GUARDS_ON,
    OURS,
    RBLDNSD,
    Figure,
    Measured,
    Row,
    figures,
    growth,
    paired,
)

#: What each server is.
LEGEND = """\
`dnsbl` is `serve --only dns` with the compiled engine; `dnsbl, plain` the same with the plain one. rbldnsd holds the
list as `ip4set` and has no threads. NSD has A and TXT for every address, so it is asked at the smallest size only.
`echo` sends packets back and looks nothing up: the floor that the kernel sets. `2 threads` has two cores, which it
shares with dnsperf: its rate is no peak. `guards off` and `guards on` are asked with EDNS and a client's cookie; on
means a client list of 20 networks, rate limits far above the load, and cookies. Latency is at half the lower peak of
dnsbl and rbldnsd at that size (a slower server: half of its own). Where a server uses less than all of its core,
queries/s is what dnsperf manages on the other one."""


def cells(*row: str) -> str:
    """One row of a table."""
    return "| " + " | ".join(row) + " |"


def told(figure: Figure | None, *, spread: bool = False) -> str:
    """A figure for people, with its lowest and highest when they differ."""
    if figure is None:
        return "-"
    if spread and figure.low != figure.high:
        return f"{figure.value:.3g} ({figure.low:.3g} to {figure.high:.3g})"
    return f"{figure.value:.3g}"


def label(row: Row) -> str:
    """The number of entries, as tables show it."""
    return f"{row.size:,}" if row.size else "none"


def servers(measured: Measured) -> list[str]:
    """Every server with its medians, and its ratios within rounds to rbldnsd at the same size and to the echo."""
    lines = [
        "| entries | server | queries/s | CPU us/query | user | system | p50 us | p99 us | resident MB | loads in s "
        "| CPU / rbldnsd | CPU / echo | p99 / rbldnsd | lost |",
        "|---:|---|" + "---:|" * 12,
    ]
    for row in measured.rows:
        if not row.rounds:
            continue
        comparable = row.name not in (GUARDS_OFF, GUARDS_ON)  # these are asked otherwise
        other, floor = (measured.row(name, row.size) if comparable else None for name in (RBLDNSD, ECHO))
        lines.append(
            cells(
                label(row),
                row.name,
                f"{median(row.rates):,.0f}",
                f"{median(row.cpu):.2f}",
                f"{median(load.user for load in row.rounds):.2f}",
                f"{median(load.system for load in row.rounds):.2f}",
                f"{median(p50 for p50, _ in row.latency):.0f}" if row.latency else "-",
                f"{median(row.p99):.0f}" if row.latency else "-",
                f"{row.resident:.0f}",
                f"{row.loads_in:.2f}",
                told(paired(row, other, lambda one: one.cpu)),
                told(paired(row, floor, lambda one: one.cpu)),
                told(paired(row, other, lambda one: one.p99)),
                str(sum(load.lost for load in row.rounds)),
            )
        )
    return lines


def further(measured: Measured) -> list[str]:
    """What is not in the table of servers, a sentence each."""
    lines = []
    for name in (OURS, RBLDNSD):
        if (grown := growth(measured, name)) is not None:
            lines.append(f"- Resident memory of {name}: {grown:.1f} MB for each further million entries.")
    if measured.ready:
        shown = ", ".join(f"{seconds:.3f}" for seconds in measured.ready)
        lines.append(f"- From the imports to the first answer, mapped file of {measured.ready_size:,}: {shown} s.")
    if measured.store:
        shown = ", ".join(f"{micros:.2f}" for micros in measured.store)
        lines.append(f"- The first look at a store of {measured.store_size:,}: {shown} us of CPU a row.")
    if (listed := measured.listed) is not None:
        lines += [
            f"- One listing to {listed.size:,}, until it is answered: {times(listed.cpu)} ms of CPU and "
            f"{times(listed.quiet)} ms of time when idle, {times(listed.loaded)} ms of time under full load, in which "
            f"{listed.lost:,} of {listed.asked:,} queries were lost.",
            f"- A server that has followed a store of {listed.size:,}: {listed.resident:.0f} MB resident.",
        ]
        if listed.first is not None:
            lines.append(f"- A listing that came while the server first read that store: {1000 * listed.first:.0f} ms.")
    return lines


def files(measured: Measured) -> list[str]:
    """Every form of data file, ours beside rbldnsd."""
    lines = [
        "| form | lines | CPU us/query | rbldnsd | ratio | reading, s of CPU | rbldnsd | ratio "
        "| MB of memory | rbldnsd | ratio |",
        "|---|" + "---:|" * 10,
    ]
    for one in measured.files:
        lines.append(
            cells(
                one.form,
                label(one.ours),
                f"{median(one.ours.cpu):.2f}",
                f"{median(one.rbldnsd.cpu):.2f}",
                told(one.cpu, spread=True),
                f"{median(one.reads):.3f}",
                f"{median(one.their_reads):.3f}",
                f"{one.read:.3g}",
                f"{one.grown:.0f}",
                f"{one.their_grown:.0f}",
                f"{one.memory:.3g}",
            )
        )
    return lines


def times(seconds: Sequence[float]) -> str:
    """Milliseconds, the fewest first."""
    return ", ".join(f"{1000 * one:.0f}" for one in sorted(seconds))


def goals(measured: Measured) -> list[str]:
    """Each goal with its figure, and whether it is met."""
    found = figures(measured)
    lines = [cells("goal", "limit", "measured", "met"), "|---|---:|---:|---|"]
    for goal in GOALS:
        figure = found.get(goal.figure)
        met = "not measured" if figure is None else "met" if goal.met(figure) else "**missed**"
        lines.append(cells(goal.sentence, goal.bound, told(figure, spread=True), met))
    return lines


def page(measured: Measured, machine: str) -> str:
    """The page under docs/."""
    return "\n".join(
        [
            "# DNS: CPU, latency and memory beside other servers",
            "",
            "Written by `make bench-dns WRITE=1`; run it on your own machine. `bench/dns.py` tells what it does.",
            "",
            machine,
            "Every server runs alone on one core, dnsperf on another, in turn, round after round; half the questions",
            "are listed. Times depend on the machine's mood: compare within the run. Ratios are medians of pairs,",
            "in brackets the lowest and highest pair.",
            "",
            "## Goals",
            "",
            *goals(measured),
            "",
            "![Ratios to rbldnsd](bench-dns.svg)",
            "",
            "## Figures",
            "",
            *servers(measured),
            "",
            *further(measured),
            "",
            LEGEND,
            "",
            "## Data files",
            "",
            *files(measured),
            "",
            "A list of each form of rbldnsd's files, its lines in no order. Reading is all from the file to the engine",
            "that answers from it; rbldnsd's is what it has used when it first answers. Memory is what a process has",
            "more than with a file of one line.",
            "",
        ]
    )
