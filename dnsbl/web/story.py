"""What has happened to an address, newest first, from its listings and its tests. Pure; words only.

Of an address that is not listed no more is told of its tests than that the last one was made, and whether an open relay
was found (`words.OUTSIDE`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice

from dnsbl.errors import capital
from dnsbl.model import Listing, Standing
from dnsbl.vocabulary import Reason
from dnsbl.web import words
from tester.host import RELAYS
from tester.records import dataclass
from tester.verdict import Verdict

#: Events that are shown.
MOST = 14


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """One line of the timeline."""

    at: datetime
    look: str  #: of what has changed the listing: "listed" or "clear"; "next" of what is to come; else ""
    text: str
    more: str = ""  #: the reason, as a sentence of its own, or ""


def story(standing: Standing, now: datetime, theirs: Callable[[str], str]) -> list[Happening]:
    """The newest `MOST` events, newest first; what is to come before all. What may hold words of strangers is put
    through `theirs`."""
    told = [*_listings(standing), *_tests(standing, theirs)]
    told.sort(key=lambda event: event.at, reverse=True)
    return list(islice((*_ahead(standing, now), *told), MOST))


def _ahead(standing: Standing, now: datetime) -> Iterator[Happening]:
    for coming in reversed(standing.forthcoming):
        what = words.CODE.get(coming.kind, coming.kind)
        yield Happening(at=coming.due, look="next", text=f"To be listed as {what}, unless that is over until then")
    if standing.next_test and standing.next_test > now:
        yield Happening(at=standing.next_test, look="next", text="The next test is due")


def _listings(standing: Standing) -> Iterator[Happening]:
    for one in (*standing.listings, *standing.past):
        yield Happening(at=one.since, look="listed", text=f"Listed: {_as(one)}", more=_reason(one.reason))
        if one.ended:
            why = _reason(one.end_reason) if one.end_reason else ""
            yield Happening(at=one.ended, look="clear", text=f"Off the list: {_as(one)}", more=why)


def _as(one: Listing) -> str:
    named = words.CODE.get(one.kind, f"“{one.kind}”, by an operator")
    return named if one.network.prefixlen == one.network.max_prefixlen else f"{one.network}, {named}"


def _reason(reason: Reason) -> str:
    return capital(words.REASON[reason])


def _tests(standing: Standing, theirs: Callable[[str], str]) -> Iterator[Happening]:
    if not standing.listings:
        last = next((run for run in standing.runs if run.verdict is not None), None)
        if last is not None and last.verdict is not None:
            yield Happening(at=last.started, look="", text="Tested", more=words.OUTSIDE[last.verdict].rstrip("."))
        return
    since = min(one.since for one in standing.listings)
    for run in standing.runs:
        came = words.CAME_TO[run.verdict] if run.verdict else "its result is still to come"
        if run.verdict is Verdict.INCONCLUSIVE and run.explanation:
            came = theirs(run.explanation).rstrip(".")
        if run.verdict in RELAYS and run.started >= since:
            came = f"still open, {came}"
        yield Happening(at=run.started, look="", text=words.TESTED[run.reason], more=capital(came))
