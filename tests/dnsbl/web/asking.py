"""How the tests of the web ask, and what they make fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from dnsbl.web.reasons import REASONS

Build = Callable[..., Any]


def doubtful(home: Any) -> str:
    """Spam that came in through a server of the reporter's, who has not registered it."""
    stamp = home.spam().partition("; ")[2].partition("\r\n")[0]
    inner = f"Received: from mx.mysite.example (mx.mysite.example [198.18.1.1]) by store.mysite.example; {stamp}\r\n"
    return inner + home.spam().replace("mx.example.com", "mx.mysite.example")


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*args: object, **named: object) -> None:
        raise error

    return fail


def problem(answer: Any, status: int, reason: str) -> str:
    """The sentence of a problem that is in order."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["reason"], document["type"]) == (status, reason, f"/api#{reason}")
    assert (document["title"], document["expected"]) == REASONS[reason]
    assert document["instance"].startswith("/api/") and document["instance"].isascii()
    assert document["detail"].endswith(".")
    return str(document["detail"])


async def ask(host: str, port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return answer
