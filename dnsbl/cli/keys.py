"""`dnsbl keys`, of letters, and `dnsbl client-key`, of clients. Reads the words, calls one verb, shows the result."""

from __future__ import annotations

from typing import Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, Reason, operator, reason_of

with later():
    from dnsbl import clock
    from dnsbl import config as reading
    from dnsbl import opened as lists
    from dnsbl.cli import show
    from dnsbl.serving import clientkeys

letter_keys = typer.Typer(
    help="The keys that letters are signed with. What clients put into questions: dnsbl client-key.",
    no_args_is_help=True,
)
client_keys = typer.Typer(help="The keys that clients put into their questions (dns.keys_file).", no_args_is_help=True)


@letter_keys.command("list")
def keys_list(config: Config = None, as_json: Json = False) -> None:
    """The list's keys by their fingerprints, and which of them this node holds."""
    show.keys(lists.open_list(config, zoned=False).keyring.shown(), as_json=as_json)


@letter_keys.command("rotate")
def keys_rotate(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """A new key for all nodes; it goes to them through the database, sealed, and signs in two minutes."""
    opened = lists.open_list(config, zoned=False)
    opened.keyring.rotate(reason=reason_of(reason), actor=operator())
    show.keys(opened.keyring.shown(), as_json=as_json)


@letter_keys.command("replace")
def keys_replace(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Begin anew, when the keys are lost on every node; tests that are under way are void, and repeated."""
    opened = lists.open_list(config, zoned=False)
    key, void = opened.keyring.replace(reason=reason_of(reason), actor=operator())
    show.keys([key], void=void, as_json=as_json)


@client_keys.command("list")
def client_key_list(config: Config = None, as_json: Json = False) -> None:
    """How each client's key is used on this node: counts, rates, when last, and whether it was used elsewhere."""
    settings = reading.read_settings(config)
    now = clock.SystemClock().now().timestamp()
    show.client_keys(clientkeys.document(settings.dns, settings.service.state_dir, now), as_json=as_json)


@client_keys.command("new")
def client_key_new(
    name: Annotated[str, typer.Option("--name", help="What you call its holder, in one word.")] = "",
    network: Annotated[
        list[str] | None, typer.Option("--network", help="A network that it is used from; may be repeated.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a key for a client and add its line to dns.keys_file. The key is shown this once."""
    settings = reading.read_settings(config)
    key, line = clientkeys.add(settings.dns, name=name, networks=network or [], home=settings.service.state_dir)
    show.done({"key": key, "line": line}, as_json=as_json)
