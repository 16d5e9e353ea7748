"""What a test has come to, for people and for programs: the exit status, the JSON document, a text, a table. Pure.

A host is open as soon as what came back on any of its paths convicts it, and closed only when it was tried on one at
least and none relays; everything else could not be told. A host has one judgement, `whole`, made of its paths'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from tester.cause import Explained, advice
from tester.fate import Fate
from tester.host import RELAYS
from tester.paths import Path
from tester.records import dataclass
from tester.smtp import DELIVERED, Control, Flag
from tester.trial import Trial
from tester.verdict import Judgement, Verdict

Address = IPv4Address | IPv6Address

#: Exit statuses: closed, open, could not be told (or nothing was tested).
CLOSED, OPEN, UNTOLD = 0, 1, 2
#: Verdicts that say of a path that it does not relay.
_CLOSED = frozenset({Verdict.CLOSED, Verdict.ACCEPTS_BOUNCES})
#: What is said of a path where nobody answered.
UNREACHED = "No connection came about."
#: What a status is called in the document.
RESULTS = {CLOSED: "closed", OPEN: "open", UNTOLD: "unknown"}


@dataclass(frozen=True, kw_only=True, slots=True)
class PathFound:
    """What one path has shown."""

    path: Path
    judgement: Judgement
    control: Control
    fates: tuple[Fate, ...]  #: its letters, in the order of trial
    outputs: frozenset[Address]  #: who delivered letters of it
    tried: bool  #: whether it was dialled; once a letter has come back, what is left is not

    @property
    def open(self) -> bool:
        """Whether it relays by what came back, also where the list would look once more (a second machine): not where
        one letter came back and another, unlike it, did not."""
        return self.judgement.verdict in RELAYS or self.judgement.confirm


@dataclass(frozen=True, kw_only=True, slots=True)
class HostFound:
    """What one host has shown."""

    address: Address
    paths: tuple[PathFound, ...]
    cause: Explained | None = None  #: where a letter came back, and it was asked for
    flags: frozenset[Flag] = frozenset()  #: remarks that decide nothing
    left_out: str = ""  #: why nothing was tested, a sentence; then there are no paths
    whole: Judgement = field(init=False)  #: over all its paths

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole", together(self.paths, self.left_out))

    @property
    def status(self) -> int:
        """CLOSED, OPEN or UNTOLD."""
        return status(self.whole, self.paths)

    @property
    def outputs(self) -> list[str]:
        """Who delivered its letters."""
        return sorted({str(address) for one in self.paths for address in one.outputs})


def visited(trial: Trial, path: Path, *, profile: str, tried: bool, undialled: str = "") -> PathFound:
    """What the one visit to a path has shown. What was put off may pass later, and what was accepted may still come;
    where nobody answered, nobody knocks again, which is judged as after the last try. `undialled` says why our own
    machine could not dial it (to the end), a sentence, so that it is no path that is closed."""
    judgement = trial.judge(profile=profile, window_closed=False, retries_left=True, unreachable_before=2)
    if undialled and judgement.verdict not in RELAYS:
        judgement = Judgement(verdict=Verdict.INCONCLUSIVE, final=False, confirm=False, reason=undialled)
    elif judgement.verdict is Verdict.UNREACHABLE:
        judgement = replace(judgement, reason=UNREACHED)
    return PathFound(
        path=path,
        judgement=judgement,
        control=trial.control,
        fates=tuple(trial.fates),
        outputs=frozenset(trial.output_addresses),
        tried=tried or bool(undialled),
    )


def closed(verdict: Verdict) -> bool:
    """Whether it says of a path that it does not relay."""
    return verdict in _CLOSED


def together(paths: Sequence[PathFound], left_out: str) -> Judgement:
    """One judgement of a host. Open where any path is; a path that nobody answers at is no door, and closes with those
    that answer. Of several that could not be told the first speaks. `left_out` says why none was tried, or is ""."""
    tried = [one for one in paths if one.tried]
    if not tried:
        sentence = left_out or "Nothing was tested."
        return Judgement(verdict=Verdict.INCONCLUSIVE, final=False, confirm=False, reason=sentence)
    several = len(paths) > 1

    def said(one: PathFound) -> Judgement:
        reason = f"{one.path.name}: {one.judgement.reason}" if several else one.judgement.reason
        return replace(one.judgement, reason=reason)

    sure = [one for one in tried if one.judgement.verdict in RELAYS]
    back = sure or [one for one in tried if one.open] or [one for one in tried if _back(one)]
    if back:
        return said(back[0])
    there = [one for one in tried if one.judgement.verdict is not Verdict.UNREACHABLE]
    doubtful = [one for one in there if not closed(one.judgement.verdict)]
    if doubtful or not there or not several:
        return said((doubtful or tried)[0])
    bounces = any(one.judgement.verdict is Verdict.ACCEPTS_BOUNCES for one in there)
    shut = len(tried) - len(there)
    beside = f"; on {shut} more nobody answers" if shut else ""
    return Judgement(
        verdict=Verdict.ACCEPTS_BOUNCES if bounces else Verdict.CLOSED,
        final=all(one.judgement.final for one in there),
        confirm=False,
        reason=f"No path relays: {len(there)} of {len(tried)} were tried out{beside}.",
    )


def status(whole: Judgement, paths: Iterable[PathFound]) -> int:
    """Of a host with these paths, judged so as a whole."""
    if whole.verdict in RELAYS or any(one.open for one in paths):
        return OPEN
    return CLOSED if closed(whole.verdict) and whole.final else UNTOLD


def overall(hosts: Iterable[HostFound]) -> int:
    """The exit status of several: open when one is, else not told when one is not."""
    found = {host.status for host in hosts}
    return OPEN if OPEN in found else CLOSED if found == {CLOSED} else UNTOLD


def document(host: HostFound) -> dict[str, Any]:
    """One host as JSON."""
    whole = host.whole
    return {
        "address": str(host.address),
        "result": RESULTS[host.status],
        "verdict": whole.verdict,
        "final": whole.final,
        "confirm": whole.confirm,
        "reason": whole.reason,
        "control": host.paths[0].control if host.paths else Control.NOT_RUN,
        "attempts": [
            {
                "address": str(one.path.address),
                "port": one.path.port,
                "vector": fate.letter.vector,
                "outcome": fate.folded,
                "reply": fate.reply,
            }
            for one in host.paths
            for fate in one.fates
        ],
        "paths": [
            {
                "address": str(one.path.address),
                "port": one.path.port,
                "tls": one.path.encrypted,
                "verdict": one.judgement.verdict if one.tried else None,
                "reason": one.judgement.reason if one.tried else "Not tried: a letter had come back before.",
            }
            for one in host.paths
        ],
        "output_addresses": host.outputs,
        "flags": sorted(host.flags),
        "cause": _cause(host.cause),
    }


def text(host: HostFound) -> str:
    """One host's attempts and judgement, for people."""
    lines: list[str] = []
    for one in host.paths:
        if len(host.paths) > 1:
            lines.append(f"{one.path.name}: {one.judgement.verdict if one.tried else 'not tried'}")
            if not one.tried:
                continue
        lines += [f"{fate.letter.vector:6}{fate.folded:22}{fate.reply}".rstrip() for fate in one.fates]
        lines.append(f"{'':6}control: {one.control}")
    lines.append(f"{host.whole.verdict}: {host.whole.reason}")
    if not host.whole.final:
        lines.append("This is not final: letters or later tries are outstanding.")
    lines += [f"flags: {', '.join(sorted(host.flags))}"] if host.flags else []
    return "\n".join([*lines, *explained(host.cause)])


def explained(cause: Explained | None) -> list[str]:
    """Why it relays and what closes it, as lines."""
    if cause is None:
        return []
    lines = ["", f"Why ({cause.cause}, {cause.sure}):", *(f"  {reason}" for reason in cause.reasons)]
    lines.append("What closes it:")
    for one in advice(cause.cause, cause.software):
        lines.append(f"  {f'[{one.setup}] ' if one.setup else ''}{one.change}")
        lines += [f"    {one.file}:"] if one.file else []
        lines += [f"      {line}" for line in one.lines]
        lines += [f"    then: {one.then}"] if one.then else []
    return lines


def table(hosts: Sequence[HostFound]) -> str:
    """Several hosts, a line each, and each path that is not closed below it."""
    rows = [("HOST", "RESULT", "VERDICT", "WHY")]
    for host in hosts:
        cause = f" [{host.cause.cause}]" if host.cause else ""
        verdict = "-" if host.left_out else str(host.whole.verdict)
        rows.append((str(host.address), RESULTS[host.status], verdict, f"{host.whole.reason}{cause}"))
        for one in host.paths if len(host.paths) > 1 else ():
            if one.tried and one.judgement.verdict is not Verdict.UNREACHABLE:
                rows.append((f"  port {one.path.port}", "", str(one.judgement.verdict), one.judgement.reason))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    counts = [sum(host.status == kind for host in hosts) for kind in (OPEN, CLOSED, UNTOLD)]
    return "\n".join([*lines, f"{counts[0]} open, {counts[1]} closed, {counts[2]} could not be told."])


def _back(one: PathFound) -> bool:
    return any(fate.folded in DELIVERED for fate in one.fates)


def _cause(cause: Explained | None) -> dict[str, Any] | None:
    if cause is None:
        return None
    return {
        "name": cause.cause,
        "sure": cause.sure,
        "reasons": list(cause.reasons),
        "software": cause.software,
        "advice": [one.change for one in advice(cause.cause, cause.software)],
    }
