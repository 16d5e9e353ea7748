"""`dnsbl init`: asks what is not given, writes a first configuration, and shows the records to publish.

Overwrites nothing, and writes all or nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import typer

from dnsbl.addresses import Address, parse_address
from dnsbl.cli import show, terminal
from dnsbl.errors import DnsblError
from dnsbl.files import make_readable
from dnsbl.rules import founding, profiles
from dnsbl.rules.founding import Founding
from dnsbl.rules.profiles import Profile
from tester import manners

T = TypeVar("T")


def profiles_there_are(*, as_json: bool) -> None:
    """Show the lists of old that a list can be founded like."""
    there = [profiles.profile(name) for name in profiles.names()]
    if as_json:
        rows = [{"name": old.name, "title": old.title, "says": old.says} for old in there]
        show.document({"profiles": rows})
        return
    for old in there:
        terminal.say(f"{old.name:10} {old.title}.\n{'':10} {old.says}")


def found(
    folder: Path,
    *,
    zone: str,
    contact: str,
    addresses: Sequence[str],
    base_url: str,
    profile: str = "",
    as_json: bool,
) -> None:
    """Write `config.toml` and the zone files into the folder; with a `profile` those of a list of old, which without a
    zone is one to be tried on this machine. Raises DnsblError; then nothing was written."""
    old = _profile(profile) if profile else None
    if old is not None and not zone:
        if addresses or contact or base_url:
            raise typer.BadParameter("is needed for a list of your own", param_hint="--zone")
        _tried(folder, old, as_json=as_json)
        return
    asked = _asked(zone, contact, addresses, base_url, as_json=as_json)
    made = replace(asked, state_dir=founding.state_of(folder.resolve()))
    texts = (
        profiles.written(old, made)
        if old is not None
        else {"config.toml": founding.settings_file(made), f"zones/{made.zone}.toml": founding.zone_file(made)}
    )
    files = {folder / place: text for place, text in texts.items()}
    _write(files)
    records = profiles.records(old, made) if old is not None else founding.records(made)
    if as_json:
        show.document({"written": [str(path) for path in files], "records": list(records)} | _facts(old))
        return
    out = terminal.out()
    for path in files:
        out.print(f"written: {path}")
    out.print("\nPublish these records; the delegation, which comes first, in the zone above yours:")
    for record in records:
        out.print(f"  {record}")
    _tell(old)
    out.print(f"\nThen: dnsbl check-config -c {folder / 'config.toml'}")


def _tried(folder: Path, old: Profile, *, as_json: bool) -> None:
    """Write a list of old under its example names."""
    files = {folder / place: text for place, text in profiles.written(old, None).items()}
    _write(files)
    if as_json:
        show.document({"written": [str(path) for path in files], "records": []} | _facts(old))
        return
    for path in files:
        terminal.say(f"written: {path}")
    _tell(old)
    terminal.say(
        f"\nThen: dnsbl serve -c {folder / 'config.toml'}"
        f"\n      dig @127.0.0.1 -p 5353 2.0.0.127.{old.origins(old.base)[0]} TXT"
        "\nNobody is dialled, and no record is to be published, until it is founded under a --zone of yours."
    )


def _facts(old: Profile | None) -> dict[str, object]:
    if old is None:
        return {}
    return {"profile": old.name, "differs": list(old.differs), "guesses": dict(old.guesses)}


def _tell(old: Profile | None) -> None:
    """What it does otherwise than the list of old, and what of it is a guess."""
    if old is None:
        return
    out = terminal.out()
    out.print(f"\n{old.title}.\n{old.says}\nOtherwise than the list of old:")
    for sentence in old.differs:
        out.print(f"  {sentence}")
    if old.guesses:
        out.print("Guesses, each marked in its file:")
    for path, why in old.guesses.items():
        out.print(f"  {path}: {why}")


def _profile(name: str) -> Profile:
    try:
        return profiles.profile(name)
    except ValueError as error:
        raise DnsblError(f"--profile: {error}") from None


def _asked(zone: str, contact: str, addresses: Sequence[str], base_url: str, *, as_json: bool) -> Founding:
    """What must be known of a list, asked for where it is not given."""
    ask = sys.stdin.isatty() and not as_json
    name = _given(zone, "--zone", "The zone, under which mail servers ask", "", ask, founding.zone_name)
    usual = Founding(zone=name, contact="", addresses=(), base_url="")
    given = _given(
        " ".join(addresses), "--address", "This machine's public addresses, with blanks between", "", ask, _addresses
    )
    return Founding(
        zone=name,
        addresses=given,
        contact=_given(
            contact, "--contact", "Mail address for questions", f"postmaster@{usual.domain}", ask, founding.contact
        ),
        base_url=_given(base_url, "--base-url", "The site's address", f"https://{name}", ask, founding.site),
    )


def _given(typed: str, option: str, question: str, usual: str, ask: bool, read: Callable[[str], T]) -> T:
    """What was given, or is answered now, or is usual; read. Raises DnsblError, or BadParameter where nothing is."""
    while True:
        text = typed or (typer.prompt(question, default=usual or None, err=True) if ask else usual)
        if not text:
            raise typer.BadParameter("is needed where nobody can be asked", param_hint=option)
        try:
            return read(text)
        except ValueError as error:
            if typed or not ask:
                raise DnsblError(f"{option}: {error}") from None
            terminal.err().print(str(error))


def _addresses(text: str) -> tuple[Address, ...]:
    found = tuple(dict.fromkeys(parse_address(word) for word in text.replace(",", " ").split()))
    for address in found:
        if why := manners.why_not(address, lab_networks=()):
            raise ValueError(f"{address} is no public address: {why}.")
    return found


def _write(files: dict[Path, str]) -> None:
    """All or none; a file that is there stays as it is."""
    if there := [path for path in files if path.exists()]:
        raise DnsblError(f"{there[0]} is there already, and is not overwritten; nothing was written.")
    written: list[Path] = []
    try:
        for path, text in files.items():
            make_readable(path, text)
            written.append(path)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise DnsblError(f"{error.filename}: cannot be written: {error.strerror}; nothing was written.") from None
