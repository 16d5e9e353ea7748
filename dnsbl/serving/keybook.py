"""Keeps account of clients' keys: how often and how fast each is used, when last, and where it should not be.

A shell. Every few seconds what the responder has counted is looked at, beside the answering; a key that is used from
outside its networks is an alarm in the log, at once and then once an hour. Once a minute the account is written to
`state_dir/key-use`, so that it outlives the process, and the command line and the web, which are other processes, can
show it (`clientkeys`). Keys are named there by digest, in the log by the operator's name or a fingerprint; a key itself
is known to nobody here. Each node keeps an account of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, field
from pathlib import Path

from dnsbl.clock import Clock
from dnsbl.dns.guard import KnownKey
from dnsbl.dns.keyuse import KeyUse, network_of
from dnsbl.dns.respond import Serving
from dnsbl.errors import DnsblError
from dnsbl.files import write_whole
from dnsbl.serving.clientkeys import NAME, SPANS, account
from tester.records import dataclass

#: Seconds between two looks, and between two writings.
EVERY, WRITING = 10.0, 60.0
#: Seconds after which the log tells again of a key that is used elsewhere.
AGAIN = 3600.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Account:
    """One key's."""

    before: KeyUse = field(default_factory=KeyUse)  #: by earlier processes
    use: KeyUse = field(default_factory=KeyUse)  #: in all
    rates: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SPANS, 0.0))  #: queries a second
    told: float = -math.inf  #: when the log told of its use elsewhere
    untold: int = 0  #: uses elsewhere of which it has not


class KeyBook:
    """Of one process. `used` gives what is counted since its start; `serving` has the keys that are known."""

    def __init__(
        self, used: Callable[[], Mapping[bytes, KeyUse]], serving: Serving, folder: Path, *, clock: Clock
    ) -> None:
        self.problem = ""  #: one sentence while the account cannot be kept, or ""
        self._used = used
        self._serving = serving
        self._path = folder / NAME
        self._clock = clock
        self._since = self._looked = self._written = 0.0  # 0.0: not yet
        self._accounts: dict[bytes, _Account] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop` is set, and write what is left."""
        while not stop.is_set():
            await asyncio.to_thread(self.step)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)
        await asyncio.to_thread(self.step, last=True)

    def step(self, *, last: bool = False) -> None:
        """Look once; write when it is time, or it is the `last` one. Never raises."""
        now = self._clock.now().timestamp()
        if not self._looked:
            self._begin(now)
        known = self._serving.keys.known if self._serving.keys is not None else {}
        passed = max(0.0, now - self._looked)
        for digest, use in {**dict.fromkeys(self._accounts), **self._used()}.items():
            if digest in known:
                self._look(self._accounts.setdefault(digest, _Account()), known[digest], use or KeyUse(), passed, now)
        self._looked = now
        if last or now - self._written >= WRITING or now < self._written:
            self._written = now
            self._write({digest: one for digest, one in self._accounts.items() if digest in known}, now)

    def _look(self, account: _Account, key: KnownKey, use: KeyUse, passed: float, now: float) -> None:
        whole = account.before.plus(use)
        asked, away = whole.queries - account.use.queries, whole.elsewhere - account.use.elsewhere
        for span, seconds in SPANS.items():
            weight = math.exp(-passed / seconds)
            mean = asked / passed if passed else account.rates[span]
            account.rates[span] = account.rates[span] * weight + mean * (1 - weight)
        account.use = whole
        account.untold += max(0, away)
        if account.untold and not 0 <= now - account.told < AGAIN:
            where = network_of(whole.place)
            what = "refused" if self._serving.keys is not None and self._serving.keys.stay else "answered"
            _log.warning(
                "the key %s is used from outside its networks, last from %s: %d questions, which were %s",
                key.label, where, account.untold, what,
            )  # fmt: skip
            account.told, account.untold = now, 0

    def _begin(self, now: float) -> None:
        """Go on from the file."""
        self._since = self._looked = self._written = now
        try:
            found = account(self._path)
        except DnsblError as error:
            _log.warning("%s It is begun anew.", error)
            return
        self._since = found.get("since", now)
        passed = max(0.0, now - found.get("written", now))
        for digest, row in found.get("keys", {}).items():
            use = KeyUse(**row["use"])
            rates = {span: row["rates"][span] * math.exp(-passed / seconds) for span, seconds in SPANS.items()}
            self._accounts[bytes.fromhex(digest)] = _Account(before=use, use=use, rates=rates)

    def _write(self, accounts: Mapping[bytes, _Account], now: float) -> None:
        rows = {digest.hex(): {"use": asdict(one.use), "rates": one.rates} for digest, one in accounts.items()}
        text = json.dumps({"since": self._since, "written": now, "keys": rows})
        try:
            write_whole(self._path, [text.encode()])
        except OSError as error:
            problem = f"{self._path}: the use of keys cannot be kept there: {error.strerror}."
            if problem != self.problem:
                _log.warning("%s", problem)
            self.problem = problem
        else:
            self.problem = ""
