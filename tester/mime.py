"""A message as a tree of parts, read with bounded work whatever a stranger has made of it.

Pure, lenient, and believes nothing. The standard library's reader nests as deep as a stranger likes, and rereads every
line once for each level; this one visits at most 100 parts, 20 levels deep, of the first MiB. Never raises.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from tester.received.fields import fields
from tester.records import dataclass

LARGEST = 1024 * 1024  # octets of a message that are looked at
_DEEPEST = 20  # levels of nesting
_PARTS = 100  # parts of one message

_LINE_END = re.compile(rb"\r+\n?")
_INSIDE = re.compile(rb"content-(?:type|transfer-encoding):", re.I)
_WORD = re.compile(r"=\?([^?\s]{1,40})\?([bq])\?([^?\s]{0,1000})\?=", re.I)
#: The name of a transfer encoding, whatever comment or quotation marks somebody has set around it.
_ENCODING = re.compile(rb"(?:\([^()]{0,60}\)|[\s\"']){0,9}([\w-]{1,40})")
_TYPE = re.compile(rb"[\w.+-]{1,60}/[\w.+-]{1,60}")
#: A boundary, or a piece of one that is written in several or with its charset (RFC 2231 3 and 4).
_BOUNDARY = re.compile(
    rb";\s{0,9}boundary(\*\d{1,2})?(\*)?\s{0,9}=\s{0,9}(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.I
)
_CHARSET = re.compile(rb";\s{0,9}charset\s{0,9}=\s{0,9}\"?([\w.:+-]{1,40})", re.I)
_REPORT = re.compile(rb";\s{0,9}report-type\s{0,9}=\s{0,9}\"?([\w.+-]{1,60})", re.I)

#: Types of messages about messages: each is a list of fields, not a message of its own.
STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})  # RFC 3464, RFC 6533
RECEIPT = frozenset({"message/disposition-notification", "message/global-disposition-notification"})  # RFC 8098, 6533
FEEDBACK = frozenset({"message/feedback-report"})  # RFC 5965
_FIELDS = STATUS | RECEIPT | FEEDBACK
_SIGNED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})  # RFC 8551 3.5.2: an entity, between octets
_HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})  # the head of a message, without its text

#: The codecs of mail. Names from a stranger never reach the library's own search, which imports what they say.
_CODECS = {
    name: codec
    for codec, names in {
        "utf-8": ("utf-8", "utf8", "us-ascii", "ascii"),
        "utf-7": ("utf-7", "unicode-1-1-utf-7"),
        "utf-16": ("utf-16",),
        "utf-16-le": ("utf-16le",),
        "utf-16-be": ("utf-16be",),
        "cp1252": ("iso-8859-1", "latin1", "latin-1"),
        "koi8-r": ("koi8-r", "koi8"),
        "koi8-u": ("koi8-u",),
        "cp866": ("cp866", "ibm866"),
        "cp850": ("cp850", "ibm850"),
        "cp437": ("cp437", "ibm437"),
        "cp874": ("windows-874", "tis-620", "iso-8859-11"),
        "mac_roman": ("macintosh", "x-mac-roman"),
        "iso8859_8": ("iso-8859-8-i",),
        "iso2022_jp_2": ("iso-2022-jp", "iso-2022-jp-2"),
        "cp932": ("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "cp932"),
        "euc_jp": ("euc-jp", "x-euc-jp"),
        "cp949": ("euc-kr", "ks_c_5601-1987", "ksc5601", "cp949"),
        "iso2022_kr": ("iso-2022-kr",),
        "big5hkscs": ("big5", "big5-hkscs", "cp950"),
        "gb18030": ("gb2312", "gbk", "gb18030", "x-gbk", "cp936", "euc-cn"),
        "hz": ("hz-gb-2312",),
    }.items()
    for name in names
} | {f"{family}{n}": f"{codec}{n}" for family, codec, numbers in (
    ("iso-8859-", "iso8859_", range(2, 17)), ("windows-", "cp", range(1250, 1259)), ("cp", "cp", range(1250, 1259))
) for n in numbers if (family, n) != ("iso-8859-", 12)}  # fmt: skip

_BREAK = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?ul|/?table|/?blockquote|/?pre|hr|/?h[1-6])\b[^<>]*>", re.I)
_TAG = re.compile(r"<[^<>]*>")
_EDGE = re.compile(r"(<!--|-->|</?(?:style|script)\b)", re.I)


@dataclass(frozen=True, slots=True)
class Part:
    """One node of a message's MIME tree."""

    kind: str  #: content type, lower case
    content: bytes  #: transfer encoding undone, lines ended by line feeds
    copied: bool  #: stands inside the copy of another message
    report: str = ""  #: the report-type of the nearest multipart/report around it, lower case; "" without one
    charset: str = ""  #: as declared, lower case

    @property
    def leaf(self) -> bool:
        """Whether it has no parts itself."""
        return not self.kind.startswith(("multipart/", "message/")) or self.kind in _FIELDS | _HEADERS

    @property
    def text(self) -> str:
        """The content as text: by its declared charset where that is one of mail's, else as UTF-8, else as Latin-1;
        of HTML what a reader would see, with line ends where it breaks."""
        text = told(self.content, self.charset)
        return visible(text) if self.kind == "text/html" else text


def told(content: bytes, charset: str) -> str:
    """Octets as text: by the declared charset, lower case, where that is one of mail's, else as UTF-8, else as
    Latin-1."""
    codec = _CODECS.get(charset)
    try:
        return content.decode(codec or "utf-8", "replace" if codec else "strict")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def visible(markup: str) -> str:
    """What HTML shows: without tags, styles, scripts and comments, entities resolved, line ends where blocks end."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", "".join(_seen(markup.replace("\n", " "))))))


def _seen(markup: str) -> Iterator[str]:
    """The markup without what nobody sees, in one pass; what hides and never ends hides all that follows."""
    end = ""
    for piece in _EDGE.split(markup):
        edge = piece.lower()
        if end:
            if edge == end:
                yield "<" if edge.startswith("</") else ""  # what is left of the tag
                end = ""
        elif edge == "<!--":
            end = "-->"
        elif edge in ("<style", "<script"):
            end = f"</{edge[1:]}"
        else:
            yield piece


def header(head: bytes) -> dict[str, bytes]:
    """The fields at the start of `head`: lower-case name -> unfolded value; of a repeated field the first counts."""
    return dict(reversed(tuple(fields(head))))


def lines(message: bytes) -> bytes:
    """The first MiB of a message with every line end, however written, as one line feed; of a message without any line
    feed each carriage return ends a line."""
    message = message[:LARGEST]
    return _LINE_END.sub(b"\n", message) if b"\n" in message else message.replace(b"\r", b"\n")


def parts(message: bytes) -> Iterator[Part]:
    """The nodes of the MIME tree (RFC 2045, 2046) of a message whose lines end in line feeds, containers included, at
    most 100 and 20 levels deep."""
    stack = [(message, "text/plain", False, "", 0)]
    for _ in range(_PARTS):
        if not stack:
            return
        entity, kind, copied, report, depth = stack.pop()
        head, _, body = (b"", b"", entity[1:]) if entity.startswith(b"\n") else entity.partition(b"\n\n")
        found = header(head)
        declared = found.get("content-type", b"")
        if match := _TYPE.match(declared):
            kind = match[0].decode("latin-1").lower()
        content = _decoded(body, found.get("content-transfer-encoding", b""))
        inner: list[bytes] = []
        if kind.startswith("multipart/"):
            inner = list(_divided(content, _boundary(declared)))
            if not inner:
                kind = "text/plain"  # damaged on the way: all of it is text
            elif kind == "multipart/report":
                report = _parameter(_REPORT, declared)
        elif kind.startswith("message/") and kind not in _FIELDS | _HEADERS:
            inner = [content]
        elif kind in _SIGNED and (match := _INSIDE.search(content)):
            inner = [content[match.start() :]]
        yield Part(kind, content, copied or kind in _HEADERS, report, _parameter(_CHARSET, declared))
        if depth < _DEEPEST:
            default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
            copied = copied or kind.startswith("message/")
            stack += [(part, default, copied, report, depth + 1) for part in reversed(inner)]


def _parameter(form: re.Pattern[bytes], declared: bytes) -> str:
    found = form.search(declared)
    return found[1].decode("ascii").lower() if found else ""


def _boundary(declared: bytes) -> bytes:
    """The boundary of a multipart, b"" without one."""
    pieces = list(_BOUNDARY.finditer(declared))
    if not pieces:
        return b""
    said = pieces if pieces[0][1] else pieces[:1]  # of a repeated parameter the first counts
    whole = b"".join(piece[3] or piece[4] for piece in said)
    return unquote_to_bytes(whole.rpartition(b"'")[2]) if pieces[0][2] else whole  # without charset and language


def _divided(content: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between the delimiter lines (RFC 2046 5.1.1); a missing last one is forgiven."""
    held: list[bytes] | None = None
    for line in content.split(b"\n") if boundary else ():
        end = line[len(boundary) + 2 :].rstrip()
        if line.startswith(b"--" + boundary) and end in (b"", b"--"):
            if held is not None:
                yield b"\n".join(held)
            if end:
                return
            held = []
        elif held is not None:
            held.append(line)
    if held is not None:
        yield b"\n".join(held)


def encoded_word(encoding: bytes, text: bytes) -> bytes:
    """What an encoded word of a header says (RFC 2047): `encoding` is Q or B, in either case."""
    return binascii.a2b_qp(text, header=True) if encoding in b"qQ" else _base64(text)


def worded(value: bytes) -> str:
    """A header field's value with its encoded words resolved (RFC 2047), as far as they can be."""
    text = re.sub(rb"\?=\s+=\?", b"?==?", value).decode("utf-8", "replace")
    return _WORD.sub(_resolved, text)


def _resolved(found: re.Match[str]) -> str:
    content = encoded_word(found[2].encode(), found[3].encode("ascii", "ignore"))
    return told(content, found[1].partition("*")[0].lower())  # without its language (RFC 2231 5)


def _decoded(body: bytes, encoding: bytes) -> bytes:
    """The body without its transfer encoding; what is damaged is read as far as it goes."""
    named = _ENCODING.match(encoding)
    encoding = named[1].lower() if named else b""
    if encoding.startswith(b"quoted-printable"):
        body = binascii.a2b_qp(body)
    elif encoding.startswith(b"base64"):
        body = _base64(body)
    return _LINE_END.sub(b"\n", body)


def _base64(text: bytes) -> bytes:
    digits = re.sub(rb"[^A-Za-z0-9+/=]", b"", text).partition(b"=")[0]
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(digits + b"==")  # more than is wanted is passed over
