"""`dnsbl doctor`: what a list needs from the world and from its machine, one line a thing. Changes and makes nothing;
asks one resolver and this machine's own addresses, and nobody else (`daemons.examiner`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json
from dnsbl.daemons import FOLLOWING, ROLES
from dnsbl.errors import LOOK, DnsblError, SettingsError

with later():
    from dnsbl import config as reading
    from dnsbl import opened as lists
    from dnsbl import places
    from dnsbl.cli import checking, exposed, following, show, terminal
    from dnsbl.daemons import examiner, reach
    from dnsbl.dns import zones as described
    from dnsbl.rules import checkup

if TYPE_CHECKING:
    from pathlib import Path

    from dnsbl.rules.checkup import Checked
    from dnsbl.settings import Settings

app = typer.Typer()


@app.command()
def doctor(
    resolver: Annotated[
        str,
        typer.Option(
            "--resolver", help="Ask this one, ADDRESS or ADDRESS:PORT, best one elsewhere; else the machine's own."
        ),
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Look at the list as the world sees it, and at its machine: delegation, MX, PTR, ports, clock, disk, keys."""
    settings = reading.read_settings(config)
    asked = examiner.asked_of(resolver) if resolver else None
    zones, broken = described.Zones(()), list[str]()
    try:
        zones = reading.read_zones(settings)
    except SettingsError as error:
        broken = error.mistakes
    roles = FOLLOWING if places.follows(settings) else ROLES
    found = [
        *_configured(settings, broken),
        *_doubted(settings, zones, roles),
        *_exposed(settings, config),
        *_stored(settings, roles),
        *_tested(settings, roles),
    ]
    found += examiner.at_home(settings, zones, roles)
    try:
        found += examiner.from_outside_now(settings, zones, asked or examiner.asked_of(""), roles)
    except DnsblError as error:  # the machine's own is at fault, and the rest is looked at all the same
        found.append(checkup.wrong("resolver", "", str(error), "mend /etc/resolv.conf, or name one with --resolver"))
    found += reach.collector(settings, [ip_address(text) for text in _collector(found, settings)])
    bad = sum(one.grade is checkup.Fitness.WRONG for one in found)
    dim = sum(one.grade is checkup.Fitness.UNKNOWN for one in found)
    if as_json:
        show.document({"checks": [one.row() for one in found], "wrong": bad, "unknown": dim})
        raise typer.Exit(1 if bad else 0)
    for one in sorted(found, key=lambda one: list(checkup.Fitness).index(one.grade)):
        terminal.say(f"{_SHOWN[one.grade]:<10}{one.about}: {one.says}")
        if one.do and one.grade is not checkup.Fitness.OK:
            terminal.say(f"{'':<10}{one.do}")
    if bad:
        terminal.fail(f"{bad} of {len(found)} things {_are(bad)} wrong, and {dim} {_are(dim)} not known.")
    terminal.say(f"Nothing is wrong; {dim} of {len(found)} things {_are(dim)} not known.")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


_SHOWN = {"ok": "ok", "wrong": "wrong", "unknown": "not known"}


def _configured(settings: Settings, broken: list[str]) -> Iterator[Checked]:
    """What `check-config` says."""
    mistakes = [*checking.mistakes(settings), *broken]
    for mistake in mistakes:
        yield checkup.wrong("configuration", "", mistake, "`dnsbl check-config` names every mistake")
    if not mistakes:
        yield checkup.ok("configuration", "", "the configuration and all zone files can be read")


def _exposed(settings: Settings, config: Path | None) -> Iterator[Checked]:
    """Passwords in files of the configuration that everybody may read."""
    for path, key in exposed.exposed(reading.files(settings, config)):
        says = f"{key}: everybody here may read the password"
        yield checkup.wrong("key file", str(path), says, exposed.what_to_do(path))


def _doubted(settings: Settings, zones: described.Zones, roles: Sequence[str]) -> Iterator[Checked]:
    """What `check-config` notes and keeps the list from doing what is meant."""
    if roles == FOLLOWING:
        return
    if settings.web.unnamed_proxy:
        yield checkup.wrong("proxy", "", settings.web.unnamed_proxy, "docs/install.md has the lines for a proxy")
    for note in reading.unanswered_kinds(settings, zones):
        yield checkup.wrong("kinds", "", note, "`dnsbl check-config` says whether it is mended")


def _stored(settings: Settings, roles: Sequence[str]) -> Iterator[Checked]:
    """Whether the store can be used, and whether it believes the clock."""
    where = "PostgreSQL" if settings.database.url.startswith("postgresql") else "SQLite"
    if roles == FOLLOWING:
        yield checkup.ok("store", "", "this node follows another one, and needs no database")
        yield from _followed(settings)
        return
    if why := places.unplaced(settings):
        yield checkup.wrong(
            "store", where, f"No database can be used there: {why}", "or have database.url lead elsewhere"
        )
        yield checkup.unknown("clock", "", "there is no store, against which it is held")
        return
    if not places.begun(settings):
        says = "There is no database yet: `dnsbl serve` makes it."
        yield checkup.unknown("store", where, says, "Was there one? docs/recovery.md.")
        yield checkup.unknown("clock", "", "there is no store yet, against which it is held")
        return
    try:
        strange, unfit = lists.reckoned(settings)
    except DnsblError as error:
        yield checkup.wrong(
            "store",
            where,
            str(error).replace(LOOK, "."),
            "database.url says where it is; docs/recovery.md says what to do; a new list: `dnsbl db upgrade`",
        )
        yield checkup.unknown("clock", "", "the store, against which it is held, does not answer")
        return
    yield checkup.ok("store", where, "the database answers, and is of this program's version")
    if strange:
        yield checkup.wrong("clock", "", strange, "set it right, or where it is right: `dnsbl clock --trust`")
    else:
        yield checkup.ok("clock", "", "the clock agrees with what the store knows")
    keys = str(settings.service.state_dir / "keys.json")
    if unfit:
        yield checkup.wrong("letters' keys", keys, unfit, "worker and collector do not begin with these")
    else:
        yield checkup.ok("letters' keys", keys, "worker and collector may write and know letters by them")


def _followed(settings: Settings) -> Iterator[Checked]:
    """Whether the table of the node that is followed is here, and as it should be: what `dnsbl status` says there."""
    try:
        known = following.kept(settings)
    except SettingsError:  # the row of the configuration says so
        return
    except DnsblError as error:
        yield checkup.unknown("table", settings.follow.url, str(error))
        return
    found = following.told(known)
    says = f"the table of {known.of} is {known.age} seconds old"
    if found["stale"]:
        says += ", which is older than dns.stale_after: answers are marked as stale"
        yield checkup.wrong("table", known.of, says, "the log of `dnsbl serve` says why")
    else:
        yield checkup.ok("table", known.of, says)
    if not found["same_zones"]:
        yield checkup.wrong("table", known.of, following.OTHER_ZONES, "copy these from the first node")


def _tested(settings: Settings, roles: Sequence[str]) -> Iterator[Checked]:
    """Whether whoever is due is tested."""
    if roles == FOLLOWING:
        return
    here = places.halted(settings)
    try:
        still = lists.still(settings)
    except DnsblError:
        yield checkup.unknown("testing", "", "the store, which may say that it is stopped, does not answer")
        return
    again = "`dnsbl resume` takes it up again"
    if still is not None and not still.planned:
        do = "`dnsbl check-config` says what is to be set" if settings.tester.held else again
        yield checkup.wrong("testing", "", f"nobody is dialled: {still.why}", "see there" if still.fault else do)
    if here and (still is None or still.why != here):
        yield checkup.wrong("testing", "", f"nobody is dialled from this machine: {here}", again)
    elif still is None or still.planned:
        says = still.why if still else "nothing keeps workers from dialling"
        yield checkup.ok("testing", "", says)


def _collector(found: list[Checked], settings: Settings) -> list[str]:
    """The addresses that the collector's name was found to have."""
    rows = [one for one in found if one.about == "collector" and one.of == settings.collector.hostname]
    return [text for one in rows for text in one.facts]
