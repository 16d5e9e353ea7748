"""Messages around messages, and a writer of Outlook's compound files (MS-CFB, version 3) for the tests of evidence."""

from __future__ import annotations

import struct

RELAY = "203.0.113.16"
COLLEAGUE = "198.51.100.80"
SPAM = (
    b"Return-Path: <sales@spam.example>\r\n"
    b"Received: from relay.victim.example (relay.victim.example [203.0.113.16])\r\n"
    b"\tby mx.mysite.example (Postfix) with ESMTPS id 1\r\n"
    b"\tfor <me@mysite.example>; Wed, 25 Nov 2026 15:14:13 +0000\r\n"
    b"From: Pills <sales@spam.example>\r\nTo: me@mysite.example\r\nSubject: Buy now\r\n"
    b"Date: Wed, 25 Nov 2026 15:13:48 +0000\r\n\r\nBuy.\r\n"
)
_OUTER = (
    b"Received: from mail.partner.example (mail.partner.example [198.51.100.80])\r\n"
    b"\tby mx.mysite.example (Postfix) with ESMTPS id 2; Wed, 25 Nov 2026 15:20:00 +0000\r\n"
    b"From: colleague@partner.example\r\nTo: abuse@mysite.example\r\n"
)


def mail(subject: bytes, kind: bytes, body: bytes, *, more: bytes = b"") -> bytes:
    """A colleague's message."""
    return _OUTER + more + b"Subject: %b\r\nMIME-Version: 1.0\r\nContent-Type: %b\r\n\r\n%b" % (subject, kind, body)


def multipart(*parts: tuple[bytes, bytes], boundary: bytes = b"b1") -> bytes:
    """(header lines, content) as the body of a multipart."""
    return b"".join(
        b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, header, body) for header, body in parts
    ) + b"--%b--\r\n" % (boundary)


def forward(*parts: tuple[bytes, bytes], kind: bytes = b'multipart/mixed; boundary="b1"', more: bytes = b"") -> bytes:
    """A colleague's message with these attachments."""
    return mail(b"Fwd: Buy now", kind, multipart((b"Content-Type: text/plain", b"see attached"), *parts), more=more)


RFC822 = b"Content-Type: message/rfc822"


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file with streams at these paths ("folder/stream"); each is padded to its own sectors."""
    names: list[tuple[str, int]] = [("Root Entry", -1)]  # name and number of the folder
    numbers = {"": 0}
    for path in streams:
        walked = ""
        for name in path.split("/"):
            parent, walked = walked, f"{walked}/{name}".lstrip("/")
            if walked not in numbers:
                numbers[walked] = len(names)
                names.append((name, numbers[parent]))
    data = {numbers[path]: content.ljust(max(4096, -(-len(content) // 512) * 512)) for path, content in streams.items()}
    directory = -(-len(names) // 4)  # sectors
    table: list[int] = [0xFFFFFFFD, *range(2, 1 + directory), 0xFFFFFFFE]
    begins: dict[int, int] = {}
    for number, content in data.items():
        begins[number] = len(table)
        table += [*range(len(table) + 1, len(table) + len(content) // 512), 0xFFFFFFFE]
    assert len(table) <= 128
    free = 0xFFFFFFFF
    entries = b""
    for number, (name, parent) in enumerate(names):
        beside = next((n for n in range(number + 1, len(names)) if names[n][1] == parent), free) if number else free
        below = next((n for n in range(len(names)) if names[n][1] == number), free)
        kind = 5 if number == 0 else 2 if number in data else 1
        encoded = name.encode("utf-16-le") + b"\0\0"
        entries += struct.pack(
            "<64sHBBIII16sIQQIQ",
            encoded,
            len(encoded),
            kind,
            1,
            free,
            beside,
            below,
            b"",
            0,
            0,
            0,
            begins.get(number, 0xFFFFFFFE),
            len(data.get(number, b"")),
        )
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII",
        bytes.fromhex("d0cf11e0a1b11ae1"),
        b"",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        b"",
        0,
        1,
        1,
        0,
        4096,
        0xFFFFFFFE,
        0,
        0xFFFFFFFE,
        0,
        0,
    )
    header += struct.pack("<108I", *([free] * 108))
    fat = struct.pack("<128I", *(table + [free] * (128 - len(table))))
    return header + fat + entries.ljust(directory * 512, b"\0") + b"".join(data.values())


def outlook(header: bytes, *, attached: bytes = b"", text: str = "Buy.") -> bytes:
    """A .msg file of a message with this header, and with another one attached."""
    streams = {"__substg1.0_1000001F": text.encode("utf-16-le")}
    if header:
        streams["__substg1.0_007D001F"] = header.decode().ljust(2048).encode("utf-16-le")
    if attached:
        streams["__attach_version1.0_#00000000/__substg1.0_3701000D/__substg1.0_007D001E"] = attached
    return compound(streams)
