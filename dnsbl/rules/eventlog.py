"""The event log: the journal and what DNS must answer, as lines that are only ever added to a file on another machine.

Pure. A line is one entry of the journal or one change, as JSON; the journal's hashes hold the entries together, so a
reader sees what is missing or was altered. A line that was cut off by a crash is passed over, since it comes once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime

from dnsbl.addresses import parse_network
from dnsbl.errors import Damaged
from dnsbl.model import Change, Entry
from tester.records import dataclass

_NAMES = [field.name for field in fields(Entry)]


@dataclass(frozen=True, kw_only=True, slots=True)
class EventLog:
    """What was read of one."""

    entries: tuple[Entry, ...]  #: in order, without gaps
    changes: tuple[Change, ...]  #: in order, without gaps


def lines(entries: Iterable[Entry], changes: Iterable[Change]) -> Iterator[str]:
    """These as lines, each with its end; changes go first, so that an entry's changes stand before it."""
    for change in changes:
        facts = [change.seq, str(change.network), change.kind, change.present]
        yield json.dumps({"change": facts}, separators=(",", ":")) + "\n"
    for entry in entries:
        told = {name: getattr(entry, name) for name in _NAMES} | {"at": entry.at.isoformat()}
        yield json.dumps({"entry": told}, separators=(",", ":")) + "\n"


def read(given: Iterable[str], *, entries_after: int = 0, changes_after: int = 0) -> EventLog:
    """What stands behind these numbers. Raises Damaged where something is missing or does not hold together."""
    entries: dict[int, Entry] = {}
    changes: dict[int, Change] = {}
    newest = 0
    for line in given:
        found = _read(line)
        if isinstance(found, Entry):
            newest = max(newest, found.seq)
            if found.seq > entries_after and entries.setdefault(found.seq, found) != found:
                raise Damaged(f"The event log has two entries {found.seq}.")
        elif found is not None and found.seq > changes_after and changes.setdefault(found.seq, found) != found:
            raise Damaged(f"The event log has two changes {found.seq}.")
    for name, numbers, after in ("an entry", entries, entries_after), ("a change", changes, changes_after):
        if sorted(numbers) != list(range(after + 1, after + len(numbers) + 1)):
            raise Damaged(f"The event log lacks {name} behind number {after}.")
    if newest < entries_after:
        raise Damaged(f"The event log ends at entry {newest}, before {entries_after}: it cannot tell what came after.")
    return EventLog(
        entries=tuple(entries[n] for n in sorted(entries)), changes=tuple(changes[n] for n in sorted(changes))
    )


def last(given: Iterable[str]) -> tuple[Entry | None, int]:
    """The newest entry in some lines, and the number of the newest change, 0 without one."""
    entry, change = None, 0
    for line in given:
        found = _read(line)
        if isinstance(found, Entry) and (entry is None or found.seq > entry.seq):
            entry = found
        elif isinstance(found, Change):
            change = max(change, found.seq)
    return entry, change


def _read(line: str) -> Entry | Change | None:
    """What a line says; None for one that was cut off."""
    try:
        match json.loads(line):
            case {"entry": dict(told)}:
                return Entry(**told | {"at": datetime.fromisoformat(told["at"])})
            case {"change": [int(seq), str(network), str(kind), bool(present)]}:
                return Change(seq=seq, network=parse_network(network), kind=kind, present=present)
    except (ValueError, TypeError, KeyError):
        pass
    return None
