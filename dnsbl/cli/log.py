"""`dnsbl log`: the transparency log, for operators. Reads the words, calls one verb, shows the result."""

from __future__ import annotations

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, Reason, operator, reason_of
from dnsbl.errors import Withheld

with later():
    from dnsbl import opened as lists
    from dnsbl.cli import show
    from dnsbl.daemons import logfolder
    from dnsbl.log import checkpoint, note

app = typer.Typer(
    help="The transparency log, by which strangers can prove what this list has done (tlog.origin).",
    no_args_is_help=True,
)


_NONE = "No log is kept: tlog.origin gives it a name."


@app.command("key")
def log_key(config: Config = None, as_json: Json = False) -> None:
    """The keys that the log is or was signed with, and the record that tells them in DNS."""
    proving = lists.open_list(config).casework.proving
    keys = proving.verifiers()
    current = [key.vkey for key in keys if key.ended is None]
    if as_json:
        rows = [
            {"key": key.vkey, "since": f"{key.since:%Y-%m-%dT%H:%M:%SZ}", "until": key.ended and show.when(key.ended)}
            for key in keys
        ]
        show.document({"keys": rows})
        return
    if not current and not proving.on:
        raise Withheld(_NONE)
    if not current:
        raise Withheld("The log has no key yet; the scheduler makes one when it first signs (tlog.origin).")
    for vkey in current:
        print(vkey)
    print("\n# The zones of this node tell it by themselves; for the file of a zone elsewhere:")
    for vkey in current:
        print(f'[[records]]\nname = "_log"\ntype = "TXT"\ndata = "{vkey}"')


@app.command("status")
def log_status(config: Config = None, as_json: Json = False) -> None:
    """How far the log has come: its name, its leaves, and its signed head."""
    opened = lists.open_list(config)
    proving, named = opened.casework.proving, opened.settings.tlog.origin or None
    signed = proving.newest()
    head = checkpoint.Checkpoint.read(note.parts(signed)[0]) if signed else None
    facts = {"on": proving.on, "origin": head.origin if head else named, "size": head.size if head else 0}
    facts |= {"root": head.root.hex() if head else None}
    show.done(facts | ({"checkpoint": signed} if as_json else {}), as_json=as_json)


@app.command("keep")
def log_keep(config: Config = None, as_json: Json = False) -> None:
    """Make leaves of what is new, sign, and write tlog.folder, as the scheduler does twice a minute."""
    opened = lists.open_list(config)
    if not opened.casework.proving.on:
        raise Withheld(_NONE)
    added = 0
    while more := logfolder.published(opened.casework.proving, opened.settings.tlog):
        added += more
    show.done({"added": added}, as_json=as_json)


@app.command("rotate")
def log_rotate(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """A new key, which signs beside the one before it; copy log.key to the other nodes that sign."""
    vkey = lists.open_list(config).casework.proving.rotate(reason=reason_of(reason), actor=operator())
    show.done({"key": vkey}, as_json=as_json)


@app.command("renew")
def log_renew(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Begin a new log, under the new name that tlog.origin says, when the old one's past is lost."""
    proving = lists.open_list(config).casework.proving
    proving.renew(reason=reason_of(reason), actor=operator())
    show.done({"begun": True}, as_json=as_json)
