"""Shell: one GET over HTTP(S), bounded in octets and seconds as a whole, and conditional (RFC 9110 13).

Follows no redirect, keeps no cookie, takes no compression: a feed is read from where the settings say, and what comes
is what was counted. Never raises anything but DnsblError, with one sentence that may be shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from dnsbl.errors import DnsblError

#: Octets of heads and framing that an answer may have beside its body.
_HEADS = 65536
#: Characters of a validator that are kept.
_VALIDATOR = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Validators:
    """By what the next request asks whether there is something new."""

    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What a server gave."""

    body: bytes | None  #: None: nothing new (304)
    validators: Validators


async def fetch(
    url: str,
    known: Validators = Validators(),
    *,
    most: int,
    seconds: float,
    agent: str,
    trust: ssl.SSLContext | None = None,
) -> Fetched:
    """What is at this http(s) address now, of at most so many octets, in at most so many seconds. `trust` says whose
    certificates are believed, the system's if None. Raises DnsblError."""
    where = urlsplit(url)
    secret = where.scheme == "https"
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(
                where.hostname, where.port or (443 if secret else 80), ssl=(trust or _system()) if secret else None
            )
            try:
                return await _asked(reader, writer, url, known, most=most, agent=agent)
            finally:
                writer.close()
                with contextlib.suppress(OSError, TimeoutError):
                    await writer.wait_closed()
    except TimeoutError:
        raise DnsblError(f"{url}: took longer than {seconds:g} seconds.") from None
    except ssl.SSLError as error:
        raise DnsblError(f"{url}: TLS failed: {error.reason or 'no reason given'}.") from None
    except OSError as error:
        raise DnsblError(f"{url}: cannot be reached: {error.strerror or 'the name is not known'}.") from None
    except h11.ProtocolError:
        raise DnsblError(f"{url}: what came is no HTTP.") from None


def _system() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _asked(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    url: str,
    known: Validators,
    *,
    most: int,
    agent: str,
) -> Fetched:
    where = urlsplit(url)
    headers = [
        ("Host", where.netloc.rpartition("@")[2]),
        ("User-Agent", agent),
        ("Accept", "text/plain, application/x-ndjson, application/jsonl, */*;q=0.1"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    headers += [("If-None-Match", known.etag)] if known.etag else []
    headers += [("If-Modified-Since", known.modified)] if known.modified else []
    target = (where.path or "/") + (f"?{where.query}" if where.query else "")
    wire = h11.Connection(h11.CLIENT)
    request = wire.send(h11.Request(method="GET", target=target, headers=headers))
    writer.write((request or b"") + (wire.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    body, came, told = bytearray(), 0, Validators()
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65536)
            came += len(data)
            if came > most + _HEADS:
                raise DnsblError(f"{url}: is larger than {most} octets.")
            wire.receive_data(data)
        elif isinstance(event, h11.Response):
            told = _judged(url, event)
            if event.status_code == 304:
                return Fetched(body=None, validators=known)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > most:
                raise DnsblError(f"{url}: is larger than {most} octets.")
        elif isinstance(event, h11.EndOfMessage):
            return Fetched(body=bytes(body), validators=told)
        elif isinstance(event, h11.ConnectionClosed):
            raise DnsblError(f"{url}: the connection was closed before an answer.")


def _judged(url: str, response: h11.Response) -> Validators:
    """What the next request may ask by. Raises DnsblError for an answer that is no list."""
    status, headers = response.status_code, dict(response.headers)
    if 300 <= status < 400 and status != 304:
        raise DnsblError(f"{url}: is elsewhere now (HTTP {status}); put the new address into the settings.")
    if status not in (200, 304):
        raise DnsblError(f"{url}: answered HTTP {status}.")
    if headers.get(b"content-encoding", b"identity").lower() not in (b"identity", b""):
        raise DnsblError(f"{url}: came compressed, which was not asked for.")
    return Validators(etag=_kept(headers.get(b"etag", b"")), modified=_kept(headers.get(b"last-modified", b"")))


def _kept(value: bytes) -> str:
    text = value.decode("latin-1")
    return text if len(text) <= _VALIDATOR and text.isascii() and text.isprintable() else ""
