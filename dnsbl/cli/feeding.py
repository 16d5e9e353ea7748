"""`dnsbl feed` and `dnsbl candidates`: lists of others. Reads the words, calls one verb, shows what came of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, Reason, operator, reason_of
from dnsbl.errors import DnsblError

with later():
    from dnsbl import casework, model, settings
    from dnsbl import opened as lists
    from dnsbl.cli import drawing, nominating, show, terminal
    from dnsbl.daemons import feeder
    from dnsbl.rules import feeds as read

feeds = typer.Typer(help="Lists of suspects that reporters publish.", no_args_is_help=True)
candidates = typer.Typer(help="Suspects that wait for their turn to be nominated.", no_args_is_help=True)


@feeds.command("list")
def feed_list(config: Config = None, as_json: Json = False) -> None:
    """Every feed of the settings, and what came of it last."""
    found = lists.open_list(config).casework.feeding.states()
    if as_json:
        show.document({"feeds": [_feed_row(*each) for each in found]})
        return
    table = drawing.Table("feed", "place", "asked", "what came of it")
    for source, state, account in found:
        row = _feed_row(source, state, account)
        table.add_row(source.name, source.place, row["asked"] or "-", row["said"] or "-")
    terminal.rows(table, nothing="No feed is named in feeds.sources.")


@feeds.command("pull")
def feed_pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The feed, by its reporter's name.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Pull one feed now, due or not."""
    opened = lists.open_list(config)
    puller = feeder.Feeder(opened.casework.feeding, opened.settings)
    pulled = puller.pull_each(only=name.strip().lower(), actor=operator())
    if not pulled:
        raise DnsblError(f"feeds.sources names no {name[:40]!r} whose reporter has an account that is not suspended.")
    if pulled[0].error:
        raise DnsblError(pulled[0].error)
    _show(pulled[0].came, as_json=as_json)


@candidates.command("import")
def candidates_import(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An address or JSON object a line; - is standard input.")
    ],
    reason: Reason = "",
    reporter: Annotated[str, typer.Option("--reporter", help="The account that it counts for.")] = "",
    dry: Annotated[bool, typer.Option("--dry-run", help="Show what was read; file nothing.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take another list as unverified candidates: each is tested in its turn, and listed only by its own letter."""
    opened = lists.open_list(config)
    terms = opened.settings.feeds
    octets = nominating.read(file)
    if len(octets) > terms.octets:
        raise DnsblError(f"{file}: is larger than {terms.octets} octets (feeds.octets).")
    found = read.batch(octets, most=terms.rows, evidence_most=opened.settings.policy.evidence_bytes)
    if dry:
        facts = {"rows": len(found.rows), "skipped": found.skipped, "faults": list(found.faults), "more": found.left}
        show.done(facts, as_json=as_json)
        return
    if found.left:
        raise DnsblError(f"{file}: has more than {terms.rows} lines (feeds.rows); hand in a part of it at a time.")
    verbs = opened.casework.feeding
    _show(
        verbs.bring(found, reporter=reporter.strip().lower(), reason=reason_of(reason), actor=operator()),
        as_json=as_json,
    )


@candidates.command("list")
def candidates_list(config: Config = None, as_json: Json = False) -> None:
    """How many wait, by who has brought them."""
    opened = lists.open_list(config)
    counts = opened.casework.feeding.waiting()
    show.done({"waiting": counts} if as_json else counts or {"waiting": 0}, as_json=as_json)


@candidates.command("drop")
def candidates_drop(
    bringer: Annotated[str, typer.Argument(metavar="WHO", help="Who has brought them, as `candidates list` says.")],
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Let the candidates of one bringer go."""
    gone = lists.open_list(config).casework.feeding.drop(bringer, reason=reason_of(reason), actor=operator())
    if not gone:
        raise DnsblError(f"No candidate of {bringer!r:.300} waits; `dnsbl candidates list` names who has brought some.")
    show.done({"dropped": gone}, as_json=as_json)


def _show(came: casework.feeding.Yield | None, *, as_json: bool) -> None:
    if as_json:
        show.document({"new": came is not None} | (asdict(came) if came is not None else {}))
        return
    terminal.say(casework.feeding.said(came) if came is not None else "nothing new")
    for fault in came.faults if came is not None else ():
        terminal.say(fault)


def _feed_row(
    source: settings.FeedSource, state: model.FeedState | None, account: model.ReporterAccount | None
) -> dict[str, Any]:
    asked = state.asked if state is not None and state.place == source.place else None
    told = state.said if state is not None and asked is not None else ""
    if account is None:
        told = f"there is no reporter {source.name}: `dnsbl reporter add {source.name}`"
    elif account.suspended is not None:
        told = "its reporter is suspended"
    return {
        "feed": source.name,
        "place": source.place,
        "asked": f"{asked:%Y-%m-%dT%H:%M:%SZ}" if asked else None,
        "due": f"{state.due:%Y-%m-%dT%H:%M:%SZ}" if state is not None and account is not None else None,
        "said": told,
    }
