"""`dnsbl init`: asks what is not given, writes a first configuration, and shows the records to publish.

Overwrites nothing, and writes all or nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import typer

from dnsbl.addresses import Address, parse_address
from dnsbl.cli import show, terminal
from dnsbl.errors import DnsblError
from dnsbl.rules import founding
from dnsbl.rules.founding import Founding
from tester import manners

T = TypeVar("T")


def found(folder: Path, *, zone: str, contact: str, addresses: Sequence[str], base_url: str, as_json: bool) -> None:
    """Write `config.toml` and the zone file into the folder. Raises DnsblError; then nothing was written."""
    ask = sys.stdin.isatty() and not as_json
    name = _given(zone, "--zone", "The zone, under which mail servers ask", "", ask, founding.zone_name)
    usual = Founding(zone=name, contact="", addresses=(), base_url="")
    given = _given(
        " ".join(addresses), "--address", "This machine's public addresses, with blanks between", "", ask, _addresses
    )
    made = Founding(
        zone=name,
        addresses=given,
        contact=_given(contact, "--contact", "Mail address for questions", f"postmaster@{usual.domain}", ask, _contact),
        base_url=_given(base_url, "--base-url", "The site's address", f"https://{name}", ask, _url),
    )
    files = {
        folder / "config.toml": founding.settings_file(made),
        folder / "zones" / f"{name}.toml": founding.zone_file(made),
    }
    _write(files)
    records = founding.records(made)
    if as_json:
        show.document({"written": [str(path) for path in files], "records": list(records)})
        return
    out = terminal.out()
    for path in files:
        out.print(f"written: {path}")
    out.print("\nPublish these records; the first of them in the zone above yours:")
    for record in records:
        out.print(f"  {record}")
    out.print(f"\nThen: dnsbl check-config -c {folder / 'config.toml'}")


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


def _contact(text: str) -> str:
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or any(char.isspace() for char in text.strip()):
        raise ValueError(f"{text[:80]!r} is no mail address.")
    return f"{local}@{domain.lower()}"


def _url(text: str) -> str:
    url = text.strip().rstrip("/")
    if not url.startswith(("http://", "https://")) or any(char.isspace() for char in url):
        raise ValueError(f"{text[:80]!r} is no address of a site, such as https://relays.your-domain.net.")
    return url


def _write(files: dict[Path, str]) -> None:
    """All or none; a file that is there stays as it is."""
    if there := [path for path in files if path.exists()]:
        raise DnsblError(f"{there[0]} is there already, and is not overwritten; nothing was written.")
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise DnsblError(f"{error.filename}: cannot be written: {error.strerror}; nothing was written.") from None
