"""Evidence on the command line: read it, and show who is nominated, by which line, and what else could be meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dnsbl.casework.doors import Taken
from dnsbl.cli import show, terminal
from dnsbl.errors import DnsblError, Refused
from dnsbl.opened import OpenedList
from dnsbl.rules.evidence import FILE_MOST
from dnsbl.web.shapes import nominated_shape, standing_shape
from tester.received import Reading, Step, Trace


def read(path: Path) -> bytes:
    """A file of evidence, or as much of it as is looked at. Raises DnsblError."""
    try:
        with path.open("rb") as file:
            return file.read(FILE_MOST)
    except OSError as error:
        raise DnsblError(f"{path}: cannot be read: {error.strerror}.") from None


def show_each(opened: OpenedList, taken: Sequence[Taken], total: int, *, as_json: bool) -> None:
    """Show what came of each message. Ends with the first refusal when nobody was nominated."""
    refused = next((each.refused for each in taken if each.refused is not None), None)
    if as_json:
        _document(opened, taken, total, refused)
    else:
        for each in taken:
            for line in _lines(opened, each, alone=len(taken) == 1):
                terminal.out().print(line)
        if total > len(taken):
            more = f"{total - len(taken)} of {total} messages were not read: hand them in apart."
            terminal.out().print(more)
    if all(each.job is None for each in taken):
        assert refused is not None
        terminal.fail(f"{refused} (--pick N)" if len(taken) == 1 and taken[0].case.asks else str(refused))


def _document(opened: OpenedList, taken: Sequence[Taken], total: int, refused: Refused | None) -> None:
    facts = {"messages": total, "nominations": [nominated_shape(each).model_dump(mode="json") for each in taken]}
    job = next((each.job for each in taken if each.job is not None), None)
    if job is not None:
        standing = opened.casework.views.look_up(job.address)
        show.document(
            standing_shape(standing, opened.zones.codes_of) | {"run_id": job.run, "done": "nominated"} | facts
        )
    elif refused is not None:
        error = {"error": str(refused), "reason": refused.reason, "retry_after": refused.retry_after}
        show.document(error | facts)


def _lines(opened: OpenedList, each: Taken, *, alone: bool) -> Iterator[str]:
    where = f"{each.case.where}: " if each.case.where else ""
    if each.job is not None:
        first, *others = show.job_lines(opened, each.job, "nominated")
        yield where + first
        yield from others
    elif not alone:
        yield f"{where}{each.refused}"
    if each.case.source is not None:
        yield f"The {each.case.report} report names {each.case.source} as its source."
    if each.case.trace is not None:
        yield from _chain(each.case.trace, each.case.line if each.job is not None else None)


def _chain(trace: Trace, used: Step | None) -> Iterator[str]:
    yield "Its Received lines, newest first" + (f"; line {used.number} was used:" if used else ":")
    for step in trace.steps:
        hop, passed = step.hop, "passed, " if step.reading is Reading.PASSED else ""
        client = f"{hop.name or hop.helo or '-'} [{hop.address}]" if hop.address else hop.helo or "-"
        said = f"{step.number:>3}  {client} to {hop.by or '-'}: {passed}{step.why}"
        if used is not None and step.number == used.number:
            yield f"> {said}"
        else:
            yield f"  {said}" + (f"; if this one is meant: --pick {step.number}" if step.possible else "")
