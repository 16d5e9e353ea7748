"""Fetches files of one folder of the web, each bounded in size and time; a file that was cut off is continued.

A shell, synchronous, to be called in a thread. One connection is kept between requests. No redirect is followed and no
proxy is asked: what is fetched comes from the place that the settings name. Every failure is one sentence. The time of
a request is bounded at its socket, since headers and the frames of a body may go on for ever without an octet of it.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2

from dnsbl.clock import Clock
from dnsbl.errors import DnsblError
from dnsbl.files import open_made

#: Seconds that one file may take before it is put off; what has come is kept.
PATIENCE = 600.0
#: Characters of what a server calls the state of a file.
VALIDATOR_MOST = 300


class _Refilled(DnsblError):
    """What was kept of a file is no part of it any more."""


class AskedToWait(DnsblError):
    """There, and not now: 429 or 503 with Retry-After (RFC 9110 10.2.3)."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds  #: to wait, as that server says


def validator(text: str) -> str:
    """An ETag or a Last-Modified that may be said again as it came, or "": a server may write any octets into it
    (RFC 9110 8.8.3), and a part of it names nothing."""
    return text if len(text) <= VALIDATOR_MOST and text.isascii() and text.isprintable() else ""


class Upstream:
    """The folder at `url`; `timeout` is how many seconds nothing may come, `ca` who signs its certificate."""

    def __init__(self, url: str, *, timeout: float, clock: Clock, ca: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._client = httpx2.Client(
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(cafile=str(ca) if ca else None),
            headers={"Accept-Encoding": "identity"},
        )
        self._socket: socket.socket | None = None  # of the connection that was made last
        self.octets = 0  #: that have come since the start

    def small(self, name: str, *, most: int, known: str = "") -> tuple[bytes, str] | None:
        """A file of at most so many octets, with its ETag; None when it still has the ETag that is known.

        Raises DnsblError, AskedToWait where the server names a time for it.
        """
        given, until = b"", self._clock.monotonic() + PATIENCE
        try:
            with self._asked(name, {"If-None-Match": known} if known else {}) as reply:
                for piece in reply.iter_raw():
                    given += piece
                    self.octets += len(piece)
                    if len(given) > most and reply.status_code != 200:
                        break
                    if len(given) > most:
                        raise self._failed(name, f"is longer than {most} octets")
                    if self._clock.monotonic() > until:
                        raise self._failed(name, f"took more than {PATIENCE:g} seconds")
        except (OSError, UnicodeError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._failed(name, f"cannot be fetched: {_said(error)}") from None
        if reply.status_code == 304 and known:
            return None
        if reply.status_code != 200:
            text = given.decode("utf-8", "replace").partition("\n")[0]
            page = text.lstrip().startswith("<")  # for people
            why = (
                f"is refused: {reply.status_code} {_printable('' if page else text) or _printable(reply.reason_phrase)}"
            )
            wait = reply.headers.get("Retry-After", "")
            if reply.status_code in (429, 503) and re.fullmatch("[0-9]{1,6}", wait):
                raise AskedToWait(str(self._failed(name, why)), int(wait))
            raise self._failed(name, why)
        return given, validator(reply.headers.get("ETag", ""))

    def whole(self, name: str, path: Path, *, size: int) -> None:
        """Put a file of so many octets at `path`, going on where an earlier try at `path`.part ended.

        Raises DnsblError, and keeps what has come.
        """
        part = path.with_name(path.name + ".part")
        with open(open_made(part, os.O_RDWR), "r+b") as file:
            here = file.seek(0, os.SEEK_END)
            if here > size:
                here = 0
            try:
                if here < size:
                    with self._asked(name, {"Range": f"bytes={here}-"} if here else {}) as reply:
                        here = self._begins(name, reply, here, size)
                        file.seek(here)
                        for piece in self._pieces(name, reply, here, size):
                            file.write(piece)
                            here += len(piece)
                if here < size:
                    raise self._failed(name, f"was cut off: {here} of {size} octets are here")
            except _Refilled:
                here = 0
                raise
            except (OSError, UnicodeError, httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise self._failed(name, f"was cut off: {here} of {size} octets are here ({_said(error)})") from None
            finally:
                file.truncate(here)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def close(self) -> None:
        """Close the connection; no request may follow."""
        self._client.close()

    @contextmanager
    def _asked(self, name: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
        """The reply to one request, whose body is yet to come. A connection that was kept may be closed at the very
        moment in which it is used again; then the request is made anew, once (RFC 9112 9.3.1)."""
        request = self._client.build_request(
            "GET", f"{self._url}/{name}", headers=headers, extensions={"trace": self._connected}
        )
        late = threading.Event()
        timer = threading.Timer(PATIENCE, self._hang_up, [late])
        timer.daemon = True
        timer.start()
        try:
            try:
                reply = self._client.send(request, stream=True)
            except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
                if late.is_set():
                    raise
                reply = self._client.send(request, stream=True)
            try:
                yield reply
            finally:
                reply.close()
        except httpx2.HTTPError:
            if not late.is_set():
                raise
        finally:
            timer.cancel()
        if late.is_set():
            raise self._failed(name, f"took more than {PATIENCE:g} seconds")

    def _connected(self, event: str, told: dict[str, Any]) -> None:
        """Keep the socket of a new connection; called at each step of a request."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = told["return_value"].get_extra_info("socket")

    def _hang_up(self, late: threading.Event) -> None:
        """Nothing more comes of what is under way; called in a thread."""
        late.set()
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _begins(self, name: str, reply: httpx2.Response, here: int, size: int) -> int:
        """With which octet of the file a reply begins. Raises DnsblError where it is none that was asked for."""
        if reply.status_code == 200:
            return 0
        if reply.status_code == 206 and _continues(reply.headers.get("Content-Range", ""), here, size):
            return here
        kind = _Refilled if reply.status_code == 416 else DnsblError
        raise self._failed(name, f"is refused: {reply.status_code} {_printable(reply.reason_phrase)}", kind)

    def _pieces(self, name: str, reply: httpx2.Response, here: int, size: int) -> Iterator[bytes]:
        """What comes of the body, no more than belongs to the file. Raises DnsblError."""
        until = self._clock.monotonic() + PATIENCE
        for piece in reply.iter_raw():
            self.octets += len(piece)
            yield piece[: size - here]
            here += len(piece)
            if here > size:
                raise self._failed(name, f"was cut off: it is longer than its {size} octets")
            if self._clock.monotonic() > until:
                raise self._failed(name, f"took more than {PATIENCE:g} seconds; {here} of {size} are here")

    def _failed(self, name: str, why: str, kind: type[DnsblError] = DnsblError) -> DnsblError:
        return kind(f"{self._url}/{name} {why}")


def _continues(told: str, here: int, size: int) -> bool:
    return re.fullmatch(rf"bytes {here}-{size - 1}/{size}", told) is not None


def _said(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not believed: {_printable(cause.verify_message)}"
        if isinstance(cause, OSError) and cause.strerror:
            return _printable(cause.strerror)
        cause = cause.__cause__ or cause.__context__
    return _printable(str(error)) or type(error).__name__


def _printable(text: str) -> str:
    return ascii(text[:100])[1:-1]
