"""Two bytes that mean nothing to anybody: a line feed and a carriage return by themselves, in the text of one letter.

Pure. A server that passes them on as they are lets others hide a second message in a first one (SMTP smuggling), where
the next server takes them for the end of a line (RFC 5321 2.3.8). No form of that attack is ever offered: no dot stands
beside these bytes, so that no server, whatever it takes for a line's end, can find the end of a message in them. The
letter is offered once, after all else in a test is done, where another letter has come back already; what a server says
to it, and whether it comes back, shows nothing about relaying and counts nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from tester.smtp import Flag

#: The form that bears them.
FORM = "C01"
#: What each is called in the text, the byte, and what is said of a server that leaves it as it is.
BYTES: Mapping[str, tuple[bytes, Flag]] = MappingProxyType(
    {"lf": (b"\n", Flag.PASSES_BARE_LF), "cr": (b"\r", Flag.PASSES_BARE_CR)}
)
_MARK = re.compile(rb"canary-(lf|cr)=\[([^\]]{0,8})\]")


def laid(message: bytes) -> bytes:
    """The letter with a line for each of the bytes behind its text; it is neither signed nor encoded afterwards."""
    return message + b"".join(b"canary-%s=[%s]\r\n" % (name.encode(), byte) for name, (byte, _) in BYTES.items())


def became(message: bytes) -> dict[str, bytes]:
    """What stands in the place of each byte in a letter that came back, as it was received; nothing where its line is
    not to be found. Bounded: whatever is longer than eight octets is not looked at."""
    return {found[1].decode(): found[2] for found in _MARK.finditer(message)}


def flags(message: bytes) -> frozenset[Flag]:
    """Which of the bytes came back as they went out."""
    here = became(message)
    return frozenset(flag for name, (byte, flag) in BYTES.items() if here.get(name) == byte)
