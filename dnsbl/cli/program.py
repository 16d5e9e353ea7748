"""The program `dnsbl`: which command stands in which module. A module is read when its command is typed, or all of them
when they are listed; so no command pays for another one's imports, and each has its words in one place.

A new command is a function in a module's Typer and its line here; a group of commands is a Typer and one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command_from_info, get_command_name, get_group

from dnsbl import DISTRIBUTION
from dnsbl.cli.later import later
from dnsbl.cli.pages import CommandPage, GroupPage

with later():
    from dnsbl.dns.engine import present

if TYPE_CHECKING:
    from typer._click import Command, Context

#: Every command in the order of the help: its module in `dnsbl.cli`, and there the Typer that it stands in, or is.
COMMANDS = {
    "serve": "commands:app",
    "demo": "commands:app",
    "nominate": "commands:app",
    "test": "commands:app",
    "lookup": "commands:app",
    "remove": "commands:app",
    "exclude": "holding:app",
    "withdraw": "holding:app",
    "purge": "holding:app",
    "forget": "holding:app",
    "stop": "holding:app",
    "resume": "holding:app",
    "statistics": "commands:app",
    "status": "commands:app",
    "notices": "commands:app",
    "watch": "commands:app",
    "inbox": "commands:app",
    "clock": "commands:app",
    "journal": "commands:app",
    "proof": "proofs:app",
    "verify": "proofs:app",
    "init": "commands:app",
    "backup": "copies:app",
    "restore": "copies:app",
    "reporter": "reporting:app",
    "admin": "admin:app",
    "feed": "feeding:feeds",
    "candidates": "feeding:candidates",
    "listing": "listings:app",
    "keys": "keys:letter_keys",
    "log": "log:app",
    "client-key": "keys:client_keys",
    "publish-key": "zones:app",
    "export": "zones:app",
    "monitor": "zones:app",
    "retire": "zones:app",
    "check-config": "zones:app",
    "doctor": "doctor:app",
    "import-config": "zones:app",
    "survey": "surveying:app",
    "db": "copies:database",
}


#: Names that commands once had: they work, and are shown nowhere.
FORMER = {"key": "client-key"}


class Commands(Mapping[str, "Command"]):
    """The commands by their names, each made when it is asked for."""

    def __init__(self, places: Mapping[str, str] = COMMANDS) -> None:
        self._places = places
        self._made: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        name = FORMER.get(name, name)
        if name not in self._made:
            self._made[name] = _made(name, self._places[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _made(name: str, place: str) -> Command:
    """The command of this name, out of its module."""
    module, _, attribute = place.partition(":")
    found: typer.Typer = getattr(import_module(f"dnsbl.cli.{module}"), attribute)
    _give_pages(found)
    for info in found.registered_commands:
        if info.callback is not None and name == (info.name or get_command_name(info.callback.__name__)):
            return get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=found.rich_markup_mode)
    group = get_group(found)
    group.name = name
    return group


def _give_pages(found: typer.Typer) -> None:
    """Every command of a module, and of the groups in it, is shown as our pages are."""
    found.info.cls = GroupPage
    for info in found.registered_commands:
        info.cls = CommandPage
    for group in found.registered_groups:
        group.cls = GroupPage
        if group.typer_instance is not None:
            _give_pages(group.typer_instance)


class Program(GroupPage):
    """The whole, whose commands are read when they are needed."""

    def __init__(self, *, commands: object = None, **words: Any) -> None:
        super().__init__(**words)
        self.commands = Commands()  # type: ignore[assignment]  # nobody adds to it

    def list_commands(self, ctx: Context) -> list[str]:
        return list(self.commands)


app = typer.Typer(
    name="dnsbl",
    cls=Program,
    help="A DNS blocklist fed by open-relay testing: nominate, test, prove, list, answer, retest, delist.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # a quarter of this start, and of no other

        typer.echo(f"dnsbl {version(DISTRIBUTION)}, engine: {present.which()}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Version and answering engine.")
    ] = False,
) -> None:
    """A DNS blocklist fed by open-relay testing: nominate, test, prove, list, answer, retest, delist."""
