"""Clients' keys, in their files: which there are, the account that `keybook` keeps of their use, shown, and a new one.

Reads files and adds to one; follows none and counts nothing.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from dnsbl.dns.guard import Keys, KnownKey
from dnsbl.dns.keyuse import KeyUse, network_of
from dnsbl.errors import DnsblError
from dnsbl.files import open_made, open_plain, unopened
from dnsbl.settings import Dns

#: The file in the state folder.
NAME = "key-use"
#: Rates are means over about so many seconds, of which the latest count most.
SPANS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
#: Seconds for which a use elsewhere counts as an alarm.
ALARM = 86400.0
#: A new key has so many of these letters: 124 bits.
_LENGTH, _LETTERS = 24, "abcdefghijklmnopqrstuvwxyz0123456789"


def read_keys(dns: Dns) -> Keys | None:
    """The keys in `dns.keys_file`, or None where none is named. Raises DnsblError in a few sentences."""
    if dns.keys_file is None:
        return None
    try:
        with open_plain(dns.keys_file) as file:
            text = file.read().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise DnsblError(f"{dns.keys_file}: cannot be read: {unopened(error)}") from None
    return Keys.read(text, str(dns.keys_file), stay=dns.keys_elsewhere == "refuse")


def account(path: Path) -> dict[str, Any]:
    """The account of clients' keys in a file; empty where there is none. Raises DnsblError for a file that holds
    none, or cannot be read."""
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
    found = account(folder / NAME)
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
