"""Proof files: made of this list's log, and checked of any list's. Read the words, call one verb, show it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, place_for
from dnsbl.errors import DnsblError, Withheld

with later():
    from dnsbl import files
    from dnsbl import opened as lists
    from dnsbl.cli import show, terminal
    from dnsbl.log import note, prooffile
    from dnsbl.log import statements as said
    from dnsbl.rules import asking

app = typer.Typer()


@app.command("proof")
def proof(
    address: Annotated[str, typer.Argument(metavar="ADDR", help="A listed address.")],
    to: Annotated[Path | None, typer.Option("--to", help="Write this file, whole or not at all.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """The proof file of a listing, for anybody: letters, their return, decision and listing, out of the log."""
    found = lists.open_list(config).casework.proofs.of(asking.typed(address))
    if to is not None:
        try:
            files.write_whole(place_for(to), [found.text.encode()], mode=files.EVERYBODYS)
        except OSError as error:
            raise DnsblError(f"{to}: cannot be written: {error.strerror}.") from None
    if as_json:
        show.document(
            {"leaves": [leaf.facts for leaf in found.leaves], **({"to": str(to)} if to else {"proof": found.text})}
        )
    elif to is None:
        sys.stdout.write(found.text)


@app.command("verify")
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A proof file; - is standard input.")],
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key", help="The log's key, NAME+HASH+BASE64; may be repeated. Else those of this list's own log."
        ),
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="The key of a witness that must have signed; may be repeated.")
    ] = None,
    message: Annotated[
        Path | None, typer.Option("--message", help="The message that is said to have come back, as it came.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check a proof file, and say what it shows and what it does not. Nobody is asked."""
    keys = [_key(text, note.ED25519, "--key") for text in key or ()]
    witnesses = [_key(text, note.COSIGNATURE, "--witness") for text in witness or ()]
    handed = _octets(file)
    if not keys:
        keys = [note.Verifier.read(each.vkey) for each in lists.open_list(config).casework.proving.verifiers()]
        if not keys:
            raise Withheld("This list has no log; name the key of the one that the proof is of with --key.")
    if len({each.name for each in keys}) > 1:
        raise typer.BadParameter("the keys must be those of one log", param_hint="--key")
    found = prooffile.ProofFile.read(handed)
    told, signed = found.check(keys[0].name, [*keys, *witnesses])
    beside = _octets(str(message)) if message is not None else None
    result = said.statements(found, told, signed, witnesses=witnesses, message=beside)
    if as_json:
        facts = {"log": told.origin, "size": told.size, "shown": result.shown, "not_shown": result.open}
        show.document(facts | {"wrong": result.wrong, "leaves": [leaf.facts for leaf in found.leaves]})
    else:
        show.done({"shown": result.shown, "not shown": result.open}, as_json=False)
    if result.wrong:
        terminal.fail(" ".join(result.wrong))


def _key(text: str, sort: int, option: str) -> note.Verifier:
    try:
        found = note.Verifier.read(text)
    except ValueError:
        raise typer.BadParameter("a key is NAME+HASH+BASE64, copied whole", param_hint=option) from None
    if found.sort != sort:
        raise typer.BadParameter("this is a key of another sort", param_hint=option)
    return found


def _octets(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read(prooffile.FILE_MOST + 1)
        with open(path, "rb") as file:
            return file.read(prooffile.FILE_MOST + 1)
    except OSError as error:
        raise DnsblError(f"{path}: cannot be read: {error.strerror}.") from None
