"""The figures of `bench.tester` as people read them, and what we ask of ourselves. Measures nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

OURS = "this tester"
IN_2002 = 165.0  #: seconds that the study's tool took for range A


def report(figures: Mapping[str, Any]) -> str:
    """The figures as people read them."""
    judged: list[Mapping[str, Any]] = figures["judged"]
    rows = [
        [
            "fleet",
            "tester",
            "addresses",
            "wall",
            "processor",
            "per address",
            "falsely accused",
            "missed",
            "verdicts off",
        ]
    ]
    for row in judged:
        ours = next(j for j in judged if j["fleet"] == row["fleet"])
        times = f" ({row['cpu'] / ours['cpu']:.2f} x)" if row is not ours else ""
        rows.append(
            [
                row["fleet"],
                row["who"],
                f"{row['addresses']:,}",
                f"{row['wall']:.2f} s",
                f"{row['cpu']:.2f} s{times}",
                f"{1000 * row['cpu'] / row['addresses']:.2f} ms",
                str(row["accused"]),
                str(row["missed"]),
                str(row["strange"]) if row is ours else "-",
            ]
        )
    costs = [["in flight", "servers", "wall", "processor per test", "memory per test"]]
    for cost in figures["costs"]:
        costs.append(
            [
                f"{cost['tests']:,}",
                cost["what"],
                f"{cost['wall']:.2f} s",
                f"{1000 * cost['cpu_each']:.2f} ms",
                f"{cost['memory_each'] / 1024:.1f} KiB",
            ]
        )
    gate, wall = figures["gate"], judged[0]["wall"]
    lines = [
        "Python {python}, {processors} processors, load {load_before:.1f} at the start".format_map(figures),
        "",
        _table(rows),
        "",
        f"Range A took {IN_2002:.0f} s in 2002: {IN_2002 / wall:.1f} times as long.",
        "",
        _table(costs),
        "",
        f"Gate: {gate['through']} of {gate['forgeries']:,} forged tokens came through, "
        f"{1e6 * gate['seconds'] / gate['forgeries']:.1f} us each.",
    ]
    lines += [f"{'kept  ' if kept else 'MISSED'}  {target}" for target, kept in targets(figures).items()]
    lines += [f"Not measured: {what}." for what in figures["skipped"]]
    if len(judged) == 2:
        lines.append("nmap is not installed, so nothing is compared; bench/install fetches it (as root, on Debian).")
    return "\n".join(lines)


def targets(figures: Mapping[str, Any]) -> dict[str, bool]:
    """What we ask of ourselves, and whether this run kept it."""
    ours = [row for row in figures["judged"] if row["who"] == OURS]
    each = {what: [c["cpu_each"] for c in figures["costs"] if c["what"] == what] for what in ("silent", "slow")}
    return {
        "no verdict is wrong": not any(row["accused"] + row["missed"] + row["strange"] for row in ours),
        "no forged token comes through": not figures["gate"]["through"],
        "range A takes 10 s at most": all(row["wall"] <= 10 for row in ours),
        "a test in flight takes 64 KiB at most": all(c["memory_each"] <= 64 * 1024 for c in figures["costs"]),
        "a test costs the same however many there are": all(max(c) <= 1.5 * min(c) for c in each.values() if c),
    }


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
