"""Keeps what the responder must know and nobody else: cookie secrets, and the digests of clients' keys.

A shell around `dns.cookies` and `dns.guard`. Both files are read again every minute, in a thread, so that a revoked key
or a secret from another server counts without a restart; a file that is damaged by then leaves things as they are, with
one sentence in the log. A folder that cannot be written keeps no server from answering: its secret is then known to
this process alone. `state_dir/cookies` (mode 0600, made at the first start) has a secret a line, in hexadecimal: the
first one makes cookies, all of them check. When the first line has served `dns.cookie_days`, a new secret comes
before it, and the old one checks for another period.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dnsbl.clock import Clock
from dnsbl.dns.cookies import SECRET, Cookies
from dnsbl.dns.guard import Keys
from dnsbl.dns.respond import Serving
from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import HIDDEN, make_secret, unopened, write_whole
from dnsbl.serving.clientkeys import read_keys
from dnsbl.settings import Settings

#: Seconds between two looks at the files.
EVERY = 60.0

_log = logging.getLogger(__name__)


class Secrets:
    """The keeper of one process. `random` gives so many random bytes."""

    def __init__(
        self,
        settings: Settings,
        serving: Serving,
        *,
        clock: Clock,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._dns = settings.dns
        self._cookies = settings.service.state_dir / "cookies"
        self._serving = serving
        self._change = serving.change
        self._clock = clock
        self._random = random
        self._spare: list[bytes] = []  # for as long as no file can be had
        self._unkept = ""
        self.problem = ""  #: one sentence while not all is as it should be, or ""

    def load(self) -> None:
        """Read both files, and make or renew the cookie secrets. Raises DnsblError in a few sentences."""
        faults: list[DnsblError] = []
        for load in (self._load_cookies, self._load_keys):  # a fault of one file keeps nothing of the other one back
            try:
                load()
            except OSError as error:
                faults.append(DnsblError(f"{error.filename}: cannot be read: {unopened(error)}"))
            except DnsblError as error:
                faults.append(error)
        if faults:
            raise faults[0]
        self.problem = self._unkept

    def load_what_is_whole(self) -> None:
        """Read both files; without one that cannot be used nobody's key is known, or cookies are made with a secret of
        this process, until it can. Never raises."""
        try:
            self.load()
        except DnsblError as error:
            _log.error("%s", error)
            self.problem = str(error)
            if self._serving.keys is None and self._dns.keys_file is not None:
                self._change(keys=Keys(stay=self._dns.keys_elsewhere == "refuse"))
            if self._serving.cookies is None and self._dns.cookies != "off":
                self._spare = self._spare or [self._random(SECRET)]
                self._change(cookies=Cookies(tuple(self._spare), strict=self._dns.cookies == "strict"))

    def _load_cookies(self) -> None:
        if self._dns.cookies != "off":
            found = self._kept()
            self._change(cookies=Cookies(tuple(found), strict=self._dns.cookies == "strict"))

    def _load_keys(self) -> None:
        keys = read_keys(self._dns)
        if keys is not None and keys != self._serving.keys:
            self._change(keys=keys)

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop` is set."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)
                return
            await self.step()

    async def step(self) -> None:
        """Look once. Never raises."""
        try:
            await asyncio.to_thread(self.load)
        except DnsblError as error:
            if str(error) != self.problem:
                _log.warning("%s", error)
            self.problem = str(error)

    def _kept(self) -> list[bytes]:
        """The secrets on disk, renewed when it is time; where the disk does not have it, those there are."""
        unkept = ""
        try:
            found = self._renewed()
        except OSError as error:
            unkept = f"{self._cookies}: cookie secrets cannot be kept there: {error.strerror}."
            try:
                found = _read(self._cookies)
            except OSError:
                found = self._spare = self._spare or [self._random(SECRET)]
        if unkept and unkept != self._unkept:
            _log.warning("%s", unkept)
        self._unkept = unkept
        return found

    def _renewed(self) -> list[bytes]:
        """The secrets on disk, after making one when there is none or the first has served its time."""
        if not self._cookies.exists():
            make_secret(self._cookies, _lines([self._random(SECRET)]))
        found = _read(self._cookies)
        age = self._clock.now().timestamp() - self._cookies.stat().st_mtime
        if self._dns.cookie_days and age >= self._dns.cookie_days * 86400:
            found = [self._random(SECRET), found[0]]
            write_whole(self._cookies, [_lines(found)], mode=HIDDEN)
            moment = self._clock.now().timestamp()
            os.utime(self._cookies, (moment, moment))
        return found


def _read(path: Path) -> list[bytes]:
    try:
        found = [bytes.fromhex(line) for line in path.read_text(encoding="ascii").split()]
        if not found or any(len(secret) != SECRET for secret in found):
            raise ValueError
    except ValueError:
        raise Damaged(f"{path} does not hold cookie secrets, 32 hexadecimal digits a line; move it away.") from None
    return found


def _lines(found: list[bytes]) -> bytes:
    return b"".join(secret.hex().encode() + b"\n" for secret in found)
