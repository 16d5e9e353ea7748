"""Lists of suspects that others hand in: text -> rows, and what is wrong with the lines that are none. Pure.

A line is an address, with a comment behind it perhaps, or one JSON object with `address` and perhaps `reason` and
`evidence` (the spam, with all its headers). Only single addresses are rows: no network is ever tested because somebody
named it. Whoever runs a feed is a stranger: lines are bounded before they are parsed, and what is wrong with one is
said of that one alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from dnsbl.addresses import Address, parse_address
from tester.records import dataclass

#: Octets of a line that is no JSON.
LINE_MOST = 1000
#: Faults that are kept in words; of the rest the number.
FAULTS_MOST = 20

_COMMENT = re.compile(r"\s*(?:#|;|//)")
_WORD = re.compile(r"[^\s,;#]{1,100}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One suspect, as a feed names it."""

    line: int  #: counted from 1
    address: Address
    reason: str  #: the feed's own words, or ""
    evidence: bytes | None  #: the spam, where the row brings it


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What a list holds."""

    rows: tuple[Row, ...]  #: each address once
    faults: tuple[str, ...]  #: what is wrong with lines, the first of them
    skipped: int  #: lines that are no rows, all of them
    left: bool  #: whether there was more than is taken at a time


def batch(text: bytes, *, most: int, evidence_most: int) -> Batch:
    """Read a list, at most so many lines of it; evidence of more octets is cut, and of a JSON line twice as many are
    read. Never raises."""
    rows: dict[Address, Row] = {}
    faults: list[str] = []
    skipped = 0
    lines = enumerate(_lines(text, 2 * evidence_most + LINE_MOST), 1)
    for number, line in islice(lines, most):
        try:
            row = _row(number, line, evidence_most)
        except ValueError as error:
            skipped += 1
            if len(faults) < FAULTS_MOST:
                faults.append(f"line {number}: {error}")
            continue
        if row is not None and (row.evidence is not None or row.address not in rows):
            rows[row.address] = row
    left = next(lines, None) is not None
    return Batch(rows=tuple(rows.values()), faults=tuple(faults), skipped=skipped, left=left)


def _lines(text: bytes, most: int) -> Iterator[bytes | None]:
    """The lines, without their ends; None for one that is too long to be read. Copies one line at a time."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end].strip() if end - start <= most else None
        start = end + 1


def _row(number: int, line: bytes | None, evidence_most: int) -> Row | None:
    """One line; None for one that says nothing. Raises ValueError with half a sentence."""
    if line is None:
        raise ValueError("is too long")
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    if line.startswith(b"{"):
        return _object(number, line, evidence_most)
    if len(line) > LINE_MOST:
        raise ValueError("is too long")
    text = line.decode("utf-8", "replace")
    if not text or _COMMENT.match(text):
        return None
    word = _WORD.match(text)
    if word is None:
        raise ValueError("begins with no address")
    return Row(line=number, address=_address(word[0]), reason="", evidence=None)


def _object(number: int, line: bytes, evidence_most: int) -> Row:
    try:
        found: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    address = found.get("address", found.get("ip", found.get("network")))
    if not isinstance(address, str):
        raise ValueError("has no address")
    reason, spam = found.get("reason", ""), found.get("evidence")
    if not isinstance(reason, str) or not (spam is None or isinstance(spam, str)):
        raise ValueError("has a reason or evidence that is no text")
    evidence = spam.encode("utf-8", "replace")[:evidence_most] if spam and spam.strip() else None
    return Row(line=number, address=_address(address), reason=reason[:1000], evidence=evidence)


def _address(text: str) -> Address:
    """The address; that of a network of one. Raises ValueError."""
    bare = text.strip()[:100]
    bare = bare.removesuffix("/128") if ":" in bare else bare.removesuffix("/32")
    if "/" in bare:
        raise ValueError(f"{ascii(bare)[1:-1]} is a network; a feed names single addresses")
    try:
        return parse_address(bare)
    except ValueError:
        raise ValueError(f"{ascii(bare)[1:-1]} is no address") from None
