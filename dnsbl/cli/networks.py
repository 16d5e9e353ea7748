"""Networks that an operator names: one, or a file of them. Reads and counts; changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.progress import Progress

from dnsbl.addresses import Network, parse_network
from dnsbl.cli import terminal
from dnsbl.errors import DnsblError
from dnsbl.store.packed import Packed, key_of

#: Mistakes in a file that are named; the others are counted.
NAMED = 20


def one(text: str) -> Network:
    """The network that was typed. Raises DnsblError."""
    try:
        return parse_network(text)
    except ValueError as error:
        raise DnsblError(str(error)) from None


def given(text: str, file: Path | None) -> Packed:
    """The network that was typed, or those in a file, which is read once. Raises DnsblError, which names bad lines."""
    if bool(text) == bool(file):
        raise typer.BadParameter("give either NET or --from FILE")
    if file is None:
        return Packed.of([one(text)])
    found = Packed()
    mistakes: list[str] = []
    wrong = 0
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines, terminal.err().status("reading"):
            for number, line in enumerate(lines, 1):
                bare = line.partition("#")[0].strip()
                if not bare:
                    continue
                try:
                    found.add(key_of(bare))
                except ValueError as error:
                    wrong += 1
                    if wrong <= NAMED:
                        mistakes.append(f"{file}:{number}: {error}")
    except OSError as error:
        raise DnsblError(f"{file}: cannot be read: {error.strerror}.") from None
    if mistakes:
        more = f"\n(and {wrong - NAMED} more)" if wrong > NAMED else ""
        raise DnsblError("\n".join(mistakes) + more + "\nNothing was changed.")
    return found


@contextmanager
def watched(networks: Packed, words: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, when that is a terminal; what is yielded is told how many were gone through."""
    console = terminal.err()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(words, total=networks.given)
        yield lambda gone: progress.update(task, completed=gone)
