"""`dnsbl serve`: runs a node until a signal, and says where it listens."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys

from dnsbl.daemons.node import Bound, Node
from dnsbl.errors import DnsblError
from dnsbl.opened import Desk


def serve_until_told(desk: Desk, roles: list[str], *, as_json: bool) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the zone files again. Raises DnsblError when a role cannot start."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    node = Node(desk.casework, desk.settings, desk.zones, desk.keyring, desk.clock, roles=roles)
    try:
        asyncio.run(_serve(node, as_json))
    except* DnsblError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise DnsblError(str(error)) from None


async def _serve(node: Node, as_json: bool) -> None:
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
    await node.run(stop, ready=lambda bound: _announce(bound, as_json))


def _announce(bound: Bound, as_json: bool) -> None:
    where = {"dns": bound.dns, "collector": bound.collector, "web": bound.web, "metrics": bound.metrics}
    if as_json:
        print(json.dumps({"listening": where, "engine": bound.engine, "held": bound.held}), flush=True)
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
