"""Which events an operator's log has, and telling one. `docs/monitoring.md` has the same table.

A fact is anything with a text; `lines` bounds and escapes it when it is written, and nobody else does. An event that
strangers can bring about as often as they like is `spared`: of a flood the first ones are written, all are counted.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from logging import DEBUG, ERROR, INFO, WARNING
from types import MappingProxyType
from typing import Any

from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """One sort of event."""

    level: int
    sentence: str  #: for people; names facts in braces
    facts: tuple[str, ...]  #: those that it may come with
    counted: tuple[str, ...] = ()  #: those of few values, by which it is counted
    amount: str = ""  #: the fact that says how many are counted at once, where it is not one
    spared: bool = False  #: whether a flood of it is kept out of the log


#: What every event has that is an entry of the journal.
ENTERED = ("entry", "actor", "address", "reason", "before", "after", "run", "evidence")


def _entry(
    sentence: str, *, level: int = INFO, also: tuple[str, ...] = (), counted: tuple[str, ...] = (), amount: str = ""
) -> Telling:
    return Telling(level=level, sentence=sentence, facts=(*ENTERED, *also), counted=counted, amount=amount)


EVENTS: Mapping[str, Telling] = MappingProxyType(
    {
        # a list and its parts
        "list-started": Telling(
            level=INFO,
            sentence="dnsbl {version} is at work as {roles}",
            facts=("version", "roles", "engine", "process", "state_dir"),
        ),
        "list-stopped": Telling(
            level=INFO, sentence="dnsbl {version} has ended its work as {roles}", facts=("version", "roles", "process")
        ),
        "part-started": Telling(level=INFO, sentence="{name} is at work", facts=("name", "version")),
        "part-stopped": Telling(level=INFO, sentence="{name} has stopped", facts=("name", "version")),
        "part-down": Telling(
            level=ERROR,
            sentence="{name} is down, and is begun again in {pause} s: {why}",
            facts=("name", "pause", "why"),
            counted=("name",),
        ),
        "zones-read": Telling(level=INFO, sentence="the zone files were read again", facts=("zones", "roles")),
        "zones-kept": Telling(
            level=ERROR, sentence="the zones stay as they were: {mistake}", facts=("mistake", "roles")
        ),
        # doors
        "nomination-taken": _entry("{address} is nominated by {actor}", also=("door", "nomination"), counted=("door",)),
        "nomination-refused": Telling(
            level=INFO,
            sentence="a nomination of {address} by {actor} is refused ({reason})",
            facts=("address", "actor", "door", "reason"),
            counted=("door", "reason"),
            spared=True,
        ),
        "removal-asked": _entry("{actor} asks for the removal of {address}", also=("door",), counted=("door",)),
        "removal-refused": Telling(
            level=INFO,
            sentence="a request of {actor} for the removal of {address} is refused ({reason})",
            facts=("address", "actor", "door", "reason"),
            counted=("door", "reason"),
            spared=True,
        ),
        "login": _entry("{actor} has signed in, {evidence}"),
        "login-refused": Telling(
            level=WARNING,
            sentence="nobody is signed in as {actor} from {address} ({reason})",
            facts=("actor", "address", "reason"),
            counted=("reason",),
            spared=True,
        ),
        # tests
        "test-queued": _entry("a test of {address} is {after} ({reason})", counted=("reason",)),
        "test-begun": _entry("the test of {address} begins ({reason}, run {run})", counted=("reason",)),
        "test-given-up": _entry("the test of {address} is given up (run {run})", level=WARNING),
        "letters-filed": _entry("{count} letters for {address} are filed (run {run})", also=("count",), amount="count"),
        "connection-made": _entry("a connection to {address} is over: {after} (run {run})", level=DEBUG),
        "letter-returned": _entry("{actor}: {reason}, about {address} (run {run})", counted=("reason",)),
        "test-waits": _entry("all is said to {address}, and letters of the run {run} may come back"),
        "test-judged": _entry("the run {run} of {address} has come to {after}", counted=("after",)),
        # the list
        "listed": _entry("{address} is {after}, by {actor} ({reason})", also=("kind",), counted=("kind", "reason")),
        "listing-renewed": _entry("{address} stays {after} ({reason})", also=("kind",), counted=("kind",)),
        "delisted": _entry(
            "{address} is no longer {before}, by {actor} ({reason})", also=("kind",), counted=("reason",)
        ),
        "testing-stopped": _entry("{actor} has stopped all testing: {evidence}", level=WARNING),
        "testing-resumed": _entry("{actor} has taken up testing again", level=WARNING),
        "entered": _entry("{verb} {address}, by {actor} ({reason})", also=("verb",)),
        # our own mail
        "notice-queued": _entry("a mail about {address} is queued ({reason})", also=("notice",), counted=("reason",)),
        "notice-sent": _entry("the mail {notice} about {address} is sent ({reason})", also=("notice",)),
        "notice-failed": _entry(
            "the mail {notice} about {address} has failed: {evidence}", level=WARNING, also=("notice",)
        ),
        "notice-put-off": Telling(
            level=INFO, sentence="the mail {notice} is {what}: {reply}", facts=("notice", "what", "reply", "address")
        ),
        # what goes to other name servers
        "transfer": Telling(
            level=INFO,
            sentence="{client} has fetched {zone} by {way}, up to serial {serial}",
            facts=("client", "zone", "way", "serial", "key"),
        ),
        "transfer-refused": Telling(
            level=INFO,
            sentence="{client} is refused {zone} by {way}: {why}",
            facts=("client", "zone", "way", "why"),
            spared=True,
        ),
        "secondary-silent": Telling(
            level=WARNING,
            sentence="{server} has not taken the news of {zone}: {why}",
            facts=("server", "zone", "why"),
        ),
        "serials-begun": Telling(
            level=INFO, sentence="the serials of all zones go on from {serial}: {why}", facts=("serial", "why")
        ),
        "table-published": Telling(
            level=INFO, sentence="the table is published as change {change}", facts=("change", "serial", "files")
        ),
    }
)


def tell(log: logging.Logger, event: str, **facts: object) -> None:
    """Tell of an event, by the logger of the module that knows of it. Raises KeyError for one that there is not, and
    ValueError for a fact that it does not have: a mistake in the code, which any test of it shows.
    """
    told = EVENTS[event]
    if strange := facts.keys() - set(told.facts):
        raise ValueError(f"the event {event} has no {', '.join(sorted(strange))}")
    if log.isEnabledFor(told.level):
        sentence = told.sentence.format_map(_Known(facts))
        log.log(told.level, "%s", sentence, extra={"event": event, "facts": facts, "spared": told.spared})


class _Known(dict[str, Any]):
    """Facts, where one that is not known is a dash."""

    def __missing__(self, name: str) -> str:
        return "-"


def refused(
    log: logging.Logger, *, door: object, actor: str, reason: str, address: object = "nobody", removal: bool = False
) -> None:
    """A request has come to nothing, of which the journal has no entry; `reason` is a `vocabulary.Refusal`."""
    event = "removal-refused" if removal else "nomination-refused"
    tell(log, event, address=address, actor=actor, door=door, reason=reason)
