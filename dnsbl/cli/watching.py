"""`dnsbl monitor`: rounds of questions to all servers, and what is said of them. Judges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from dnsbl.cli import show, terminal
from dnsbl.daemons import monitor
from dnsbl.opened import OpenedList

#: Seconds between two looks at servers that may still be following a change.
AGAIN = 0.5


def watch(opened: OpenedList, *, once: bool, every: float, patience: float, as_json: bool) -> bool:
    """Ask and tell, once or until Ctrl-C; returns whether all was fine in the last round."""
    try:
        return asyncio.run(_watch(opened, once=once, every=every, patience=patience, as_json=as_json))
    except KeyboardInterrupt:
        return True


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
    terminal.out().print(f"{record['server']:<24} {record['zone']} {record['serial'] or '-'}: {said}")
