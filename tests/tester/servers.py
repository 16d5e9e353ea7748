"""Scripted SMTP servers on loopback, for what no real server does on demand."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping

#: What a plain open relay says.
OPEN: Mapping[str, bytes] = {
    "": b"220 mx.example.net ESMTP\r\n",
    "EHLO": b"250 mx.example.net\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go\r\n",
    ".": b"250 queued\r\n",
    "RSET": b"250 ok\r\n",
    "QUIT": b"221 bye\r\n",
}


class Scripted:
    """Answers each verb with its bytes ("" is the greeting, "." the end of a message), a tuple of them in turn. A
    verb that the script lacks is answered by hanging up, one with b"" by silence. `seen` keeps every line."""

    def __init__(self, script: Mapping[str, bytes | tuple[bytes, ...]]) -> None:
        self.script = {verb: (said,) if isinstance(said, bytes) else said for verb, said in script.items()}
        self.tasks: set[asyncio.Task[None]] = set()
        self.seen: list[bytes] = []
        self.messages: list[bytes] = []
        self.peers: list[str] = []
        self.tls: ssl.SSLContext | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(writer.get_extra_info("peername")[0])
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self.talk(reader, writer)
        writer.transport.abort()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb = ""
        while verb in self.script:
            said, *later = self.script[verb]
            if later:
                self.script[verb] = tuple(later)
            writer.write(said)
            await writer.drain()
            if verb == "STARTTLS" and self.tls is not None:
                await writer.start_tls(self.tls)
            if verb == "DATA" and said.startswith(b"354"):
                self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                verb = "."
                continue
            line = await reader.readuntil(b"\r\n")
            self.seen.append(line)
            verb = (line.split() or [b"?"])[0].decode("latin-1").upper()


@contextlib.asynccontextmanager
async def listening(
    handler: Scripted, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve on a free port of loopback, under TLS from the first octet where `tls` is given."""
    server = await asyncio.start_server(handler, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in handler.tasks:
            task.cancel()
        await asyncio.gather(*handler.tasks)
        await server.wait_closed()
