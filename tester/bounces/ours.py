"""What is ours: names, addresses, and the phrase by which our own refusals are known wherever they are quoted.

Pure. Every refusal of the collector carries `COLLECTOR`; nothing that we send to others does. What quotes it shows
that our collector was asked to take a letter and did not: the fault is ours, and the relay did relay. Looks for the
phrase in whatever has become of it; says nothing about what quotes it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address

from tester.mime import encoded_word
from tester.records import dataclass

#: Stands in every refusal of our collector, and in its greeting.
COLLECTOR = "relay-test collector"

_LONGEST = 500  # octets of a reply, without its line end (RFC 5321 4.5.3.1.5)

_CODES = re.compile(r"[45][0-9][0-9][ -](?:[45]\.[0-9]{1,3}\.[0-9]{1,3} )?")
_NOISE = re.compile(rb"[^a-z0-9.-]+")
#: The phrase without its blank, with or without its hyphen. In a host name the words have a hyphen or dot between them.
_PHRASE = re.compile(rb"relay-{0,3}testcollector")
#: The phrase behind a reply's code: somebody quotes what we said, and does not speak about us.
_REPLY = re.compile(rb"[45][0-5][0-9][a-z0-9.-]{0,80}" + _PHRASE.pattern)

_TAG = re.compile(rb"<[^<>]*>")
_WORD = re.compile(rb"=\?[^?\s]{1,40}\?([bq])\?([^?\s]{0,1000})\?=", re.I)  # RFC 2047 2
#: One octet in hex, as xtext (RFC 3461 4), utf-8-addr-xtext (RFC 6533 3), quoted-printable and URLs write it.
_HEX = re.compile(rb"[+=%]([2-7][0-9a-f])|\\x\{0{0,4}([2-7][0-9a-f])\}", re.I)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ours:
    """What is ours, by which our own part in what comes back is told."""

    names: Collection[
        str
    ]  #: names, domains and addresses of our collectors, lower case: what a Remote-MTA may be called
    sources: Collection[IPv4Address | IPv6Address] = ()  #: addresses that we dial from
    marks: Collection[
        str
    ] = ()  #: those of the names that nobody has cause to write who has not turned to our collector

    def marked(self, text: str) -> bool:
        """Whether a text in lower case names our collector as a host, not as a part of an address or a longer name."""
        names = "|".join(map(re.escape, sorted(self.marks)))
        return bool(names) and bool(re.search(rf"(?<![\w.@%!-])(?:{names})(?![\w-]|\.\w)", text))


def refusal(reply: str) -> str:
    """A reply of our collector, one line; what refuses carries the phrase, near its code so that no cut takes it."""
    codes = _CODES.match(reply)
    if codes is None or COLLECTOR in reply[:_LONGEST]:
        return reply[:_LONGEST]
    return f"{codes[0]}{COLLECTOR}: {reply[codes.end() :]}"[:_LONGEST]


def quoted(pieces: Iterable[bytes]) -> bool:
    """Whether the phrase stands in any of these, however it was wrapped, quoted, marked up or encoded on the way."""
    return any(_PHRASE.search(text) for piece in pieces for text in _readings(piece))


def quoted_as_reply(pieces: Iterable[bytes]) -> bool:
    """The same, with the code of a refusal before it: the reply itself is quoted."""
    return any(_REPLY.search(text) for piece in pieces for text in _readings(piece))


def _readings(piece: bytes) -> Iterator[bytes]:
    """Letters and digits of a text alone, in lower case: as it stands, decoded, and without its markup.

    Octets of any other charset fall out as noise: in all that mail uses, UTF-16 among them, ASCII stays ASCII.
    """
    yield _NOISE.sub(b"", piece.lower())
    plain = _WORD.sub(_word, piece)
    yield _NOISE.sub(b"", _HEX.sub(_octet, plain).lower())
    if b"<" in piece or b"&" in piece:
        shown = html.unescape(_TAG.sub(b"", plain).decode("latin-1")).encode()
        yield _NOISE.sub(b"", shown.lower())
        yield _NOISE.sub(b"", _HEX.sub(_octet, shown).lower())


def _word(found: re.Match[bytes]) -> bytes:
    return encoded_word(found[1], found[2])


def _octet(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex((found[1] or found[2]).decode("ascii"))
