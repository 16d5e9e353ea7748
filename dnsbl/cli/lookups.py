"""`dnsbl lookup --from`: many addresses, a line each, in and out. Reads in slices: a file may be of any size."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from dnsbl.casework.briefing import MOST
from dnsbl.cli import terminal
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.rules.asking import MOST_ROW
from dnsbl.web import briefs
from dnsbl.web.briefs import Each


def lookup_each(each: Each, zones: Zones, site: str, file: Path, *, as_json: bool) -> None:
    """Show where each address in a file (`-` is standard input) stands, or say that none is in it; `each` tells of
    addresses, `site` is web.base_url. Raises DnsblError; ends with exit code 1 where a line could not be read."""
    total = wrong = 0
    for piece in _pieces(file):
        found = briefs.rows(piece, each, zones.codes_of, zones.origins, site)
        for row in found:
            print(json.dumps(row) if as_json else in_words(row))
        total += len(found)
        wrong += sum(row["mistake"] is not None for row in found)
    if not total and as_json:
        print("[]")
    elif not total:
        terminal.say(f"No address is in {'standard input' if str(file) == '-' else file}.")
    if wrong:
        terminal.fail(f"{wrong} of {total} lines could not be read as an address.")


def in_words(row: dict[str, Any]) -> str:
    """One row as a line of text: address and state, then what lists it and what DNS answers, with tabs between."""
    if row["mistake"] is not None:
        return f"{row['asked']}\tunread\t{row['mistake']}"
    listings = ", ".join(f"{one['kind']} ({one['network']})" for one in row["listings"]) or "-"
    answers = ", ".join(f"{zone} {' '.join(codes)}" for zone, codes in row["zones"].items() if codes) or "-"
    return f"{row['address']}\t{row['state']}\t{listings}\t{answers}"


def _pieces(file: Path) -> Iterator[list[str]]:
    """The rows of a file, a slice at a time. Raises DnsblError where it cannot be read."""
    place = sys.stdin.fileno() if str(file) == "-" else file
    try:
        with open(place, encoding="utf-8-sig", errors="backslashreplace", closefd=place is file) as lines:
            texts = _texts(lines)
            while piece := list(islice(texts, MOST)):
                yield piece
    except OSError as error:
        raise DnsblError(f"{file}: cannot be read: {error.strerror}.") from None


def _texts(lines: TextIO) -> Iterator[str]:
    """The rows of a file: lines that are neither blank nor a remark (#). Of one that is too long only its beginning is
    held, which is too long for a row too."""
    while line := lines.readline(2 * MOST_ROW):
        rest = line
        while len(rest) == 2 * MOST_ROW and not rest.endswith("\n"):
            rest = lines.readline(2 * MOST_ROW)
        if bare := line.partition("#")[0].strip():
            yield bare
