"""The commands about the database as a whole: `dnsbl backup` and `restore`, with the files around
`casework.restoring`, and `dnsbl db upgrade`. Decide nothing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, Reason, operator, place_for, reason_of
from dnsbl.errors import DnsblError

with later():
    from dnsbl import casework, files
    from dnsbl import opened as lists
    from dnsbl.cli import show

app = typer.Typer()
database = typer.Typer(help="The database.", no_args_is_help=True)

#: A line of a copy is no longer; a message in it is bounded when it comes in.
LONGEST = 64 << 20


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="F", help="Where to write; holds evidence, so keep it private.")],
    force: Annotated[bool, typer.Option("--force", help="Write over an earlier copy that is there.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write a copy of the whole store, as it is at one moment, while the list runs; keys.json is not in it."""
    if file.exists() and not force:
        raise DnsblError(f"{file} is there already, and is not overwritten: take another name, or --force.")
    written = write(lists.open_list(config, zoned=False), file)
    show.done({"file": str(file), "octets": written}, as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="F", help="What `dnsbl backup` has written.")],
    log: Annotated[
        Path | None, typer.Option("--log", help="The event log: what it knows to have happened since is not lost.")
    ] = None,
    trust_words: Annotated[
        bool, typer.Option("--trust-words", help="Without a log, keep operators' listings: none was dropped since.")
    ] = False,
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Fill an empty database from a copy. What was removed since does not come back; what is doubtful is retested."""
    done = bring_back(config, file, log, reason=reason_of(reason), actor=operator(), trust_words=trust_words)
    show.restored(done, as_json=as_json)


@database.command()
def upgrade(config: Config = None, as_json: Json = False) -> None:
    """Create the tables, or bring them to this version's form."""
    lists.open_list(config, upgrade=True)
    show.done({"database": "at this version"}, as_json=as_json)


def write(opened: lists.OpenedList, file: Path) -> int:
    """Write a copy, packed by gzip, whole or not at all; returns its octets."""
    try:
        files.write_whole(place_for(file), _packed(opened.casework.restoring.backup()), mode=0o600, own=True)
        return file.stat().st_size
    except OSError as error:
        raise DnsblError(f"{file}: cannot be written: {error.strerror}.") from None


def bring_back(
    config: Path | None, file: Path, log: Path | None, *, reason: str, actor: str, trust_words: bool
) -> casework.restoring.Restored:
    """Fill the configured database, which must be empty, from a copy and an event log."""
    opened = lists.open_empty(config)
    try:
        with (
            gzip.open(file, "rt", encoding="ascii") as copy,
            nullcontext() if log is None else log.open(encoding="ascii", errors="replace") as events,
        ):
            lines = iter(lambda: copy.readline(LONGEST), "")
            return opened.casework.restoring.restore(lines, events, reason=reason, actor=actor, trust_words=trust_words)
    except DnsblError:
        raise
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError, zlib.error):
        raise DnsblError(f"{file}: `dnsbl backup` has not written this, or it was cut off or changed since.") from None
    except OSError as error:
        raise DnsblError(f"{error.filename or file}: cannot be read as a copy: {error.strerror or error}.") from None


def _packed(lines: Iterable[str]) -> Iterator[bytes]:
    """The lines as one gzip member, in portions."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for line in lines:
        if part := packer.compress(line.encode("ascii")):
            yield part
    yield packer.flush()
