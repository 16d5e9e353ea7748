"""DNS over TCP: connections that ask the responder, and are not allowed to cost more than they should.

A shell on asyncio. Connections have places in a crowd (the one without a query for the longest time yields to a new
one), one without a whole query for `tcp_idle` seconds is closed, and one that does not read its replies is not read
either. A proxy's connection begins with the address of its client (`dns.proxied`).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterator
from typing import Protocol, cast

from dnsbl.dns import proxied
from dnsbl.errors import DnsblError
from dnsbl.serving.lanes import packed
from dnsbl.settings import Dns
from tester.crowd import Place

#: Bytes of unread replies on one TCP connection, before its queries have to wait.
UNREAD = 65536
#: Bytes read from one TCP connection before the others have their turn.
AT_ONCE = 4096

_log = logging.getLogger(__name__)


class Asked(Protocol):
    """Who is asked, and keeps count: the responder."""

    dns: Dns
    counted: dict[str, int]
    connections: dict[Connection, float]  #: when each had its last whole query; loop time

    def tells(self, peer: bytes) -> bool | None:
        """Whether a connection from there must begin with a PROXY header; None where none may."""
        ...

    def reply(self, packet: bytes, client: bytes, *, tcp: bool, tls: bool) -> bytes | Iterator[bytes] | None:
        """The answer for this client (a packed address), or the messages of a zone transfer."""
        ...


def certified(settings: Dns) -> ssl.SSLContext:
    """What answers over TLS with the certificate as it is in its files now. A new context each time, since a pair of
    which one half is new leaves the one that it is read into without any. Raises DnsblError.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    assert certificate is not None, "the settings see to it"
    assert key is not None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3  # RFC 9103 7.1
    context.set_alpn_protocols(["dot"])
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:  # SSLError is one
        raise DnsblError(f"dns.tls_certificate and dns.tls_key cannot be used: {error.strerror or error}.") from None
    return context


class Connection(asyncio.BufferedProtocol):
    """One TCP connection: frames of two bytes of length and a message (RFC 1035 4.2.2), any number, in a row or
    together (RFC 7766 6.2.1.1). A message that deserves no reply ends the connection.
    """

    def __init__(self, responder: Asked, place: Place, *, tls: bool = False) -> None:
        self._tls = tls
        self._responder = responder
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._chunk = memoryview(bytearray(AT_ONCE))
        self._unread = bytearray()
        self._full = False
        self._sending: Iterator[bytes] | None = None  # what is left of a zone transfer; nothing is read meanwhile
        self._begins: bool | None = None  # whether a PROXY header comes first; None when nothing is to be looked for
        self._making: asyncio.Future[bytes | None] | None = None  # its next message

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=UNREAD)
        self._client = packed((transport.get_extra_info("peername") or ("::",))[0])  # none when it has gone already
        self._begins = None if self._tls else self._responder.tells(self._client)
        self._responder.counted["connections"] += 1
        self._responder.connections[self] = self._loop.time()
        self._timer = self._loop.call_later(self._responder.dns.tcp_idle, self._look_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._place.leave()
        self._timer.cancel()
        self._responder.connections.pop(self, None)
        if self._making is None:
            self._give_up()

    def abort(self) -> None:
        """Close at once, and make room at once."""
        self._timer.cancel()
        self._responder.connections.pop(self, None)
        self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._chunk

    def buffer_updated(self, nbytes: int) -> None:
        self._unread += self._chunk[:nbytes]
        self._answer_frames()

    def pause_writing(self) -> None:
        self._full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        self._go_on()

    def _begun(self) -> bool:
        """Whether the frames may be read: a PROXY header is gone from before them, or none is to come."""
        if self._begins is None:
            return True
        head = bytes(self._unread[: proxied.MOST])
        signed = head.startswith(proxied.SIGNATURE[: len(head)])
        if not self._begins and not signed:  # no proxy, and says so
            self._begins = None
            return True
        if len(head) < proxied.FIXED and signed:
            return False
        size = proxied.size_of(head) if self._begins else None
        if size is not None and len(head) < size <= proxied.MOST:
            return False
        found = None if size is None else proxied.client_of(head, self._client)
        if found is None:
            self._responder.counted["proxy"] += 1
            self.abort()
            return False
        self._client, size = found
        self._begins = None
        del self._unread[:size]
        return True

    def _answer_frames(self) -> None:
        """Answer what is whole. Replies leave together: each by itself would be a call of the system, and over TLS to
        somebody who has gone a line of asyncio's in the log."""
        at, replies = 0, bytearray()
        if not self._begun():
            return
        while not self._full and self._sending is None and not self._transport.is_closing():
            end = at + 2 + int.from_bytes(self._unread[at : at + 2])
            if len(self._unread) < max(end, at + 2):
                break
            reply = self._responder.reply(bytes(self._unread[at + 2 : end]), self._client, tcp=True, tls=self._tls)
            at = end
            if isinstance(reply, bytes):
                replies += len(reply).to_bytes(2) + reply
                if len(replies) > UNREAD:
                    self._send(replies)
                    replies = bytearray()
                continue
            self._send(replies)
            replies = bytearray()
            if reply is None:
                self._transport.close()
            else:
                self._sending = reply
                self._transport.pause_reading()
                self._go_on()
        self._send(replies)
        del self._unread[:at]

    def _go_on(self) -> None:
        """Have the next message of a zone transfer made, in a thread; without one read on."""
        if self._sending is not None:
            if self._making is None:
                self._place.served()
                self._making = self._loop.run_in_executor(None, next, self._sending, None)
                self._making.add_done_callback(self._made)
            return
        self._answer_frames()
        if not self._full and self._sending is None:
            self._transport.resume_reading()

    def _made(self, making: asyncio.Future[bytes | None]) -> None:
        """Send the message that was made, and go on when the client reads."""
        self._making = None
        error = making.exception()
        if error is not None:
            _log.error("a zone transfer failed", exc_info=error)
            self.abort()
        if error is not None or self._transport.is_closing():
            self._give_up()
            return
        message = making.result()
        if message is None:
            self._sending = None
            self._place.waits(self._loop.time())
        else:
            self._send(len(message).to_bytes(2) + message)
        if not self._full:
            self._go_on()

    def _give_up(self) -> None:
        """Nothing more of a zone transfer is made."""
        close = getattr(self._sending, "close", None)
        if close is not None:
            close()
        self._sending = None

    def _send(self, frames: bytes | bytearray) -> None:
        if frames:
            self._responder.connections[self] = self._loop.time()
            self._place.waits(self._loop.time())
            self._transport.write(frames)

    def _look_idle(self) -> None:
        if self._making is not None:  # it waits for us
            self._responder.connections[self] = self._loop.time()
        left = self._responder.connections[self] + self._responder.dns.tcp_idle - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look_idle)
        else:
            self._responder.counted["idle"] += 1
            self.abort()
