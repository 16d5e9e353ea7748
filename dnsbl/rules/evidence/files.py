"""Files that people save, without what their programs put around the messages. Pure; takes any bytes.

Knows byte order marks, Outlook's banner, Apple's .emlx, line ends of all kinds, web-mail's pages of a message's source,
words above a pasted header, quotation marks, numbers and bullets before its lines, and mailbox files (mbox).
Knows nothing of what a message says.
"""

from __future__ import annotations

import codecs
import html
import re
from itertools import islice

_FIELD = re.compile(rb"[A-Za-z][A-Za-z0-9._-]*[ \t]*:")
_BANNER = re.compile(rb"Microsoft Mail Internet Headers Version[ \t][\d.]{1,20}[ \t]*\r?\n", re.IGNORECASE)
_EMLX = re.compile(rb"\d{1,12}[ \t]*\r?\n(?=[A-Za-z][A-Za-z0-9._-]*[ \t]*:)")
_FROM = re.compile(rb"^From ([^\r\n]{0,400})", re.MULTILINE)
_BARE = re.compile(rb"From [ \t]*\r?\n(?=[A-Za-z][A-Za-z0-9._-]*[ \t]*:)")  # as Thunderbird writes it
_DAYS = frozenset((b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"))
_TIME = re.compile(rb"\d{1,2}:\d\d(?::\d\d)?\Z")
_DOUBLED = re.compile(rb"\r{2,}\n")
#: What stands before each line where a header was pasted from an answer, from a page that indents it, or as a list.
_QUOTED = re.compile(
    rb"\s{0,9}?^((?:[>|] ?|[ \t]|[-*] |(?:\xe2\x80\xa2|\xc2\xb7) ?){1,16})[A-Za-z][A-Za-z0-9-]*:", re.MULTILINE
)
#: A line's number, as editors, pages and `grep -n` write it.
_NUMBER = re.compile(rb"^[ \t]{0,8}(\d{1,5})(?:[.:)|][ \t]?|[ \t]|(?=\r?$))", re.MULTILINE)
#: A field whose name a page set in bold or italics, as Markdown and Slack write that.
_STARRED = re.compile(rb"^(\*\*?|__?)([A-Za-z][A-Za-z0-9-]*)(?::\1|\1:)", re.MULTILINE)
#: Fields with an empty line behind each, as some pages hand a header out.
_SPACED = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n\r?\n){2}(?:[^\r\n]+\r?\n\r?\n){2}")
#: What nobody sees at a start: no-break and zero-width spaces, joiners, and marks that stand in the middle of a text.
_UNSEEN = re.compile(rb"(?:[\r\n\t ]|\xc2\xa0|\xe2\x80[\x8b-\x8f]|\xe2\x81\xa0|\xef\xbb\xbf){1,4096}")
#: A field that a server or a mail program puts first, where what stands before it is none.
_BEGINS = re.compile(
    rb"^(?:[>|] ?|[ \t]){0,16}(?:Received|Return-Path|Delivered-To|X-Original-To|Envelope-To|X-[A-Za-z0-9-]{2,60}"
    rb"|Authentication-Results|ARC-[A-Za-z-]{4,40}):[ \t]",
    re.IGNORECASE | re.MULTILINE,
)
#: "Headers:" on a line of its own, which is no field.
_CALLED = re.compile(rb"[A-Za-z]{1,40}:[ \t]*\r?\n(?![ \t])")
#: Blanks that are none of ASCII's, as pages and word processors put them.
_BLANKS = rb"(?:\xc2\xa0|\xe2\x80[\x80-\x8a\xaf]|\xe2\x81\x9f|\xe3\x80\x80)"
_NO_BREAK = re.compile(rb"^Received:[^\n]{0,400}?" + _BLANKS, re.IGNORECASE | re.MULTILINE)
_ABOVE = 8 * 1024  # octets in which such a field is sought
_TAG = re.compile(rb"<[^<>]{0,500}>")
_PRE, _PRE_ENDS = re.compile(rb"<pre\b[^<>]{0,500}>", re.IGNORECASE), re.compile(rb"</pre", re.IGNORECASE)
_SOURCES = 20  # of a page's preformatted texts that are looked at
_PAGE = re.compile(rb"<(?:!doctype|html|head|body|meta|pre|div|p|span|table|br)\b", re.IGNORECASE)
_BREAK = re.compile(rb"<(?:br|/p|/div|/tr|/li|/h\d)\b[^<>]{0,200}>", re.IGNORECASE)
_LARGEST = 1024 * 1024  # octets of a page without preformatted text that are looked at
_MAGIC = (
    (b"%pdf", "a PDF"),
    (b"\x89png", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"gif8", "a picture"),
    (b"pk\x03\x04", "an archive: unpack it"),
    (b"\x1f\x8b", "an archive: unpack it"),
    (b"7z\xbc\xaf", "an archive: unpack it"),
    (b"rar!", "an archive: unpack it"),
    (b"bzh", "an archive: unpack it"),
    (b"\xfd7zxz", "an archive: unpack it"),
    (b"\x28\xb5\x2f\xfd", "an archive: unpack it"),
    (b"{\\rtf", "a text of Word"),
    (b'x\x9f>"', "a winmail.dat, which only Outlook opens"),
    (b"-----begin pgp message", "an encrypted text"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
)


def opened(file: bytes) -> bytes:
    """A text file without what stands before its first field; line ends are LF or CRLF."""
    if file.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        file = file.decode("utf-16", "replace").encode()
    elif (order := file[:128]).count(0) >= len(order) // 3 > 0:  # the same, without its mark
        file = file.decode("utf-16-be" if file[:1] == b"\0" else "utf-16-le", "replace").encode()
    if b"\r\r\n" in file[:65536]:
        file = _DOUBLED.sub(b"\r\n", file)
    if b"\n" not in file[:65536] and b"\r" in file[:65536]:
        file = file.replace(b"\r", b"\n")
    if (first := _NUMBER.match(file)) and _FIELD.match(file, first.end()):
        second = _NUMBER.match(file, file.find(b"\n", first.end()) + 1)
        if second and int(second[1]) == int(first[1]) + 1:
            file = _NUMBER.sub(b"", file)
    if _STARRED.match(file):
        file = _STARRED.sub(rb"\2:", file)
    if quoted := _QUOTED.match(file):
        file = re.sub(rb"(?m)^(?:%b|%b(?=\r?$))" % tuple(map(re.escape, (quoted[1], quoted[1].rstrip()))), b"", file)
    if _SPACED.match(file):
        file = re.sub(rb"\n\r?\n", b"\n", file)
    for _ in range(3):  # a mark, empty lines and a banner, in any order
        if before := _UNSEEN.match(file):
            file = file[before.end() :]
        if before := _BANNER.match(file) or _EMLX.match(file):
            file = file[before.end() :]
    return file


def pasted(file: bytes) -> bytes:
    """The same of what somebody saved from a web-mail's page, or pasted with words or a summary above the header."""
    text = opened(file)
    if _NO_BREAK.search(text, 0, _ABOVE):  # as pages are copied
        head, end, body = text.partition(b"\r\n\r\n" if b"\r\n" in text[:_ABOVE] else b"\n\n")
        text = re.sub(_BLANKS, b" ", head) + end + body
    if called := _CALLED.match(text):
        text = opened(text[called.end() :])
    if is_mail(text) or b"\0" in text[:_ABOVE]:
        return text
    if _PAGE.match(text):
        return opened(_source(text))
    return below(text) or text


def below(text: bytes) -> bytes:
    """The message whose header begins below other words, within the first few KiB; b"" where none does."""
    begins = _BEGINS.search(text, 0, _ABOVE)
    return opened(text[begins.start() :]) if begins else b""


def _source(page: bytes) -> bytes:
    """The message that a web-mail's page shows as its source, preformatted or line by line, or the page itself."""
    for opens in islice(_PRE.finditer(page), _SOURCES):
        start, near = opens.end(), opens.end() + _ABOVE
        closed = _PRE_ENDS.search(page, start, near)
        if _BEGINS.search(page, start, closed.start() if closed else near):
            ends = closed or _PRE_ENDS.search(page, near)
            text = page[start : ends.start() if ends else len(page)]
            return _shown(text)
    return below(_shown(_BREAK.sub(b"\n", page[:_LARGEST]))) or page


def _shown(markup: bytes) -> bytes:
    """What a page shows of its markup."""
    return html.unescape(_TAG.sub(b"", markup).decode("utf-8", "replace")).encode()


def is_mail(text: bytes) -> bool:
    """Whether an opened file begins as a message or a mailbox does."""
    return bool(_FIELD.match(text)) or text.startswith((b"From ", b">From "))


def mailbox(text: bytes) -> list[bytes]:
    """The messages of an opened mailbox file; a file that is none is one message.

    A message begins with a "From " line that holds a date, or nothing and has a field behind it, at the start or behind
    an empty line.
    """
    if not text.startswith(b"From "):
        return [text]
    starts = [0]
    for match in _FROM.finditer(text, 1):
        before = text[max(match.start() - 4, 0) : match.start()].replace(b"\r", b"")
        words = [word.strip(b",").lower() for word in match[1].split()]
        dated = not _DAYS.isdisjoint(words) and any(_TIME.match(word) for word in words)
        if before.endswith(b"\n\n") and (dated or _BARE.match(text, match.start())):
            starts.append(match.start())
    return [text[start:end] for start, end in zip(starts, (*starts[1:], len(text)), strict=True)]


def said_to_be(text: bytes) -> str:
    """What a file that is no mail plainly is, for a sentence that begins "This is"; "" where it does not show."""
    low = text[:32].lower()
    return next((what for magic, what in _MAGIC if low.startswith(magic)), "")
