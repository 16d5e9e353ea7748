"""Outlook's .msg files as messages: the header as it came, and the text. Pure bytes in and out.

The format is Microsoft's (MS-OXMSG): a compound file, whose container olefile opens where it is installed (the extra
`outlook`); properties are streams that are named by their tags. Few are looked at. Knows nothing of evidence.
"""

from __future__ import annotations

import io
import re
from typing import Any

#: How a compound file begins (MS-CFB 2.2).
MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")

_HEADER, _TEXT, _FILE, _EMBEDDED = "007D", "1000", "3701", "3701000D"
_NAME, _SHORT, _TYPE = "3707", "3704", "370E"  # an attached file's name, the same in eight and three letters, its type
_FORM = re.compile(
    rb"^Content-(?:Type|Transfer-Encoding)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE
)
_MOST = 1024 * 1024  # octets that are read of one property


class Unreadable(ValueError):
    """This compound file cannot be read, or no library for it is installed."""


def messages(file: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """The message in a .msg file and the messages that are attached to it, each as header, blank line and text; fields
    that tell of the form in which the text came are left out, since it has that no more.

    A message that never travelled has no header and comes out empty. Raises Unreadable.
    """
    try:
        import olefile
    except ImportError:
        raise Unreadable("olefile is not installed") from None
    try:
        with olefile.OleFileIO(io.BytesIO(file)) as opened:
            folders = {entry[0] for entry in opened.listdir() if entry[0].startswith("__attach")}
            attached = [_attached(opened, folder) for folder in sorted(folders)[:50]]
            return _message(opened, []), tuple(each for each in attached if each)
    except Exception as error:  # a hostile file may break the library anywhere
        raise Unreadable(f"{type(error).__name__}") from None


def _attached(opened: Any, folder: str) -> bytes:
    if message := _message(opened, [folder, f"__substg1.0_{_EMBEDDED}"]):
        return message
    name, short, kind = (_property(opened, [folder], tag).lower().strip(b"\0 ") for tag in (_NAME, _SHORT, _TYPE))
    data = _stream(opened, [folder, f"__substg1.0_{_FILE}0102"])
    return data if (name or short).endswith(b".eml") or kind == b"message/rfc822" else b""


def _message(opened: Any, folder: list[str]) -> bytes:
    header = _property(opened, folder, _HEADER).strip()
    if b"\r\n\r\n" not in header:  # else some program has put the whole message there
        header = _FORM.sub(b"", header + b"\r\n").strip()
    return header + b"\r\n\r\n" + _property(opened, folder, _TEXT) if header else b""


def _property(opened: Any, folder: list[str], tag: str) -> bytes:
    """A text property, from its form in UTF-16 (001F) or in octets (001E)."""
    if text := _stream(opened, [*folder, f"__substg1.0_{tag}001F"]):
        return text.decode("utf-16-le", "replace").encode()
    return _stream(opened, [*folder, f"__substg1.0_{tag}001E"])


def _stream(opened: Any, path: list[str]) -> bytes:
    return bytes(opened.openstream(path).read(_MOST)) if opened.exists(path) else b""
