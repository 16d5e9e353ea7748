"""A mail server that misbehaves, on threads and plain sockets.

It lives outside the event loop under test and sends without holding anything, so that what the memory of a test
grows by is ours alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping

from servers import OPEN

Deed = Callable[["Peer"], None]
PATIENCE = 10.0  #: seconds after which a thread gives up, whatever is wrong


def dawdle(seconds: float) -> None:
    """Take so long, on purpose."""
    time.sleep(seconds)


class Peer:
    """The server's end of one connection, and the things one can do with it."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def pour(self, data: bytes, total: int) -> None:
        """At least `total` octets, piece by piece, until nobody takes them."""
        for _ in range(-(-total // len(data))):
            self.sock.sendall(data)

    def dribble(self, data: bytes, gap: float) -> None:
        for byte in data:
            self.sock.sendall(bytes((byte,)))
            dawdle(gap)

    def hear(self, end: bytes = b"\r\n") -> bytes:
        """Up to and with `end`; raises ConnectionError when the client is gone."""
        heard = b""
        while not heard.endswith(end):
            piece = self.sock.recv(65536)
            if not piece:
                raise ConnectionError
            heard += piece
        return heard

    def reset(self) -> None:
        """Leave with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def leave(self) -> None:
        self.sock.close()

    def linger(self) -> None:
        """Neither speak nor leave, and read whatever comes, until the client goes."""
        while self.sock.recv(65536):
            pass

    def secure(self, context: ssl.SSLContext) -> None:
        self.sock = context.wrap_socket(self.sock, server_side=True)


class Hostile:
    """Plays an open relay until the conversation comes to `state` (a verb; "" is the greeting, "." the end of a
    message); there it does its `deed` in place of the answer, and goes on if the connection still stands."""

    def __init__(
        self,
        state: str = "-",
        deed: Deed = Peer.linger,
        *,
        tls: ssl.SSLContext | None = None,
        script: Mapping[str, bytes] = OPEN,
        secured: Mapping[str, bytes] | None = None,
        on_message: Callable[[bytes, bytes], None] | None = None,
        before: Callable[[str], None] = lambda verb: None,
    ) -> None:
        self.state, self.deed, self.tls, self.script = state, deed, tls, script
        self.secured = script if secured is None else secured
        self.on_message, self.before = on_message, before
        self.seen: list[bytes] = []
        self._threads: list[threading.Thread] = []
        self._socks: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                with self._lock:
                    self._socks.append(sock)
                self._start(lambda sock=sock: self._serve(Peer(sock)))  # type: ignore[misc]

    def _serve(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):  # every socket and TLS error, and a client that is gone
            self._talk(peer)
        with contextlib.suppress(OSError):
            peer.sock.close()

    def _talk(self, peer: Peer) -> None:
        script, verb, rcpt = self.script, "", b""
        while True:
            self.before(verb)
            if verb == self.state:
                self.deed(peer)
            else:
                peer.say(script.get(verb, b"502 what?\r\n"))
            if verb == "STARTTLS" and self.tls is not None:
                peer.secure(self.tls)
                script = self.secured
            if verb == "DATA":
                message = peer.hear(b"\r\n.\r\n")
                if self.on_message is not None:
                    self.on_message(rcpt, message)
                verb = "."
                continue
            line = peer.hear()
            self.seen.append(line)
            verb = line.split()[0].decode().upper()
            rcpt = line if verb == "RCPT" else rcpt

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._socks:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads)


@contextlib.asynccontextmanager
async def serving(server: Hostile) -> AsyncIterator[Hostile]:
    try:
        yield server
    finally:
        await asyncio.to_thread(server.close)
