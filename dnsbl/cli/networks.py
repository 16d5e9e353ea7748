"""Networks that an operator names: one, or a file of them. Reads and counts; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import typer
from rich.progress import track

from dnsbl.addresses import Network, parse_network
from dnsbl.cli import terminal
from dnsbl.errors import DnsblError

#: Mistakes in a file that are named; the others are counted.
NAMED = 20


def one(text: str) -> Network:
    """The network that was typed. Raises DnsblError."""
    try:
        return parse_network(text)
    except ValueError as error:
        raise DnsblError(str(error)) from None


def given(text: str, file: Path | None) -> list[Network]:
    """The network that was typed, or those in a file. Raises DnsblError, which names every bad line."""
    if bool(text) == bool(file):
        raise typer.BadParameter("give either NET or --from FILE")
    if file is None:
        return [one(text)]
    found: list[Network] = []
    mistakes: list[str] = []
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines, terminal.err().status("reading"):
            for number, line in enumerate(lines, 1):
                bare = line.partition("#")[0].strip()
                if not bare:
                    continue
                try:
                    found.append(parse_network(bare))
                except ValueError as error:
                    mistakes.append(f"{file}:{number}: {error}")
    except OSError as error:
        raise DnsblError(f"{file}: cannot be read: {error.strerror}.") from None
    if mistakes:
        more = f"\n(and {len(mistakes) - NAMED} more)" if len(mistakes) > NAMED else ""
        raise DnsblError("\n".join(mistakes[:NAMED]) + more + "\nNothing was changed.")
    return found


def watched(networks: Sequence[Network], words: str) -> Iterable[Network]:
    """The same networks, with a bar on standard error while they are taken, when that is a terminal."""
    console = terminal.err()
    return track(networks, words, console=console, transient=True, disable=not console.is_terminal)
