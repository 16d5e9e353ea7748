"""What stands in the lines of data files beside entries: words, times, addresses, names as labels. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from dnsbl.dns.sources.values import NotTaken

_UNITS = {b"": 1, b"s": 1, b"m": 60, b"h": 3600, b"d": 86400, b"w": 604800}
_TIME = re.compile(rb"([0-9]{1,10})([smhdw]?)\Z", re.IGNORECASE)
_STAMP = re.compile(
    rb"([0-9]{4})[-:]?([0-9]{1,2})[-:]?([0-9]{1,2})"
    rb"(?:[-:]?([0-9]{1,2})(?:[-:]?([0-9]{1,2})(?:[-:]?([0-9]{1,2}))?)?)?\Z"
)
_FIRST = re.compile(rb"([^ \t]*)([ \t]*)")
_DIGITS = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}(?![0-9.])")


def word(text: bytes) -> tuple[bytes, bytes, bytes]:
    """(the first word, the blanks behind it, the rest)."""
    match = _FIRST.match(text)
    assert match is not None
    return match[1], match[2], text[match.end() :]


def digits(text: bytes) -> bytes:
    """One to four octets that a text begins with. Raises NotTaken."""
    match = _DIGITS.match(text)
    if match is None:
        raise NotTaken("an A record needs an IPv4 address")
    return match[0]


def time(text: bytes) -> int:
    """Seconds. Raises NotTaken."""
    match = _TIME.match(text)
    seconds = int(match[1]) * _UNITS[match[2].lower()] if match else -1
    if not 0 <= seconds <= 2**31 - 1:
        raise NotTaken("a time is a number of seconds, or one with s, m, h, d or w behind it")
    return seconds


def moment(text: bytes) -> int:
    """Unix seconds; 0 for what is not given. Raises NotTaken."""
    if text in (b"0", b"-"):
        return 0
    match = _STAMP.match(text)
    if match is None:
        raise NotTaken("a time stamp is yyyy-mm-dd, with hours, minutes and seconds or not")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        raise NotTaken("there is no such time") from None


def labels(packed: bytes) -> tuple[bytes, ...]:
    """The labels of a packed name."""
    found, at = [], 0
    while at < len(packed):
        found.append(packed[at + 1 : at + 1 + packed[at]])
        at += packed[at] + 1
    return tuple(found)
