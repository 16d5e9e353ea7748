"""`dnsbl monitor`: rounds of questions to all servers, and what is said of them. Judges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from dnsbl.cli import show, terminal
from dnsbl.clock import SystemClock
from dnsbl.daemons import monitor
from dnsbl.daemons.logwatch import LogWatch
from dnsbl.errors import DnsblError
from dnsbl.log.note import Verifier
from dnsbl.opened import OpenedList
from dnsbl.settings import split_listen

#: Seconds between two looks at servers that may still be following a change.
AGAIN = 0.5


def watch(opened: OpenedList, *, once: bool, every: float, patience: float, as_json: bool) -> bool:
    """Ask and tell, once or until Ctrl-C; returns whether all was fine in the last round."""
    try:
        return asyncio.run(_watch(opened, once=once, every=every, patience=patience, as_json=as_json))
    except KeyboardInterrupt:
        return True


def watch_log(url: str, keys: Sequence[str], state: Path | None, server: str, zone: str, *, as_json: bool) -> bool:
    """Look at a log from outside, once, and tell; returns whether all was fine. Raises DnsblError."""
    try:
        known = [Verifier.read(key) for key in keys]
        if server:
            split_listen(server)
    except ValueError as error:
        raise DnsblError(f"A key is NAME+HASH+BASE64, copied whole, and a server ADDRESS:PORT ({error}).") from None
    if not known or len({key.name for key in known}) > 1:
        raise DnsblError("The keys of one log are needed: --key, as the list publishes it.")
    found = asyncio.run(LogWatch(url, known, state, SystemClock()).look(server, zone))
    if as_json:
        show.document(found)
    else:
        show.done(found, as_json=False)
    return not found["wrong"]


async def _watch(opened: OpenedList, *, once: bool, every: float, patience: float, as_json: bool) -> bool:
    while True:
        records = await _settled(opened, patience)
        fine = monitor.fine(records)
        if as_json:
            show.document({"ok": fine, "servers": records})
        else:
            for record in records:
                _tell(record)
        if once:
            return fine
        await asyncio.sleep(every)


async def _settled(opened: OpenedList, patience: float) -> list[dict[str, object]]:
    """What everybody says; asked again while somebody may still be following."""
    end = opened.clock.monotonic() + patience
    records = await monitor.look(opened)
    while not monitor.fine(records) and opened.clock.monotonic() < end:
        await asyncio.sleep(AGAIN)
        records = await monitor.look(opened)
    return records


def _tell(record: Mapping[str, object]) -> None:
    trouble = record["trouble"]
    assert isinstance(trouble, list)
    said = "; ".join(trouble) or "fine"
    terminal.say(f"{record['server']:<24} {record['zone']} {record['serial'] or '-'}: {said}")
