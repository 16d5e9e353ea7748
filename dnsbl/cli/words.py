"""What many commands ask in the same words: options of one meaning, who types, and what is kept of a reason."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.errors import DnsblError

with later():
    from dnsbl import config as reading
    from dnsbl import vocabulary
    from dnsbl.rules import profiles

if TYPE_CHECKING:
    from dnsbl.dns.zones import Zone


def one_of(*values: str) -> Callable[[str], list[str]]:
    """Completes a value that is one of these."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


def some_of(*values: str) -> Callable[[str], list[str]]:
    """Completes values that are some of these, with commas between."""

    def offered(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [
            f"{before}{comma}{value}" for value in values if value.startswith(last) and value not in before.split(",")
        ]

    return offered


def zone_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Completes a zone of the configuration."""
    return [zone.origin for zone in _zones(ctx) if zone.origin.startswith(incomplete)]


def kind_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Completes a kind of listing that a zone of the configuration knows."""
    names = {name for zone in _zones(ctx) for view in zone.views.values() for name in view.kinds}
    return sorted(name for name in names if name.startswith(incomplete))


def profile_names(incomplete: str) -> list[str]:
    """Completes a list of old that a list can be founded like."""
    return [name for name in profiles.names() if name.startswith(incomplete)]


def operators_kinds(ctx: typer.Context, incomplete: str) -> list[str]:
    """Completes a kind that an operator may list under: one that needs no proof, and lists somebody."""
    return [name for name in kind_names(ctx, incomplete) if name not in vocabulary.PROOF_KINDS | vocabulary.DECLARED]


def _zones(ctx: typer.Context) -> Iterable[Zone]:
    """Those of the configuration that is named so far, or the usual one; none where it cannot be read."""
    given = ctx.params.get("config")
    try:
        return reading.read_zones(reading.read_settings(Path(given) if given else None))
    except DnsblError:
        return ()


Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file; else ./config.toml, /etc/dnsbl/config.toml, or defaults."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Public = Annotated[str, typer.Option("--public", help="What everybody may read on the page of the address.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes into the journal, and is not published.")]


def operator() -> str:
    """Who types, for the journal and for who may confirm whose word: whom the system knows him to be. What the
    environment says is believed of root alone, who can be anybody anyway: behind sudo he is whoever called it."""
    user = os.getuid()
    called = os.environ.get("SUDO_UID", "") if user == 0 else ""
    try:
        return f"operator {pwd.getpwuid(int(called) if called.isdecimal() else user).pw_name}"
    except (KeyError, OverflowError, ValueError):
        return "operator"


def reason_of(text: str) -> str:
    """A reason that was given. Raises BadParameter where none was."""
    if not text.strip():
        raise typer.BadParameter("a reason is needed; it goes into the journal", param_hint="--reason")
    return words_of(text)


def place_for(path: Path) -> Path:
    """A file that is to be written. Raises DnsblError where its folder is missing, since a slip of the fingers makes
    none, and where it is a folder itself."""
    if path.is_dir():
        raise DnsblError(f"{path}: cannot be written: it is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise DnsblError(f"{path}: cannot be written: there is no folder {path.parent}.")
    return path


def words_of(text: str) -> str:
    """What is kept of an operator's words."""
    return " ".join(text.split())[:500]
