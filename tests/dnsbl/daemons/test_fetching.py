"""One GET: conditional, bounded in octets and seconds, and every failure one sentence."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from dnsbl.daemons.fetching import Fetched, Validators, fetch
from dnsbl.errors import DnsblError

NOTHING = Validators()


class Server:
    """Says what it is told to whoever asks, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.port = 0

    def url(self, path: str = "/relays?x=1", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"


@asynccontextmanager
async def serving(
    answer: bytes | Callable[[asyncio.StreamWriter], object], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server.asked.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)  # type: ignore[misc]
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


async def get(server: Server, known: Validators = NOTHING, *, most: int = 1000, seconds: float = 20) -> Fetched:
    return await asyncio.to_thread(fetch, server.url(), known, most=most, seconds=seconds, agent="dnsbl (test)")


def ok(body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def refused(answer: bytes | Callable[[asyncio.StreamWriter], object], **bounds: float) -> str:
    async with serving(answer) as server:
        with pytest.raises(DnsblError) as caught:
            await get(server, **bounds)  # type: ignore[arg-type]
    said = str(caught.value)
    assert said.startswith(server.url()) and said.endswith(".")
    return said.removeprefix(f"{server.url()}: ")


async def test_a_list_comes_with_what_the_next_request_asks_by() -> None:
    answer = ok(b"192.0.2.1\n", b'ETag: "a"', b"Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT")
    async with serving(answer) as server:
        found = await get(server)
        assert found.body == b"192.0.2.1\n"
        assert found.validators == Validators(etag='"a"', modified="Thu, 01 Jan 2026 00:00:00 GMT")
        await get(server, found.validators)
    first, second = (asked.split(b"\r\n") for asked in server.asked)
    assert first[0] == b"GET /relays?x=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}".encode() in first
    assert b"Accept-Encoding: identity" in first
    assert not any(line.startswith(b"If-") for line in first)
    assert b'If-None-Match: "a"' in second
    assert b"If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT" in second


async def test_nothing_new_is_no_body_and_what_it_was_asked_by_stays() -> None:
    known = Validators(etag='"a"')
    async with serving(b"HTTP/1.1 304 Not Modified\r\n\r\n") as server:
        assert await get(server, known) == Fetched(body=None, validators=known)


async def test_chunks_and_an_end_by_closing_are_read() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n192\r\n2\r\n.0\r\n0\r\n\r\n"
    async with serving(chunked) as server:
        assert (await get(server)).body == b"192.0"
    async with serving(b"HTTP/1.0 200 OK\r\n\r\n192.0.2.1") as server:
        assert (await get(server)).body == b"192.0.2.1"


async def test_validators_that_are_no_header_fields_are_forgotten() -> None:
    async with serving(ok(b"x", b"ETag: " + b"x" * 300, b"Last-Modified: \xe4")) as server:
        assert (await get(server)).validators == Validators()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "answered HTTP 404."),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "answered HTTP 503."),
        (b"HTTP/1.1 206 Part\r\n\r\n", "answered HTTP 206."),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n",
            "is elsewhere now (HTTP 302); put the new address into the settings.",
        ),
        (ok(b"x", b"Content-Encoding: gzip"), "came compressed, which was not asked for."),
        (b"SSH-2.0-OpenSSH\r\n", "127.0.0.1: SSH-2.0-OpenSSH"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx", "127.0.0.1: it ended in the middle."),
        (b"", "127.0.0.1: Remote end closed connection without response."),
        (ok(b"x" * 1001), "is larger than 1000 octets."),
        (b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 2000, "is larger than 1000 octets."),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000, "127.0.0.1: got more than 65536 bytes"),
    ],
)
async def test_what_is_no_list_is_told_in_a_sentence(answer: bytes, said: str) -> None:
    assert (await refused(answer)).startswith(said)


async def test_a_body_without_end_is_given_up_after_what_may_come() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    assert await refused(flood) == "is larger than 1000 octets."


async def test_a_server_that_dribbles_is_given_up_after_the_seconds_of_the_whole() -> None:
    done = asyncio.Event()

    async def dribble(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        await writer.drain()
        await done.wait()

    assert (await refused(dribble, seconds=0.2)).startswith("127.0.0.1: ")
    done.set()


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(DnsblError, match="Connection refused"):
            fetch(f"http://127.0.0.1:{taken.getsockname()[1]}/", most=1, seconds=20, agent="x")


async def test_a_certificate_is_held_against_those_that_the_system_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, ours = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with serving(ok(b"x"), ours) as server:
        url = server.url(scheme="https")
        with pytest.raises(DnsblError, match="certificate verify failed"):
            await asyncio.to_thread(fetch, url, most=10, seconds=20, agent="x")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert (await asyncio.to_thread(fetch, url, most=10, seconds=20, agent="x")).body == b"x"
