"""`dnsbl status`: the picture of the list (`casework.oversight`) on one screen, for people or for programs. Holds no
rule: the first page of the operators' side tells the same numbers from the same record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from dnsbl.casework.oversight import Check, Summary, checks
from dnsbl.casework.standstill import without_store
from dnsbl.cli import show, terminal
from dnsbl.cli.later import later
from dnsbl.clock import SystemClock
from dnsbl.config import unanswered_kinds
from dnsbl.errors import SettingsError, StoreUnavailable
from dnsbl.files import shortage
from dnsbl.health import Health
from dnsbl.opened import OpenedList
from dnsbl.settings import Settings

with later():
    from dnsbl.cli import drawing

#: Seconds between two drawings.
AGAIN = 2.0


def show_status(opened: OpenedList, *, watch: bool, as_json: bool) -> None:
    """How the list does: once, or, on a terminal, until Ctrl-C."""
    if not watch or as_json or not terminal.out().is_terminal:
        if as_json:
            summary, here = _look(opened)
            show.document(told(summary, here) | {"notes": list(notes(opened))})
        else:
            terminal.say("\n".join(_screen(opened)))
        return
    with drawing.Live(console=terminal.out(), screen=True, auto_refresh=False) as live:
        try:
            while True:
                said = "\n".join(_screen(opened))
                live.update(drawing.Text(said, no_wrap=False, overflow="fold"), refresh=True)
                time.sleep(AGAIN)
        except KeyboardInterrupt:
            return


def known(error: StoreUnavailable, settings: Settings) -> StoreUnavailable:
    """The same error, with what is known of testing without a store."""
    still = without_store(settings, SystemClock().now())
    return StoreUnavailable(f"{error} Nobody is dialled: {still.why}.", trouble=error.trouble) if still else error


def notes(opened: OpenedList) -> Iterator[str]:
    """What of the settings keeps the list from doing what is meant, as `check-config` says it."""
    if opened.settings.web.unnamed_proxy:
        yield opened.settings.web.unnamed_proxy
    try:
        yield from unanswered_kinds(opened.settings, opened.zones)
    except SettingsError as error:
        yield from error.mistakes


def _screen(opened: OpenedList) -> Iterator[str]:
    yield from lines(*_look(opened))
    for note in notes(opened):
        yield f"note: {note}"


def _look(opened: OpenedList) -> tuple[Summary, list[Health]]:
    """The picture, and what is to be seen of this machine without asking a process."""
    summary = opened.casework.oversight.summary()
    full = shortage(opened.settings.service.state_dir)
    return summary, [Health(part="disk", up=not full, since=summary.at, why=full, begun=0)]


def told(summary: Summary, here: Sequence[Health] = ()) -> dict[str, Any]:
    """The picture as one JSON document."""
    postage = summary.postage
    return {
        "at": _at(summary.at),
        "needs": [_row(check) for check in checks(summary, here) if not check.fine],
        "testing": summary.held or summary.quiet or "on",
        "listings": summary.withheld or None,
        "clock": summary.strange or None,
        "nodes": [
            {"process": sign.process, "roles": sign.roles, "seen": _at(sign.seen), "down": sign.down}
            for sign in summary.signs
        ],
        "unmanned": summary.unmanned,
        "queue": {
            "waiting": summary.waiting,
            "oldest": _at(summary.oldest),
            "reasons": {one.reason: {"waiting": one.count, "oldest": _at(one.oldest)} for one in summary.queue},
        },
        "running": {
            "tests": summary.running,
            "places": summary.places,
            "first": [asdict(test) | {"address": str(test.address)} for test in summary.tests],
        },
        "due": {"hour": summary.due_hour, "day": summary.due_day},
        "listed": summary.listed,
        "today": {
            "listed": summary.begun,
            "listed_yesterday": summary.begun_before,
            "delisted": summary.ended,
            "verdicts": summary.verdicts,
            "nominations": summary.nominated,
            "returns": summary.returns,
            "last_return": _at(summary.last_return),
        },
        "proposals": summary.proposals,
        "lapsing": summary.lapsing,
        "letters": summary.letters,
        "notices": {
            "on": postage.on,
            "waiting": postage.waiting,
            "oldest": _at(postage.oldest),
            "sent": postage.sent,
            "failed": postage.failed,
            "withheld": postage.withheld,
            "silenced": postage.silenced,
        },
        "lookups": [asdict(each) for each in summary.asked],
    }


def lines(summary: Summary, here: Sequence[Health] = ()) -> Iterator[str]:
    """The picture for people."""
    found = checks(summary, here)
    needs = [check for check in found if not check.fine]
    fine = len(found) - len(needs)
    yield f"as of {show.when(summary.at)}"
    yield f"needs you: {'nothing' if not needs else len(needs)}; {fine} checks are fine"
    for check in needs:
        yield f"  {check.title}. {check.detail}".rstrip()
    yield f"testing: {summary.held or summary.quiet or 'on'}"
    yield f"listings: {summary.withheld or 'end when their time has come'}"
    yield f"clock: {summary.strange or 'believed'}"
    since = f", the oldest since {show.when(summary.oldest)}" if summary.oldest else ""
    yield f"queue: {summary.waiting} waiting{since}"
    for one in summary.queue:
        yield f"  {one.reason}: {one.count}, the oldest since {show.when(one.oldest)}"
    yield f"running: {summary.running} of {summary.places} places"
    for test in summary.tests:
        yield f"  {test.address} ({test.reason}): {test.where}, {test.tried} of {test.of} forms"
    yield f"due: {summary.due_hour} within an hour, {summary.due_day} within a day"
    yield f"listed: {sum(summary.listed.values())} ({_counts(summary.listed)})"
    yield f"new listings today: {summary.begun} (yesterday {summary.begun_before})"
    yield f"delistings today: {sum(summary.ended.values())} ({_counts(summary.ended)})"
    yield f"verdicts today: {sum(summary.verdicts.values())} ({_counts(summary.verdicts)})"
    yield f"nominations today: {sum(summary.nominated.values())} ({_counts(summary.nominated)})"
    last = f", the last at {show.when(summary.last_return)}" if summary.last_return else ""
    yield f"collector today: {sum(summary.returns.values())} ({_counts(summary.returns)}){last}"
    for each in summary.asked:
        heard = "" if each.heard else ", and is not heard: no such account, or suspended"
        yield (
            f"questions of {each.client}: {each.remembered} addresses remembered, {each.today} new today, "
            f"{each.waiting} candidates{heard}"
        )
    for sign in summary.signs:
        yield f"at work: {sign.process} ({' '.join(sign.roles)}), seen {show.when(sign.seen)}"
    yield _mail(summary)


def _mail(summary: Summary) -> str:
    postage = summary.postage
    if not postage.on and not postage.waiting:
        return "mail: off (notices.smarthost is not set)"
    since = f", the oldest since {show.when(postage.oldest)}" if postage.oldest else ""
    return (
        f"mail: {postage.waiting} waiting{since}; in the last day {postage.sent} sent and {postage.failed} failed; "
        f"{postage.withheld} left out today; {postage.silenced} addresses silenced"
    )


def _row(check: Check) -> dict[str, Any]:
    return {"what": check.what, "title": check.title, "detail": check.detail, "urgent": check.urgent}


def _counts(found: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.items()) or "none"


def _at(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None
