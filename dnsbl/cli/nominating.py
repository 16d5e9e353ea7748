"""Evidence on the command line: read it, and show who is nominated, by which line, and what else could be meant.

Files are read one after the other, each by itself: what is wrong with one is no other's fault. A folder stands for the
files in it, and a Maildir for its messages, read or not; folders in folders are left alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from dnsbl.cli import show, terminal
from dnsbl.errors import DnsblError, Refused
from dnsbl.opened import OpenedList
from dnsbl.rules.causes import hint_of
from dnsbl.rules.evidence import FILE_MOST
from dnsbl.rules.intake import Intake, Taken
from dnsbl.rules.trail import Belief, trail
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal
from dnsbl.web.shapes import nominated_shape, proofs_at, standing_shape
from tester.received.chain import Step, Trace
from tester.smtp import escape

#: Files of one request that are read.
FILES_MOST = 10_000
#: Standard input.
STDIN = Path("-")


def pieces(given: Sequence[Path]) -> tuple[Path, ...]:
    """The files of evidence that these paths stand for, in order. Raises DnsblError where one holds none, or there are
    too many."""
    found = tuple(islice((file for path in given for file in _files(path)), FILES_MOST + 1))
    if len(found) > FILES_MOST:
        raise DnsblError(f"These are more than {FILES_MOST} files; hand in a part of them at a time.")
    return found


def _files(path: Path) -> Iterator[Path]:
    if path == STDIN or not path.is_dir():
        yield path
        return
    rooms = [path / name for name in ("new", "cur") if (path / name).is_dir()]  # a Maildir, whose tmp is unfinished
    try:
        found = sorted(file for room in rooms or [path] for file in room.iterdir() if _counts(file))
    except OSError as error:
        raise DnsblError(f"{path}: cannot be read: {error.strerror}.") from None
    if not found:
        raise DnsblError(f"{path}: there is no file in this folder.")
    yield from found


def _counts(file: Path) -> bool:
    return not file.name.startswith(".") and file.is_file()


def read(path: Path) -> bytes:
    """A file of evidence, or as much of it as is looked at. Raises DnsblError."""
    try:
        if path == STDIN:
            return sys.stdin.buffer.read(FILE_MOST)
        with path.open("rb") as file:
            return file.read(FILE_MOST)
    except OSError as error:
        raise DnsblError(f"{path}: cannot be read: {error.strerror}.") from None


def read_each(
    files: Sequence[Path], intake: Callable[[bytes | None], tuple[tuple[Intake, ...], int]]
) -> tuple[tuple[Intake, ...], int]:
    """What `intake` makes of each file, and how many messages there are in all; without a file, of no evidence.

    Raises Refused and DnsblError where there is one file at most; of several, one that cannot be read is a case of its
    own.
    """
    if len(files) < 2:
        return intake(read(files[0]) if files else None)
    cases: list[Intake] = []
    messages = 0
    for file in files:
        try:
            found, total = intake(read(file))
        except DnsblError as error:
            refused = error if isinstance(error, Refused) else Refused(Refusal.NOT_MAIL, str(error))
            found, total = (Intake(where="", nomination=None, refused=refused, trace=None, line=None),), 1
        cases += (replace(case, where=", ".join(filter(None, (_named(file), case.where)))) for case in found)
        messages += total
    return tuple(cases), messages


def _named(file: Path) -> str:
    return "standard input" if file == STDIN else escape(os.fsencode(file))


def show_each(opened: OpenedList, taken: Sequence[Taken], total: int, *, as_json: bool, dry: bool = False) -> None:
    """Show what came of each message, or (`dry`) what would. Ends with the first refusal when nobody was nominated."""
    refused = next((each.refused for each in taken if each.refused is not None), None)
    if as_json:
        _document(opened, taken, total, refused, dry=dry)
    else:
        for each in taken:
            for line in _lines(opened, each, alone=len(taken) == 1):
                terminal.say(line)
        if total > len(taken):
            more = f"{total - len(taken)} of {total} messages were not read: hand them in apart."
            terminal.say(more)
    if refused is not None and all(each.job is None and (not dry or each.refused) for each in taken):
        terminal.fail(f"{refused} (--pick N)" if len(taken) == 1 and taken[0].case.asks else str(refused))


def _document(opened: OpenedList, taken: Sequence[Taken], total: int, refused: Refused | None, *, dry: bool) -> None:
    facts = {"messages": total, "nominations": [nominated_shape(each).model_dump(mode="json") for each in taken]}
    if dry:
        show.document({"done": "read"} | facts)
        return
    job = next((each.job for each in taken if each.job is not None), None)
    if job is not None:
        standing = opened.casework.views.look_up(job.address)
        shape = standing_shape(standing, opened.zones.codes_of, proofs=proofs_at(opened.settings))
        show.document(shape | {"run_id": job.run, "done": "nominated"} | facts)
    elif refused is not None:
        error = {"error": str(refused), "reason": refused.reason, "retry_after": refused.retry_after}
        show.document(error | facts)


def _lines(opened: OpenedList, each: Taken, *, alone: bool) -> Iterator[str]:
    where = f"{each.case.where}: " if each.case.where else ""
    if each.job is not None:
        first, *others = show.job_lines(opened, each.job, "nominated")
        yield where + first
        yield from others
    elif each.refused is None and each.case.nomination is not None:
        yield f"{where}{each.case.nomination.address}: would be nominated."
    elif not alone:
        yield f"{where}{each.refused}"
    if each.case.source is not None:
        yield f"The {each.case.report} report names {each.case.source} as its source."
    if each.case.trace is not None:
        used = each.case.line if each.case.nomination is not None else None  # also where that is refused
        yield from _chain(each.case.trace, used, opened.settings)
    if (found := hint_of(each.case)) is not None:
        yield f"It looks like {found.cause} ({found.sure}). {' '.join(found.reasons)}"


def _chain(trace: Trace, used: Step | None, settings: Settings) -> Iterator[str]:
    yield "Its Received lines, newest first" + (f"; line {used.number} was used:" if used else ":")
    steps = {step.number: step for step in trace.steps}
    for station in trail(trace, settings):
        if station.number not in steps:
            continue
        hop = steps[station.number].hop
        client = f"{hop.name or hop.helo or '-'} [{hop.address}]" if hop.address else hop.helo or "-"
        why = f" ({steps[station.number].why})" if station.belief in (Belief.OWN, Belief.NOTHING) else ""
        mine = used is not None and station.number == used.number
        pick = f"; if this one is meant: --pick {station.number}" if station.possible and not mine else ""
        yield f"{'>' if mine else ' '} {station.number:>3}  {client} to {hop.by or '-'}: {station.tag}{why}{pick}"
