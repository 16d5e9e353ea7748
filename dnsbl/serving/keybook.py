"""Keeps account of clients' keys: how often and how fast each is used, when last, and where it should not be.

A shell. Every few seconds what the responder has counted is looked at, beside the answering; a key that is used from
outside its networks is an alarm in the log, at once and then once an hour. Once a minute the account is written to
`state_dir/key-use`, so that it outlives the process, and the command line and the web, which are other processes, can
show it (`document`). Keys are named there by digest, in the log by the operator's name or a fingerprint; a key itself
is known to nobody here. Each node keeps an account of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from dnsbl.clock import Clock
from dnsbl.dns.guard import Keys, KnownKey
from dnsbl.dns.keyuse import KeyUse, network_of
from dnsbl.dns.respond import Serving
from dnsbl.errors import DnsblError
from dnsbl.files import open_made, unopened, write_whole
from dnsbl.serving.secrets import read_keys
from dnsbl.settings import Dns

#: Seconds between two looks, and between two writings.
EVERY, WRITING = 10.0, 60.0
#: Rates are means over about so many seconds, of which the latest count most.
SPANS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
#: Seconds after which the log tells again of a key that is used elsewhere, and for which it counts as an alarm.
AGAIN, ALARM = 3600.0, 86400.0
#: A new key has so many of these letters: 124 bits.
_LENGTH, _LETTERS = 24, "abcdefghijklmnopqrstuvwxyz0123456789"
#: The file in the state folder.
NAME = "key-use"

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
            found = _read(self._path)
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


def _read(path: Path) -> dict[str, Any]:
    """The account in a file; empty where there is none. Raises DnsblError when it is none, or cannot be read."""
    try:
        found = json.loads(path.read_bytes())
        for digest, row in found["keys"].items():
            bytes.fromhex(digest), KeyUse(**row["use"]), [float(row["rates"][span]) for span in SPANS]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DnsblError(f"{path} cannot be read: {unopened(error)}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DnsblError(f"{path} holds no account of keys.") from None
    return dict(found)


def alarms(key: KnownKey, use: KeyUse, now: float) -> bool:
    """Whether a key that has a home was used elsewhere so lately that it counts as an alarm; `now` in Unix seconds."""
    return bool(key.homes) and use.strayed > 0 and now - use.strayed < ALARM


def document(dns: Dns, folder: Path, now: float) -> dict[str, Any]:
    """How every known key is used on this node, for operators; `folder` is the state folder, `now` in Unix seconds.

    Raises DnsblError where there are no keys, or a file cannot be used.
    """
    keys = read_keys(dns)
    if keys is None:
        raise DnsblError("Clients have no keys here: name their file in dns.keys_file.")
    found = _read(folder / NAME)
    rows = []
    for digest, key in keys.known.items():
        row = found.get("keys", {}).get(digest.hex())
        use = KeyUse(**row["use"]) if row else KeyUse()
        rows.append(
            {
                "name": key.name,
                "fingerprint": key.fingerprint,
                "networks": [str(network) for network in key.homes],
                "queries": use.queries,
                "hits": use.hits,
                "refused": use.refused,
                "per_second": {span: round(row["rates"][span], 4) if row else 0.0 for span in SPANS},
                "last_seen": _moment(use.last),
                "elsewhere": {
                    "queries": use.elsewhere,
                    "last_seen": _moment(use.strayed),
                    "last_from": str(network_of(use.place) or "") or None,
                },
                "alarm": alarms(key, use, now),
            }
        )
    return {"keys": rows, "since": _moment(found.get("since", 0.0)), "as_of": _moment(found.get("written", 0.0))}


def add(
    dns: Dns,
    *,
    name: str,
    networks: Iterable[str],
    home: Path | None = None,
    random: Callable[[str], str] = secrets.choice,
) -> tuple[str, str]:
    """Make a key with its line in `dns.keys_file`: (the key, the line). Root makes that file for whom the folder `home`
    belongs, since it is to be read by the service. Raises DnsblError, and then adds nothing."""
    path = dns.keys_file
    if path is None:
        raise DnsblError("Clients have no keys here: name their file in dns.keys_file.")
    try:
        os.close(open_made(path, os.O_RDONLY, home=home))
    except OSError as error:
        raise DnsblError(f"{path}: cannot be written: {error.strerror}.") from None
    keys = read_keys(dns) or Keys.read("", str(path))
    if name and name in {one.label for one in keys.known.values()}:
        raise DnsblError(f"There is a key of this name already: {name}.")
    key = "".join(random(_LETTERS) for _ in range(_LENGTH))
    wide = ",".join(networks)
    words = [
        sha256(key.encode()).hexdigest(),
        *([f"name={name}"] if name else []),
        *([f"networks={wide}"] if wide else []),
    ]
    line = " ".join(words)
    try:
        [made] = Keys.read(line, "the new line").known.values()
        taken = (made.name, ",".join(map(str, made.homes))) == (name, wide)
    except DnsblError:
        taken = False
    if not taken:
        raise DnsblError("A name is one word, and a network is like 192.0.2.0/24, without bits behind its length.")
    try:
        with path.open("r+b") as file:
            text = file.read()
            file.write(b"\n" * (bool(text) and not text.endswith(b"\n")) + line.encode() + b"\n")
    except OSError as error:
        raise DnsblError(f"{path}: cannot be written: {error.strerror}.") from None
    return key, line


def _moment(seconds: float) -> str | None:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}" if seconds else None
