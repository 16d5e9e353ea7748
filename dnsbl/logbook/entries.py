"""An entry of the journal as the event that it is of. Told when its transaction is committed, never before: a line in
the log about what never came to be would be worse than none.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

from dnsbl.logbook.events import EVENTS, tell
from dnsbl.model import Entry
from dnsbl.vocabulary import Door, JobState, NoticeState, RunState

_log = logging.getLogger("dnsbl.journal")

_EVENTS = {
    "nominated": "nomination-taken",
    "asked-removal": "removal-asked",
    "letters": "letters-filed",
    "session": "connection-made",
    "return": "letter-returned",
    "run": "test-judged",
    "listed": "listed",
    "renewed": "listing-renewed",
    "delisted": "delisted",
    "dropped": "delisted",
    "withdrawn": "delisted",
    "expired": "delisted",
    "signed-in": "login",
    "stopped": "testing-stopped",
    "resumed": "testing-resumed",
}
_JOBS: dict[str, str] = {JobState.RUNNING: "test-begun", "given up": "test-given-up"}
_NOTICES: dict[str, str] = {
    NoticeState.QUEUED: "notice-queued",
    NoticeState.SENT: "notice-sent",
    NoticeState.FAILED: "notice-failed",
}
#: How evidence names what it rests on.
_IDS = re.compile(r"\b(run|nomination|notice) ([A-Za-z0-9_-]{1,64})")
_COUNT = re.compile(r"(\d{1,9}) filed")


def event_of(entry: Entry) -> str:
    """The name of the event that this entry is of."""
    if entry.verb == "job":
        return _JOBS.get(entry.after, "test-queued")
    if entry.verb == "run" and entry.after == RunState.WAITING:
        return "test-waits"
    if entry.verb == "notice":
        return _NOTICES.get(entry.after, "entered")
    return _EVENTS.get(entry.verb, "entered")


def facts_of(entry: Entry, event: str) -> dict[str, Any]:
    """The facts of it that the event has; those that the entry is silent about are left out."""
    door = entry.actor.partition(" ")[0]
    kinds = [kind for text in (entry.after, entry.before) if (kind := text.removeprefix("listed ")) != text]
    count = _COUNT.match(entry.after)
    found: dict[str, Any] = {
        "entry": entry.seq,
        "actor": entry.actor,
        "address": entry.subject,
        "reason": entry.reason,
        "before": entry.before,
        "after": entry.after,
        "evidence": entry.evidence,
        "verb": entry.verb,
        "door": door if door in set(Door) else "",
        "kind": kinds[0] if kinds else "",
        "count": int(count[1]) if count else "",
    }
    for name, value in reversed(_IDS.findall(entry.evidence)):  # the first of each sort is what it is about
        found[name] = value
    return {name: value for name, value in found.items() if value != "" and name in EVENTS[event].facts}


def told(entries: Iterable[Entry]) -> None:
    """Tell of entries that were made, in order."""
    for entry in entries:
        event = event_of(entry)
        tell(_log, event, **facts_of(entry, event))
