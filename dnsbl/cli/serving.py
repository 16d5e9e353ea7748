"""`dnsbl serve`: runs a node until a signal, and says where it listens."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys

from dnsbl.cli.sparing import WINDOW, Sparing
from dnsbl.daemons.node import Bound, Node
from dnsbl.daemons.reserve import fitted, granted
from dnsbl.errors import DnsblError
from dnsbl.opened import OpenedList

_log = logging.getLogger(__name__)


def serve_until_told(opened: OpenedList, roles: list[str], *, as_json: bool) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the zone files again. Raises DnsblError when a role cannot start."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    sparing = Sparing(opened.clock.monotonic)
    for handler in logging.getLogger().handlers:
        handler.addFilter(sparing)
    settings, shortage = fitted(opened.settings, roles, granted())
    notes = [note for note in (shortage, "web" in roles and settings.web.unnamed_proxy) if note]
    for note in notes:
        _log.warning("%s", note)
    node = Node(opened.casework, settings, opened.zones, opened.keyring, opened.clock, roles=roles)
    node.bound.notes = notes
    try:
        asyncio.run(_serve(node, sparing, as_json))
    except* DnsblError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise DnsblError(str(error)) from None


async def _serve(node: Node, sparing: Sparing, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(node.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    telling = asyncio.create_task(_tell(sparing))
    try:
        await node.run(stop, ready=lambda bound: _announce(bound, as_json))
    finally:
        telling.cancel()


async def _tell(sparing: Sparing) -> None:
    """Say each minute what was kept out of the log."""
    while True:
        await asyncio.sleep(WINDOW)
        for line in sparing.rest():
            _log.info("%s", line)


def _announce(bound: Bound, as_json: bool) -> None:
    where = {"dns": bound.dns, "collector": bound.collector, "web": bound.web, "metrics": bound.metrics}
    if as_json:
        print(
            json.dumps({"listening": where, "engine": bound.engine, "held": bound.held, "notes": bound.notes}),
            flush=True,
        )
        return
    for role, places in where.items():
        for host, port in places:
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            print(f"{role:<10}{'http://' if role in ('web', 'metrics') else ''}{shown}", flush=True)
    if bound.engine:
        print(f"{'engine':<10}{bound.engine}", flush=True)
    if bound.held:
        print(f"{'testing':<10}nobody is dialled: {bound.held}", flush=True)
    print("ready; Ctrl-C ends it", flush=True)
