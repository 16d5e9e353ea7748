"""Shell: dials one server and holds the conversation, on aiosmtplib's SMTPProtocol.

Records every byte, bounds bytes and seconds, aborts on surplus bytes, judges replies by our own grammar (the
library's reading is never used). What to say next is `dialogue`'s business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address

from tester.smtp import Attempt, Event, Limits, Transcript


async def call(
    target: IPv4Address | IPv6Address,
    port: int,
    compose: Callable[[str], Sequence[Attempt]],
    *,
    helo: str,
    bounce_address: str,
    limits: Limits,
    now: Callable[[], float],
    source: str | None = None,
    proven: Callable[[float], Awaitable[bool]] | None = None,
    on_session: Callable[[Transcript], Awaitable[None]] | None = None,
    on_event: Callable[[Event], None] | None = None,
    check_peer: Callable[[IPv4Address | IPv6Address], None] | None = None,
) -> tuple[Transcript, ...]:
    """Hold as many connections as the attempts need and return one Transcript each.

    `compose(T)` is called once, after the first banner, with the name the server calls itself (or "") and returns
    the attempts in order. `proven(seconds)` waits up to that many seconds and says whether a letter of this run has
    already come back: then we stop. `on_session` is awaited after every connection, before the next one, so that
    nothing said is lost by a crash. When nothing was accepted, the control dialogue (`MAIL FROM:<bounce_address>`,
    `RCPT TO:<postmaster@T>`, RSET) closes the last connection. `check_peer` sees the address of the connected socket
    and may raise NotDialable. Never raises for anything a server does: that is an Outcome.
    """
    raise NotImplementedError
