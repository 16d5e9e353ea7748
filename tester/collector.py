"""Shell: receives on aiosmtpd what comes back; bounded, for our own recipients only; never relays.

Accepts a recipient only when it is a token of ours that bears our gate, at a domain of ours (or postmaster/abuse
there). Such a letter is taken in whatever shape a relay hands it on: a collector that refuses what was relayed acquits
the relay. What must be refused carries the phrase (`ours.COLLECTOR`) by which our own refusals are known when they
are quoted to us; 451, never 5xx, is the answer when the fault is ours. Only CRLF.CRLF ends a message: any other line
end around the dot is text, so that nobody smuggles a second message inside one. Memory per connection is bounded
whatever the peer sends. Over 400 lines, since half of them are cures for what the library leaves open; each says which.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from ipaddress import ip_address
from typing import Any, AnyStr, cast

from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException

from tester.bounces.ours import COLLECTOR, refusal
from tester.crowd import Crowd, Place, Tally, widths
from tester.envelopes import MailPath, Recipients
from tester.errors import Declined, Deferred
from tester.listening import Listener, bound
from tester.received.line import plain
from tester.records import dataclass
from tester.returned import Collected
from tester.smtp import escape

_log = logging.getLogger(__name__)
# The library logs what strangers send, as they sent it.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    message: int = 256 * 1024  #: octets of a message, in lines of whatever length
    line: int = 4096  #: octets of a command
    connections: int = 200
    per_peer: int = 4  #: connections from one address, of IPv6 one /64
    per_network: int = 16  #: connections from one /24 or /48
    per_region: int = 200  #: connections from one /16 or /32
    seconds: float = 300.0  #: a whole connection
    errand: float = 120.0  #: until a message, or the next one, is complete
    idle: float = 60.0
    grace: float = 5.0  #: in which a connection without a message yields to no other
    commands: int = 40  #: of one kind on one connection
    replies: int = 40  #: of ours without a message between them: what all commands together come to
    farewell: float = 5.0  #: until a peer that sends too much, and was told so, is cut off


#: More than the reader ever holds.
_ALL = 2**30


class Collector:
    """A listening collector. `gate(token)` says whether a recipient token may be ours; `deliver` stores a message
    (an exception from it becomes 451, Deferred 452 and Declined 550 with their sentence); `on_probe`, when given, hears
    of recipients that were accepted at RCPT and never followed by a message (a callback), as a `Collected` without a
    message. `tls` names the certificate and the key file for STARTTLS; domains one label `below` this one are ours as
    well; so are the addresses of `doors` and `desks`, and all at the domains `traps` (see `Recipients`)."""

    def __init__(
        self,
        *,
        hostname: str,
        domains: frozenset[str],
        gate: Callable[[str], bool],
        deliver: Callable[[Collected], Awaitable[None]],
        now: Callable[[], float],
        caps: Caps = Caps(),  # noqa: B008 (frozen)
        tls: tuple[str, str] | None = None,
        on_probe: Callable[[Collected], None] | None = None,
        below: str = "",
        doors: frozenset[str] = frozenset(),
        desks: Collection[str] = (),
        traps: Collection[str] = (),
    ) -> None:
        self.hostname = hostname
        self.recipients = Recipients(domains, gate, below, doors, desks=desks, traps=traps)
        self.now = now
        self.caps = caps
        self.on_probe = on_probe
        self.tls: ssl.SSLContext | None = None
        if tls is not None:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.load_cert_chain(*tls, password=lambda: "")  # else OpenSSL asks at the terminal
        self.open: dict[_Connection, Place] = {}  # the connections there are
        self.tally = Tally()
        self._deliver = deliver
        self._storing: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []
        shares = widths(per_peer=caps.per_peer, per_network=caps.per_network, per_region=caps.per_region)
        self._crowd = Crowd(caps.connections, shares, grace=caps.grace)

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; port 0 takes a free one; "::" takes IPv4 as well. Returns the bound address and port.

        Raises OSError."""
        loop = asyncio.get_running_loop()
        listening = bound(host, port)
        listener = Listener(
            listening,
            self._crowd,
            lambda place: _Connection(self, loop, place),
            who="collector",
            tally=self.tally,
            log=_log,
            refusal=refusal("421 4.7.0 too many connections").encode("ascii") + b"\r\n",
        )
        self._listeners.append(listener)
        listener.start()
        address = listening.getsockname()
        return address[0], address[1]

    async def close(self) -> None:
        """Stop listening and drop what is open; messages that are being stored are waited for."""
        for listener in self._listeners:
            listener.close()
        for listener in self._listeners:
            await listener.wait_closed()
        for connection in tuple(self.open):
            connection.drop()
        await asyncio.gather(*self._storing, return_exceptions=True)

    def note(self, what: str) -> None:
        """Count what happened on some connection, for the log."""
        self._listeners[0].note(what)

    async def store(self, message: Collected) -> None:
        """Hand a message over. A peer that hangs up meanwhile does not stop it: the letter has come back."""
        task = asyncio.ensure_future(self._deliver(message))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)
        await asyncio.shield(task)


class _Handler:
    """The hooks of aiosmtpd that hold no state of ours."""

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Greet without offering AUTH, which the library adds after STARTTLS."""
        session.host_name = hostname
        return [line for line in responses if not line.startswith("250-AUTH")]


class _Connection(SMTP):
    """One connection, bounded in bytes, seconds and commands whatever the peer sends.

    MAIL and RCPT are read by our own grammar: the library's drops source routes, rewrites the null sender and falls
    over junk, and we need the argument as it was sent.
    """

    def __init__(self, collector: Collector, loop: asyncio.AbstractEventLoop, place: Place) -> None:
        caps = collector.caps
        self.line_length_limit = caps.line  # of the reader; DATA puts longer lines together
        super().__init__(
            _Handler(),
            data_size_limit=caps.message,
            enable_SMTPUTF8=True,
            hostname=collector.hostname,
            ident=f"ESMTP {COLLECTOR}",
            tls_context=collector.tls,
            timeout=caps.idle,
            command_call_limit=caps.commands,
            loop=loop,
        )
        self.command_size_limits = defaultdict(lambda: caps.line)  # the library shares one table among all
        self.command_size_limit = caps.line
        self._collector = collector
        self._mail: MailPath | None = None
        self._rcpt: MailPath | None = None
        self._recipient = ""  # what it names of ours
        self._probing = True  # until DATA: a recipient accepted and not used is a callback
        self._budget = 2 * caps.message
        self._replies = 0
        self._place = place
        self._whole: asyncio.TimerHandle | None = None
        self._errand: asyncio.TimerHandle | None = None
        self._leaving = False
        self._peer: tuple[Any, ...] = ("", 0)
        self._local: tuple[Any, ...] = ("", 0)

    # ------------------------------------------------------------------------------------- the bounds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._whole is not None:  # the same connection, now under TLS
            super().connection_made(transport)
            return
        self._peer = transport.get_extra_info("peername") or ("::", 0)
        self._local = transport.get_extra_info("sockname") or ("::", 0)
        self._collector.open[self] = self._place
        self._whole = self.loop.call_later(self._collector.caps.seconds, self._out_of_time)
        self._expect_mail()
        super().connection_made(transport)
        # A peer that resets the connection ends the library's task with an error that nobody else picks up.
        assert self._handler_coroutine is not None
        self._handler_coroutine.add_done_callback(lambda task: task.cancelled() or task.exception())

    def data_received(self, data: bytes) -> None:
        """What one connection may send without a message being taken."""
        if self not in self._collector.open:
            return
        self._budget -= len(data)
        if self._budget < 0:
            if self._leaving:
                self.drop()
            else:
                self._leave("552 5.3.4 too much was sent", mid_sentence=True)
        elif not self._leaving:
            self._reset_timeout()  # the library's clock runs from command to command, however long a message comes
            super().data_received(data)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self in self._collector.open else None

    def connection_lost(self, error: Exception | None) -> None:
        self._place.leave()
        if self._collector.open.pop(self, None) is None:
            return
        for timer in (self._whole, self._errand):
            if timer is not None:
                timer.cancel()
        self._forget()
        super().connection_lost(error)

    def _expect_mail(self) -> None:
        """A message is due from now on: whatever else is said meanwhile keeps no connection and no place."""
        self._replies = 0
        if self._errand is not None:
            self._errand.cancel()
        self._errand = self.loop.call_later(self._collector.caps.errand, self._leave_off)
        self._place.waits(self.loop.time())

    def _leave_off(self) -> None:
        """Enough was said without a message."""
        self._collector.note("connections ended that brought no message")
        self._leave("421 4.7.0 no message for too long", mid_sentence=not self._probing)

    def _leave(self, reply: str, *, mid_sentence: bool = False) -> None:
        """Say why, and hang up: no refusal of ours goes without a word. A connection that is closed over unread data is
        reset, and takes our last word with it: a peer that is in the middle of something is heard out for a moment."""
        if self._leaving or self.transport is None:
            return
        self._leaving = True
        transport = cast(asyncio.Transport, self.transport)
        transport.write(refusal(reply).encode() + b"\r\n")
        if not (mid_sentence and transport.can_write_eof()):
            transport.close()
            return
        transport.write_eof()
        self._budget = self._collector.caps.message
        self._place.waits(self.loop.time())
        for timer in (self._whole, self._errand):
            if timer is not None:
                timer.cancel()
        self._whole = self.loop.call_later(self._collector.caps.farewell, self.drop)

    def _out_of_time(self) -> None:
        self._leave("421 4.4.2 this took too long", mid_sentence=True)

    def _timeout_cb(self) -> None:
        """The library hangs up on a silent peer without a word."""
        self._leave("421 4.4.2 nothing was said for too long")

    def drop(self) -> None:
        """Hang up at once."""
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()

    async def handle_exception(self, error: Exception) -> str:
        """Whatever went wrong here is our fault, and no business of the peer's; but for a handshake of TLS, which ends
        the connection without a word."""
        if isinstance(error, TLSSetupException):
            self._collector.note("handshakes of TLS that came to nothing")
            return ""
        _log.error("The collector failed in a command: %s", type(error).__name__)
        return "451 4.3.0 local error"

    # ----------------------------------------------------------------------------------- the commands

    async def smtp_MAIL(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        path = MailPath.read("FROM", arg)
        if path is None:
            await self.push("501 5.1.7 Syntax: MAIL FROM:<address>")
        elif self._mail is not None:
            await self.push("503 5.5.1 nested MAIL command")
        elif path.size > self._collector.caps.message:
            await self.push(f"552 5.3.4 message too big for this {COLLECTOR}")
        else:
            self._mail = path
            await self.push("250 2.1.0 OK")

    async def smtp_RCPT(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        path = MailPath.read("TO", arg)
        if path is None:
            await self.push("501 5.1.3 Syntax: RCPT TO:<address>")
        elif self._mail is None:
            await self.push("503 5.5.1 need MAIL command")
        elif self._rcpt is not None:
            # One letter, one message: the sender repeats the rest by itself (RFC 5321 4.5.3.1.10).
            await self.push("452 4.5.3 one recipient a message")
        else:
            recipient = self._collector.recipients.find(path)
            if recipient:
                self._rcpt, self._recipient = path, recipient
                self._place.served()
                await self.push("250 2.1.5 OK")
            elif self._collector.recipients.has(path.domain):
                await self.push(f"550 5.1.1 no such recipient at this {COLLECTOR}")
            else:
                await self.push(f"550 5.7.1 this {COLLECTOR} receives for itself only")

    async def smtp_DATA(self, arg: str | None) -> None:
        """The library's gives up on lines that its reader cannot hold, and keeps each line by itself."""
        if await self.check_helo_needed():
            return
        if self._rcpt is None:
            await self.push("503 5.5.1 need RCPT command")
        elif arg:
            await self.push("501 5.5.4 Syntax: DATA")
        else:
            self._probing = False
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            message = await self._text()
            reply = "552 5.3.4 message too big" if message is None else await self._take(message)
            self._set_post_data_state()
            await self.push(reply)

    async def _text(self) -> bytes | None:
        """What stands before CRLF.CRLF, without the dots that were doubled (RFC 5321 4.5.2); None when it is more than
        a message may be. Lines may be of any length, and hold bare carriage returns and line feeds."""
        text = bytearray(b"\r\n")  # the first line begins as all others do
        seen, too_much = 0, False
        while (end := text.find(b"\r\n.\r\n", seen)) < 0:
            if len(text) > self._collector.caps.message + 7:
                too_much = True
                del text[:-4]
            seen = max(0, len(text) - 4)
            piece = await self._reader.read(_ALL)
            if not piece:
                raise ConnectionResetError
            text += piece
        self._reader.feed_data(bytes(text[end + 5 :]))  # the next command, if it came along; the reader is empty
        del text[end + 2 :], text[:2]
        if too_much or len(text) > self._collector.caps.message:
            return None
        return bytes((b"\r\n" + text).replace(b"\r\n.", b"\r\n")[2:])

    async def push(self, status: AnyStr) -> None:
        """The one way out for replies, the library's too: those that refuse get the phrase. Every command gets one
        reply at least, junk too: counting ours bounds what is said without a message."""
        if self._leaving:
            return
        reply = refusal(status if isinstance(status, str) else status.decode("utf-8", "replace"))
        self._replies += reply[3:4] != "-"  # the last line of a reply
        if self._replies < self._collector.caps.replies:
            await super().push(reply)
        else:
            self._leave_off()

    async def smtp_VRFY(self, arg: str | None) -> None:
        await self.push("252 2.5.2 send some mail, we shall see")

    async def smtp_AUTH(self, arg: str | None) -> None:
        await self.push("502 5.5.1 not implemented")

    async def _take(self, message: bytes) -> str:
        """A whole message has come: store it, and only then say so."""
        collected = self._collected(message)
        self._budget = 2 * self._collector.caps.message
        self._expect_mail()
        self._place.served()
        try:
            await self._collector.store(collected)
        except Deferred as later:
            self._collector.note("messages put off")
            return f"452 4.3.1 {later}"
        except Declined as no:
            self._collector.note("messages declined")
            return f"550 5.6.0 {no}"
        except Exception as error:
            _log.error("A message could not be stored: %s", type(error).__name__)
            return "451 4.3.0 could not be stored"
        return "250 2.0.0 received"

    # ------------------------------------------------------------------------------------- the record

    def _set_post_data_state(self) -> None:
        """The library's one place for "the transaction is over": RSET, EHLO, the end of DATA, a new connection."""
        super()._set_post_data_state()  # type: ignore[no-untyped-call]
        self._forget()

    def _forget(self) -> None:
        if self._rcpt is not None and self._probing and self._collector.on_probe is not None:
            self._collector.on_probe(self._collected(b""))
        if self._rcpt is not None:  # it had a letter of ours to bring; RSET alone begins no new wait
            self._place.waits(self.loop.time())
        self._mail = self._rcpt = None
        self._probing = True

    def _collected(self, message: bytes) -> Collected:
        assert self._mail is not None
        assert self._rcpt is not None
        assert self.session is not None
        return Collected(
            peer=plain(ip_address(self._peer[0])),
            peer_port=self._peer[1],
            local=_shown(self._local),
            tls=self.session.ssl is not None,
            helo=escape((self.session.host_name or "").encode("utf-8", "surrogateescape")),
            mail_raw=self._mail.raw,
            rcpt_raw=self._rcpt.raw,
            mail_from=self._mail.address,
            recipient=self._recipient,
            domain=self._rcpt.domain,
            message=message,
            received_at=self._collector.now(),
        )


def _shown(end: tuple[Any, ...]) -> str:
    address = plain(ip_address(end[0]))
    return f"{address}:{end[1]}" if address.version == 4 else f"[{address}]:{end[1]}"
