"""As much of MIME (RFC 2045, 2046) as finding messages inside messages needs. Pure, bounded, never raises.

Bytes from strangers: at most `DEPTH` multiparts in each other and `PARTS` parts in all are looked at, each octet once a
level. What is cut short in the middle of a part is read as far as it goes. Knows nothing of evidence.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from email.errors import MessageError
from email.header import decode_header, make_header
from urllib.parse import unquote

from tester.received.fields import fields
from tester.records import dataclass

DEPTH, PARTS = 5, 100

_PARAMETER = re.compile(r';\s*([a-z0-9*-]{1,40})\s*=\s*(?:"((?:[^"\\]|\\.){0,300})"|([^\s;"]{1,300}))', re.IGNORECASE)
#: The first word of a field that declares something, in quotes or not; a comment may be behind it (RFC 2045 5.1).
_WORD = re.compile(r"[\s\"']*([^\s;()\"']*)")
_BLANK = re.compile(rb"\r?\n\r?\n")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
#: Encoded words in a row, of which blanks between are no part. The library would spell out what stands beside them.
_ENCODED_WORDS = re.compile(r"=\?[^?\s]+\?[bq]\?[^?\s]*\?=(?:\s+=\?[^?\s]+\?[bq]\?[^?\s]*\?=)*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """One leaf of a message's tree: what is no multipart."""

    kind: str  #: its content type, lower case
    name: str  #: its file name, lower case, or ""
    body: bytes  #: its content, decoded
    charset: str = ""  #: as declared, lower case
    attached: bool = False  #: whether it is a file beside the text, by its disposition or since it has a name


def content_type(value: str) -> tuple[str, dict[str, str]]:
    """A Content-Type field as type and parameters, names and type in lower case; a parameter in pieces, or with a
    charset (RFC 2231), comes out whole under its name."""
    kind = _word(value)
    found = {
        each[1].lower(): re.sub(r"\\(.)", r"\1", each[2]) if each[3] is None else each[3]
        for each in _PARAMETER.finditer(value)
    }
    pieces: dict[str, list[str]] = {}
    for key in [key for key in found if "*" in key]:  # in the order in which they stand, as all programs write them
        text = found.pop(key)
        if key.endswith("*"):
            first = key.partition("*")[2] in ("", "0*")
            text = unquote(text.rpartition("'")[2] if first else text, "latin-1")
        pieces.setdefault(key.partition("*")[0], []).append(text)
    return kind, found | {key: "".join(texts) for key, texts in pieces.items()}


def split(message: bytes) -> tuple[dict[str, str], bytes]:
    """A message's or a part's header (the first field of each name) and its body."""
    if message[:1] == b"\n" or message[:2] == b"\r\n":
        return {}, message.lstrip(b"\r\n")
    header: dict[str, str] = {}
    for name, value in fields(message):
        header.setdefault(name, value.decode("latin-1"))
    blank = _BLANK.search(message)
    return header, message[blank.end() :] if blank else b""


def parts(message: bytes) -> Iterator[Leaf]:
    """The leaves of a message, in order; a message that is no multipart is its own leaf."""
    left = PARTS
    waiting: list[tuple[bytes, int, str]] = [(message, 0, "text/plain")]
    while waiting and left:
        left -= 1
        piece, depth, default = waiting.pop()
        header, body = split(piece)
        kind, parameters = content_type(header.get("content-type", default))
        boundary = parameters.get("boundary", "")
        if kind.startswith("multipart/") and boundary and depth < DEPTH:
            inner = "message/rfc822" if kind == "multipart/digest" else "text/plain"  # RFC 2046 5.1.5
            if pieces := _pieces(body, boundary.encode("latin-1", "replace")):
                waiting += [(each, depth + 1, inner) for each in reversed(pieces)]
                continue
            kind = "text/plain"  # its parts were lost where it was copied: all of it is text
        disposed, disposition = content_type(header.get("content-disposition", ""))
        name = readable(disposition.get("filename") or parameters.get("name") or "").strip().lower()
        yield Leaf(
            kind=kind,
            name=name,
            body=decoded(body, header.get("content-transfer-encoding", "")),
            charset=parameters.get("charset", "").lower(),
            attached=disposed == "attachment" or bool(name),
        )


def readable(text: str) -> str:
    """A subject or a file's name, encoded words (RFC 2047) and bare UTF-8 (RFC 6532) made readable if they can be."""
    text = text[:500]
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode()
    try:
        return _ENCODED_WORDS.sub(lambda found: str(make_header(decode_header(found[0]))) or found[0], text)
    except (ValueError, LookupError, MessageError):
        return text


def decoded(body: bytes, encoding: str) -> bytes:
    """A body without its transfer encoding, as far as it can be read."""
    match _word(encoding):
        case "base64":
            letters = _NOT_BASE64.sub(b"", body)
            return binascii.a2b_base64(letters[: len(letters) // 4 * 4] + _padded(letters))
        case "quoted-printable":
            return binascii.a2b_qp(body)
    return body


def _word(value: str) -> str:
    """What a field declares, in lower case, or ""."""
    found = _WORD.match(value)
    return found[1].lower() if found else ""


def _padded(letters: bytes) -> bytes:
    """The last, incomplete group of base64, completed; a single letter holds no octet."""
    rest = letters[len(letters) // 4 * 4 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the boundary lines (RFC 2046 5.1.1); the last one may be cut short."""
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    found: list[bytes] = []
    start = 0
    for match in line.finditer(body):
        if start:
            found.append(body[start : match.start()])
        start = match.end()
        if match[1] or len(found) >= PARTS:
            return [_begun(piece) for piece in found]
    if start:
        found.append(body[start:])
    return [_begun(piece) for piece in found]


def _begun(piece: bytes) -> bytes:
    """A piece behind the end of its boundary's line."""
    return piece[2:] if piece[:2] == b"\r\n" else piece[1:]
