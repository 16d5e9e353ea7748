"""Lists of suspects that others hand in: text -> rows, and what is wrong with the lines that are none. Pure.

A line is an address, with a comment behind it perhaps, or one JSON object with `address` and perhaps `reason` and
`evidence` (the spam, with all its headers). Only single addresses are rows: no network is ever tested because somebody
named it, and a line that may mean another address than its first word (a range, a mask, a second address, a line of a
zone file, where addresses stand backwards) is none. Whoever runs a feed is a stranger: lines are bounded before they
are parsed, and what is wrong with one is said of that one alone. What is no list at all, such as a web page or an
archive, is refused whole: an address in it is nobody's suspect.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from dnsbl.addresses import Address, parse_address
from dnsbl.errors import DnsblError
from dnsbl.rules.evidence.files import said_to_be
from tester.records import dataclass

#: Octets of a line that is no JSON.
LINE_MOST = 1000
#: Faults that are kept in words; of the rest the number.
FAULTS_MOST = 20

_COMMENT = re.compile(r"#|;|//")
_WORD = re.compile(r"[\"']?([^\s,;#|\"']{1,100})")
#: The next word behind the address, where that is no comment, and what may stand before it in a range or a mask.
_NEXT = re.compile(
    r"[\s,;|\"']+(?:(?:-|\u2013|\u2014|\.{2,3}|to|(?:net)?mask)[\s,;|\"']*)?([0-9a-f.:]{3,50})(?![^\s,;|\"'#/])", re.I
)
_LENGTH = re.compile(r"\s+/\s*[0-9]")
#: How a line of a zone file goes on behind its name (RFC 1035 5.1).
_RECORD = re.compile(
    r"\s+(?:(?:IN|[0-9]{1,10}[smhdw]?)\s+){0,2}(?:A\s+[0-9.]{7}|AAAA\s+[0-9a-f:]{2}|(?:TXT|CNAME|PTR)\s+\S)", re.I
)
#: How a list in JSON begins that is on one line.
_LIST = re.compile(rb"\[\s*[{\"]")
_MARKUP = re.compile(rb"<[!?a-z]", re.IGNORECASE)


class NoList(DnsblError):
    """What was brought is no list."""


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
    read. Raises NoList, one sentence, for what is no list at all."""
    text = _plain(text)
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


def _plain(text: bytes) -> bytes:
    """The list in UTF-8, its line ends with a line feed. Raises NoList."""
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = text.decode("utf-16", "replace").encode()
    begins = text[:1000].removeprefix(codecs.BOM_UTF8).lstrip()
    what = said_to_be(begins) or ("a web page, or XML" if _MARKUP.match(begins) else "")
    if what:
        raise NoList(f"This is {what}. An address or a JSON object a line is needed; nothing of it was read.")
    return text if b"\n" in text else text.replace(b"\r", b"\n")


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
        return _object(number, line.rstrip(b","), evidence_most)
    if line in (b"[", b"]"):  # around objects, each on its line
        return None
    if len(line) > LINE_MOST:
        raise ValueError("is too long")
    if _LIST.match(line):
        raise ValueError("is a list in JSON; an object a line is needed")
    text = line.decode("utf-8", "replace").strip()
    if not text or _COMMENT.match(text):
        return None
    word = _WORD.match(text)
    if word is None:
        raise ValueError("begins with no address")
    address = _address(word[1])
    _alone(address, text[word.end() :])
    return Row(line=number, address=address, reason="", evidence=None)


def _alone(address: Address, behind: str) -> None:
    """Raises ValueError where what stands behind an address says that it is not what is meant."""
    if _RECORD.match(behind):
        raise ValueError("is of a zone file, where addresses stand backwards; give the address itself")
    if _LENGTH.match(behind):
        raise ValueError(f"names a network at {address}; a feed names single addresses")
    if (following := _NEXT.match(behind)) is None:
        return
    try:
        other = parse_address(following[1])
    except ValueError:
        return
    if other != address and not other.is_loopback:  # which is what a list answers
        raise ValueError(f"names {address} and {other}; one address a line is needed")


def _object(number: int, line: bytes, evidence_most: int) -> Row:
    try:
        found: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    address = found.get("address", found.get("ip", found.get("network")))
    if not isinstance(address, str):
        raise ValueError("has no address")
    reason, spam = found.get("reason"), found.get("evidence")
    reason = "" if reason is None else reason
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
