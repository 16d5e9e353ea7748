"""`dnsbl listing`: operators' own listings. Reads the words, calls one verb, shows the result."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import (
    Config,
    Json,
    Public,
    Reason,
    kind_names,
    operator,
    operators_kinds,
    reason_of,
    words_of,
    zone_names,
)
from dnsbl.errors import DnsblError, Refused

with later():
    from dnsbl import opened as lists
    from dnsbl import vocabulary
    from dnsbl.cli import networks, show
    from dnsbl.dns import zones

app = typer.Typer(help="Operators' own listings.", no_args_is_help=True)

#: How a time is written.
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]

Networks = Annotated[str, typer.Argument(metavar="NET", help="A network or address.")]
From = Annotated[Path | None, typer.Option("--from", help="A file with one network a line; # starts a comment.")]
Kind = Annotated[
    str,
    typer.Option("--kind", help="The kind of listing, as named in the zone files.", autocompletion=operators_kinds),
]


@app.command("add")
def listing_add(
    network: Networks = "",
    file: From = None,
    kind: Kind = "manual",
    reason: Reason = "",
    public: Public = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List networks by an operator's word (never as a proven relay). A mistake in FILE lists nothing; what breaks off
    in the middle is done by the same command again."""
    opened = lists.open_list(config)
    _known_kind(opened, kind)
    given = networks.given(network, file)
    with networks.watched(given, "listing") as told:
        added = opened.casework.operators.list_networks(
            given, kind=kind, reason=reason_of(reason), public=words_of(public), actor=operator(), told=told
        )
    show.done({"kind": kind, "given": given.given, "added": added}, as_json=as_json)


@app.command("drop")
def listing_drop(
    network: Networks = "",
    file: From = None,
    kind: Kind = "manual",
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """End operators' listings. A mistake in FILE ends nothing; what breaks off in the middle is done by the same
    command again."""
    opened = lists.open_list(config)
    given = networks.given(network, file)
    with networks.watched(given, "dropping") as told:
        dropped = opened.casework.operators.drop_networks(
            given, kind=kind, reason=reason_of(reason), actor=operator(), told=told
        )
    now = opened.clock.now()
    clears = {"clears by": now + opened.clearing([kind], now)} if dropped else {}
    show.done({"kind": kind, "given": given.given, "dropped": dropped} | clears, as_json=as_json)


@app.command("list")
def listing_list(
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="Of this kind; may be repeated.", autocompletion=kind_names)
    ] = None,
    network: Annotated[str, typer.Option("--network", help="In this network.")] = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", formats=TIMES, metavar="TIME", help="Begun then (2026-11-27 or 2026-11-27T08:00) or later, UTC."
        ),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=TIMES, metavar="TIME", help="Begun before, UTC.")
    ] = None,
    zone: Annotated[
        str, typer.Option("--zone", help="Of a kind that this zone publishes.", autocompletion=zone_names)
    ] = "",
    why: Annotated[str, typer.Option("--reason", help="For this reason, as the journal names it.")] = "",
    most: Annotated[int, typer.Option("--limit", help="At most so many, the newest.", min=1, max=100_000)] = 100,
    before: Annotated[int | None, typer.Option("--before", help="Those behind this number, for the next page.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What is listed now, the newest first."""
    opened = lists.open_list(config, zoned=bool(kinds or zone))
    wanted = set(kinds) if kinds else None
    for kind in wanted or ():
        _known_kind(opened, kind)
    if zone:
        published = {name for one in _zone(opened, zone).views.values() for name in one.kinds}
        wanted = published if wanted is None else wanted & published
    found, following = opened.casework.oversight.listings(
        kinds=wanted,
        network=networks.one(network) if network else None,
        since=since.replace(tzinfo=UTC) if since else None,
        until=until.replace(tzinfo=UTC) if until else None,
        reason=_named(why),
        before=before,
        most=most,
        whole=True,
    )
    alone = not (kinds or network or since or until or zone or why or before)
    nothing = "Nothing is listed." if alone else "Nothing is listed that all of this is true of."
    show.listings(found, nothing=nothing, following=following, as_json=as_json)


@app.command("except")
def listing_except(
    network: Networks = "",
    end: Annotated[bool, typer.Option("--end", help="It is as listed as what is around it again.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show every network that is left out.")] = False,
    reason: Reason = "",
    public: Public = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Leave an address or network out of every wider listing, in DNS, transfers, exports and look-up."""
    if listed == bool(network) or (listed and end):
        raise typer.BadParameter("give either NET, with --end or without, or --list")
    operators = lists.open_list(config, zoned=False).casework.operators
    if listed:
        show.exceptions(operators.exceptions(), as_json=as_json)
        return
    where = networks.one(network)
    if end:
        operators.leave_in(where, reason=reason_of(reason), actor=operator())
        show.done({"exception ended": str(where)}, as_json=as_json)
        return
    around = operators.leave_out(where, reason=reason_of(reason), public=words_of(public), actor=operator())
    out_of = [f"{listing.network} ({listing.kind})" for listing in around]
    show.done({"excepted": str(where), "out of": out_of}, as_json=as_json)


@app.command("review")
def listing_review(
    network: Networks = "",
    keep: Annotated[bool, typer.Option("--keep", help="NET was looked at, and stays until its next review.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="List NET, which another operator has proposed.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="NET, which was proposed, is not listed.")] = False,
    within: Annotated[float, typer.Option("--within", help="Days in which a listing lapses.", min=0)] = 30,
    kind: Kind = "manual",
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Operators' listings that lapse soon, and what waits for a second operator; exit 1 when there is any."""
    if keep + confirm + withdraw != bool(network):
        raise typer.BadParameter("give NET with one of --keep, --confirm and --withdraw, or nothing")
    reviewing = lists.open_list(config).casework.reviewing
    if not network:
        lapsing, waiting = reviewing.due(within_days=within), reviewing.proposals()
        show.review(lapsing, waiting, as_json=as_json)
        if lapsing or waiting:
            raise typer.Exit(1)
        return
    where, why = networks.one(network), reason_of(reason)
    if keep:
        until = reviewing.keep(where, kind=kind, reason=why, actor=operator())
        show.done({"kept": str(where), "until": f"{until:%Y-%m-%d}" if until else None}, as_json=as_json)
    elif confirm:
        reviewing.confirm(where, kind=kind, reason=why, actor=operator())
        show.done({"listed": str(where), "kind": kind}, as_json=as_json)
    else:
        reviewing.withdraw(where, kind=kind, reason=why, actor=operator())
        show.done({"withdrawn": str(where)}, as_json=as_json)


@app.command("expire")
def listing_expire(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """End the listings whose time has come, however many, after the scheduler found them too many at once."""
    opened = lists.open_list(config)
    ended = opened.casework.upkeep.expire_all(reason=reason_of(reason), actor=operator())
    show.done({"ended": ended}, as_json=as_json)


def _named(text: str) -> vocabulary.Reason | None:
    """The reason of this name, None for none."""
    if text and text not in set(vocabulary.Reason):
        raise typer.BadParameter("no listing is for this reason", param_hint="--reason")
    return vocabulary.Reason(text) if text else None


def _zone(opened: lists.OpenedList, name: str) -> zones.Zone:
    """The zone of this name. Raises DnsblError."""
    bare = name.rstrip(".").lower()
    if found := next((zone for zone in opened.zones if zone.origin == bare), None):
        return found
    raise DnsblError(f"There is no zone {name[:80]!a}; there are {', '.join(opened.zones.origins)}.")


def _known_kind(opened: lists.OpenedList, kind: str) -> None:
    known = sorted({name for zone in opened.zones for view in zone.views.values() for name in view.kinds})
    if kind not in known:
        raise Refused(
            vocabulary.Refusal.WRONG_KIND, f"No zone file knows the kind {kind!r}; known are {', '.join(known)}."
        )
