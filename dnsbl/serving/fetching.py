"""Fetches files of one folder of the web, each bounded in size and time; a file that was cut off is continued.

A shell, synchronous, to be called in a thread. One connection is kept between requests. No redirect is followed and no
proxy is asked: what is fetched comes from the place that the settings name. Every failure is one sentence.
"""

from __future__ import annotations

import http.client
import os
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from dnsbl.clock import Clock
from dnsbl.errors import DnsblError

#: Octets read at once.
READ = 1 << 16
#: Seconds that one file may take before it is put off; what has come is kept.
PATIENCE = 600.0


class Upstream:
    """The folder at `url`; `timeout` is how many seconds nothing may come, `ca` who signs its certificate."""

    def __init__(self, url: str, *, timeout: float, clock: Clock, ca: Path | None = None) -> None:
        parts = urlsplit(url)
        self._url = url.rstrip("/")
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path.rstrip("/")
        self._tls = parts.scheme == "https"
        self._timeout = timeout
        self._ca = ca
        self._clock = clock
        self._connection: http.client.HTTPConnection | None = None
        self.octets = 0  #: that have come since the start

    def small(self, name: str, *, most: int, known: str = "") -> tuple[bytes, str] | None:
        """A file of at most so many octets, with its ETag; None when it still has the ETag that is known.

        Raises DnsblError.
        """
        headers = {"If-None-Match": known} if known else {}
        try:
            reply = self._asked(name, headers)
            given = reply.read(most + 1)
            self.octets += len(given)
            if len(given) > most:
                raise self._failed(name, f"is longer than {most} octets")
            if reply.status == 304:
                return None
            if reply.status != 200:
                why = _printable(given.decode("utf-8", "replace").partition("\n")[0]) or _printable(reply.reason)
                raise self._failed(name, f"is refused: {reply.status} {why}")
            return given, reply.headers.get("ETag", "")[:200]
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(name, f"cannot be fetched: {_said(error)}") from None

    def whole(self, name: str, path: Path, *, size: int) -> None:
        """Put a file of so many octets at `path`, going on where an earlier try at `path`.part ended.

        Raises DnsblError, and keeps what has come.
        """
        part = path.with_name(path.name + ".part")
        begun = self._clock.monotonic()
        with open(os.open(part, os.O_RDWR | os.O_CREAT, 0o640), "r+b") as file:
            here = file.seek(0, os.SEEK_END)
            if here > size:
                here = 0
            try:
                if here < size:
                    reply = self._asked(name, {"Range": f"bytes={here}-"} if here else {})
                    if reply.status == 200:
                        here = 0
                    elif reply.status != 206 or not _continues(reply.headers.get("Content-Range", ""), here, size):
                        here = 0 if reply.status == 416 else here
                        raise self._failed(name, f"is refused: {reply.status} {_printable(reply.reason)}")
                    file.seek(here)
                    while here < size and (given := reply.read(min(READ, size - here))):
                        file.write(given)
                        here += len(given)
                        self.octets += len(given)
                        if self._clock.monotonic() > begun + PATIENCE:
                            raise self._failed(name, f"took more than {PATIENCE:g} seconds; {here} of {size} are here")
                    if here < size or reply.read(1):
                        raise self._failed(name, f"was cut off: {here} of {size} octets are here")
            except (OSError, http.client.HTTPException) as error:
                raise self._failed(name, f"was cut off at {here} of {size} octets: {_said(error)}") from None
            finally:
                file.truncate(here)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
        self._connection = None

    def _asked(self, name: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """The reply to one request; a kept connection that has meanwhile been closed is made anew."""
        for kept in (self._connection, None):
            self._connection = kept or self._opened()
            try:
                self._connection.request("GET", f"{self._path}/{name}", headers=dict(headers))
                return self._connection.getresponse()
            except (OSError, http.client.HTTPException):
                self.close()
                if kept is None:
                    raise
        raise AssertionError

    def _opened(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        context = ssl.create_default_context(cafile=str(self._ca) if self._ca else None)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)

    def _failed(self, name: str, why: str) -> DnsblError:
        self.close()
        return DnsblError(f"{self._url}/{name} {why}")


def _continues(told: str, here: int, size: int) -> bool:
    return re.fullmatch(rf"bytes {here}-{size - 1}/{size}", told) is not None


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {_printable(error.verify_message)}"
    if isinstance(error, OSError) and error.strerror:
        return _printable(error.strerror)
    return type(error).__name__ if not str(error) else _printable(str(error))


def _printable(text: str) -> str:
    return ascii(text[:100])[1:-1]
