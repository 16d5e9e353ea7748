"""What somebody has written to us, as he wrote it: encodings undone, so that who answers can read it in any language.

Pure. All of it is a stranger's: looked at as far as `tester.mime` does, what would not be seen is shown escaped, and
what is no text is named with its size. The octets themselves are shown elsewhere; nothing is decided by this.
"""

from __future__ import annotations

from collections.abc import Iterator

from dnsbl.rules.evidence.mime import readable
from dnsbl.rules.notices import own_words
from tester import mime

#: Fields of a header that are shown, in this order.
FIELDS = ("From", "Reply-To", "To", "Cc", "Date", "Subject")
#: Characters of a field.
FIELD_MOST = 200
#: Types of parts that are text beside `text/...`.
_TEXTS = mime.STATUS | mime.RECEIPT | mime.FEEDBACK


def field(message: bytes, name: str) -> str:
    """What the first field of this name, in lower case, says, on one line, or ""."""
    return _said(mime.header(message).get(name, b""))


def lines(message: bytes) -> Iterator[str]:
    """The message line by line: of each header the fields that people read, an empty line, and what is text; HTML, as
    it is seen, only where no plain text came before it. Never raises."""
    plain = False
    whole = mime.lines(message)
    yield from _head(whole)
    for part in mime.parts(whole):
        if part.kind.startswith("multipart/"):
            continue
        yield ""
        if not part.leaf:
            plain = False
            yield "[a message within:]"
            yield from _head(part.content)
        elif (part.kind.startswith("text/") and not (plain and part.kind == "text/html")) or part.kind in _TEXTS:
            plain = plain or (part.kind == "text/plain" and bool(part.content.strip()))
            yield from own_words(part.text).strip().split("\n")
        else:
            yield f"[{part.kind}, {len(part.content)} octets]"


def _head(message: bytes) -> Iterator[str]:
    found = mime.header(message)
    for name in FIELDS:
        if said := _said(found.get(name.lower(), b"")):
            yield f"{name}: {said}"


def _said(value: bytes) -> str:
    return " ".join(own_words(readable(value.decode("latin-1"))).split())[:FIELD_MOST]
