"""The commands that are about zones: their files, copies, servers and end. Read the words, call one verb, show it."""

from __future__ import annotations

import stat
import sys
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, Reason, one_of, operator, place_for, reason_of, zone_names
from dnsbl.daemons import FOLLOWING, ROLES
from dnsbl.dns.secondaries import FORMATS
from dnsbl.errors import DnsblError, SettingsError

with later():
    from dnsbl import clock, files, places, whereabouts
    from dnsbl import config as reading
    from dnsbl import opened as lists
    from dnsbl.cli import checking, exposed, importing, show, watching
    from dnsbl.daemons import families, reserve
    from dnsbl.dns import retire
    from dnsbl.dns import zones as described
    from dnsbl.dns.secondaries import export
    from dnsbl.rules import bounds
    from dnsbl.serving import clientkeys, datafiles, numbered, signet, transfers

app = typer.Typer()


@app.command("publish-key")
def publish_key(config: Config = None, as_json: Json = False) -> None:
    """Print the public key that the published table is signed with, for follow.key of nodes that follow this one."""
    settings = reading.read_settings(config)
    if places.follows(settings):
        signer = settings.follow.url or "another one"
        raise DnsblError(
            f"This node hands on what {signer} has signed: nodes that follow it need that one's key too, "
            f"{settings.follow.key}."
        )
    public = signet.Signet.at(places.signet_path(settings)).public
    if as_json:
        show.document({"key": public})
    else:
        print(public)


@app.command("export")
def export_zone(
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.", autocompletion=one_of(*FORMATS))],
    origin: Annotated[
        str, typer.Option("--zone", help="The zone; may be left out when there is only one.", autocompletion=zone_names)
    ] = "",
    to: Annotated[Path | None, typer.Option("--to", help="Write this file, whole or not at all.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """A zone as a file for others: rbldnsd, BIND, JSON lines, Postfix (cidr), packet filters, a policy zone (rpz)."""
    if form not in FORMATS:
        raise typer.BadParameter(f"formats are {', '.join(FORMATS)}", param_hint="--format")
    if as_json and to is None:
        raise typer.BadParameter("goes only with --to", param_hint="--json")
    opened = lists.open_list(config)
    zone = _zone(opened.zones, origin, ours=True)
    if zone.sources:
        raise DnsblError(f"{zone.origin}: hand out the files of its sources; an export has our own listings alone.")
    permitted = bounds.Bounds.of(opened.settings)
    table = numbered.current_table(opened.casework.contents, opened.zones.digest, permitted)
    now = opened.clock.now()
    not_after = now + timedelta(hours=opened.settings.copies.valid_hours)
    parts = export.encoded(export.written(form, zone, table, made=now, not_after=not_after))
    if to is None:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return
    try:
        files.write_whole(place_for(to), parts, mode=files.EVERYBODYS)
    except OSError as error:
        raise DnsblError(f"{to}: cannot be written: {error.strerror}.") from None
    show.done({"zone": zone.origin, "serial": table.soa_serial, "format": form, "file": str(to)}, as_json=as_json)


@app.command("monitor")
def watch_servers(
    once: Annotated[bool, typer.Option("--once", help="Ask once, and exit with 1 when somebody lags or lies.")] = False,
    every: Annotated[float, typer.Option("--every", help="Seconds between two rounds.", min=1)] = 60,
    patience: Annotated[
        float, typer.Option("--patience", help="Seconds that a server may need to follow a change.", min=0, max=600)
    ] = 10,
    log: Annotated[
        str, typer.Option("--log", help="Look at a list's transparency log instead, at this URL; needs --key.")
    ] = "",
    key: Annotated[list[str] | None, typer.Option("--key", help="The key of that log; may be repeated.")] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="File that remembers what was seen of the log, for the next look.")
    ] = None,
    server: Annotated[
        str,
        typer.Option("--server", help="ADDRESS:PORT of a name server that hands on the zone (AXFR)."),
    ] = "",
    zone: Annotated[str, typer.Option("--zone", help="That zone.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Ask ourselves and all secondaries for serial, test points and the last change; say who lags or lies. With --log
    anybody's list is looked at from outside: its log is replayed and held against what was seen and what DNS shows."""
    if log:
        if bool(server) != bool(zone):
            raise typer.BadParameter("--server and --zone go together", param_hint="--server")
        if not watching.watch_log(log, key or [], state, server, zone, as_json=as_json):
            raise typer.Exit(1)
        return
    if key or state or server or zone:
        raise typer.BadParameter("these go with --log alone", param_hint="--key, --state, --server, --zone")
    if as_json and not once:
        raise typer.BadParameter("goes only with --once", param_hint="--json")
    if not watching.watch(lists.open_list(config), once=once, every=every, patience=patience, as_json=as_json):
        raise typer.Exit(1)


@app.command("retire")
def plan_the_end(
    origin: Annotated[str, typer.Option("--zone", help="The zone that ends.", autocompletion=zone_names)],
    on: Annotated[str, typer.Option("--on", help="The last day, as 2027-01-31.")] = "",
    print_delegation: Annotated[
        bool, typer.Option("--print-delegation", help="Only the records for the parent zone that lead nowhere.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="With less than a month of notice.")] = False,
    announce: Annotated[
        bool, typer.Option("--announce", help="Write the day into the zone's file: it is told, and kept.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take the day out of the zone's file again.")] = False,
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Plan the end of a zone: announcement, steps, and a delegation that leads nowhere. With --announce the zone says
    so from now on (_status), and lists nothing any more from that day on, test points too."""
    if cancel == bool(on) or (cancel and (announce or print_delegation)):
        raise typer.BadParameter("give --on, or --cancel")
    settings = reading.read_settings(config)
    zone = _zone(reading.read_zones(settings), origin)
    today = clock.SystemClock().now().date()
    if cancel:
        _write_end(config, zone, None, reason=reason_of(reason))
        show.done({"zone": zone.origin, "ends": None, "reload": RELOAD}, as_json=as_json)
        return
    try:
        end = date.fromisoformat(on)
    except ValueError:
        raise typer.BadParameter("a day is needed, as 2027-01-31", param_hint="--on") from None
    if (why := retire.too_soon(today, end)) and not (force and end > today):
        raise DnsblError(why)
    if print_delegation and not as_json:
        typer.echo(retire.delegation(zone), nl=False)
        return
    service = settings.service
    words = retire.announcement(
        zone, name=service.name, contact=service.contact, website=service.website, today=today, end=end
    )
    if announce:
        _write_end(config, zone, end, reason=reason_of(reason))
        if not as_json:
            typer.echo(f"{zone.origin} ends on {end}: {RELOAD}.\n")
    show.farewell(words, retire.plan(zone, end=end), retire.delegation(zone), as_json=as_json)


#: What makes a running list see a zone file that was changed.
RELOAD = "reload the running list (SIGHUP, `systemctl reload dnsbl`) on every node that has this file"


def _write_end(config: Path | None, zone: described.Zone, end: date | None, *, reason: str) -> None:
    """Change the last day in the zone's file, with an entry in the journal."""
    opened = lists.open_list(config)
    path = reading.zone_file(opened.settings, zone.origin)
    try:
        text = retire.dated(path.read_text(encoding="utf-8-sig"), end)
        files.write_whole(path, [text.encode()], mode=stat.S_IMODE(path.stat().st_mode))
    except (OSError, ValueError) as error:
        raise DnsblError(f"{path}: cannot be changed ({error}); put `retires` into it by hand.") from None
    opened.casework.operators.announce_end(zone.origin, end, reason=reason, actor=operator())


@app.command("check-config")
def check_config(
    config: Config = None,
    sample: Annotated[bool, typer.Option("--example", help="Print the example file with every default.")] = False,
    as_json: Json = False,
) -> None:
    """Read configuration and zone files, and name every mistake."""
    if sample:
        if as_json:
            show.document({"example": reading.example()})
        else:
            typer.echo(reading.example(), nl=False)
        return
    draft = reading.read_draft(config)
    settings = draft.settings
    zones, refused = described.Zones(()), list[str]()

    def read_all_zones() -> None:
        nonlocal zones, refused
        if draft.concerns("dns.zones_dir"):
            return
        zones = reading.read_zones(settings)
        broken, refused = datafiles.report(zones, now=int(clock.SystemClock().now().timestamp()))
        if broken:
            raise SettingsError(broken)

    readers = (
        read_all_zones,
        lambda: settings.dns.tsig_keys and transfers.read_tsig_keys(settings.dns),
        lambda: clientkeys.read_keys(settings.dns),
    )
    found = [mistake for mistake in checking.mistakes(settings, *readers) if not draft.concerns(mistake)]
    if draft.mistakes or found:
        raise SettingsError(draft.mistakes + found)
    roles = FOLLOWING if places.follows(settings) else ROLES
    _, shortage = reserve.fitted(settings, roles, reserve.granted())
    told = (
        shortage,
        *families.had(settings, roles)[1],
        *checking.doubts(settings, zones),
        *(
            f"{path}: {key} holds a password, and everybody here may read it: {exposed.what_to_do(path)}"
            for path, key in exposed.exposed(reading.files(settings, config))
        ),
        *map(registered, zones.origins),
    )
    notes = [note for note in told if note] + refused
    facts = {"config": str(config or whereabouts.usual() or "defaults"), "zones": [zone.origin for zone in zones]}
    show.done(facts | ({"notes": notes} if notes or as_json else {}), as_json=as_json)


@app.command("import-config", context_settings={"ignore_unknown_options": True})
def import_config(
    words: Annotated[
        list[str], typer.Argument(metavar="WORDS", help="What stands behind rbldnsd on its command line.")
    ],
    to: Annotated[Path, typer.Option("--to", help="The folder for the zone files.")] = Path("zones"),
    as_json: Json = False,
) -> None:
    """Read the command line of an rbldnsd behind --, and write zone files that do the same."""
    found = importing.imported(words, here=PurePosixPath(Path.cwd()))
    facts = {"written": importing.write(found, to), "settings": found.settings, "notes": found.notes}
    show.done(facts, as_json=as_json)


def registered(origin: str) -> str:
    """Why a zone's name is better another one, or ""."""
    if origin.count(".") > 1:
        return ""
    return (
        f"{origin} is a registered domain itself: a name below it can be delegated, and led nowhere at the list's end, "
        "without its site and mail (RFC 6471 3.1)."
    )


def _zone(served: described.Zones, origin: str, *, ours: bool = False) -> described.Zone:
    """The zone that is named, or the only one; `ours`: the only one that has no data files of other people."""
    zones = {zone.origin: zone for zone in served}
    if ours and not origin:
        zones = {name: zone for name, zone in zones.items() if not zone.sources}
    name = origin.rstrip(".").lower() or (next(iter(zones)) if len(zones) == 1 else "")
    if name not in zones:
        raise typer.BadParameter(f"zones are {', '.join(zones)}", param_hint="--zone")
    return zones[name]
