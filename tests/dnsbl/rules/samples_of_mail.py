"""Spam, and mails that people forward it with, as they come to the address for nominations."""

from __future__ import annotations

from datetime import datetime

#: The random part of a reporter's key.
KEY = "a" * 32


def _date(when: datetime) -> str:
    return f"{when:%a, %d %b %Y %H:%M:%S} +0000"


def spam(address: str, when: datetime) -> bytes:
    """Spam that a mail server handed in."""
    return (
        f"Received: from relay.example (relay.example [{address}])\n\tby mx.mysite.example with ESMTP; {_date(when)}\n"
        "From: a@example.com\nSubject: buy\n\nBuy.\n"
    ).encode()


def through_own_server(address: str, when: datetime) -> bytes:
    """Spam whose reporter has a server of his own before the one that he reads mail on, and has not registered it."""
    return (
        f"Received: from mx.mysite.example (mx.mysite.example [9.9.9.1]) by store.mysite.example; {_date(when)}\n"
        f"Received: from relay.example.net (relay.example.net [{address}]) by mx.mysite.example; {_date(when)}\n"
        "Subject: buy\n\nBuy.\n"
    ).encode()


def plain(when: datetime) -> bytes:
    """A mail with words alone."""
    return (
        f"Received: from pc (pc.example.net [8.8.4.4]) by mail.example.net with ESMTPS; {_date(when)}\n"
        "From: Ann <ann@example.net>\nSubject: please block\n\nPlease block 9.9.9.9.\n"
    ).encode()


def forward(*attached: bytes, more: str = "", report: str = "") -> bytes:
    """A mail that somebody has forwarded these with, or an abuse report (ARF) about them."""
    kind = "multipart/report; report-type=feedback-report" if report else "multipart/mixed"
    head = (
        "Received: from pc (pc.example.net [8.8.4.4]) by mail.example.net; Thu, 01 Jan 2026 11:59:00 +0000\n"
        "From: Ann <ann@example.net>\nTo: nominate@c.example.org\nSubject: Fwd: buy\nMessage-ID: <1@example.net>\n"
        f"{more}"
        f"Content-Type: {kind}; boundary=b\n\n--b\nContent-Type: text/plain\n\nHere it is.\n"
    )
    parts = ([("message/feedback-report", report.encode())] if report else []) + [
        ("message/rfc822", each) for each in attached
    ]
    body = b"".join(f"--b\nContent-Type: {kind}\n\n".encode() + each + b"\n" for kind, each in parts)
    return head.encode() + body + b"--b--\n"
