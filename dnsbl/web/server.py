"""Shell: serves the web inside our own event loop. Binds the socket, leaves signals alone, stops when told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import AbstractContextManager

import uvicorn

from dnsbl.casework import Casework
from dnsbl.clock import Clock
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.settings import Settings, split_listen
from dnsbl.web.app import Metrics, create_app, no_metrics

#: Seconds that open requests get to finish when we stop.
GRACE = 3
#: Connections at once; more are answered 503.
CONNECTIONS = 500


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: those belong to the process."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()


class WebServer:
    """Pages and API on [web] listen."""

    def __init__(
        self, casework: Casework, settings: Settings, *, clock: Clock, zones: Zones, metrics: Metrics = no_metrics
    ) -> None:
        self.zones = zones  #: whose codes pages and API show
        self._listen = settings.web.listen
        self._socket: socket.socket | None = None
        # Proxy headers are read by our own rule (`limits.visitor`), which trusts nobody by default.
        self._server = _Server(
            uvicorn.Config(
                create_app(
                    casework,
                    settings,
                    clock=clock,
                    codes=lambda address, listed: self.zones.codes_of(address, listed),
                    metrics=metrics,
                ),
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=GRACE,
            )
        )

    async def start(self) -> tuple[str, int]:
        """Bind and listen; returns (address, port). Raises DnsblError with one sentence."""
        host, port = split_listen(self._listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setblocking(False)
            listener.bind((host, port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            raise DnsblError(f"The web cannot listen on {self._listen}: {error.strerror or error}.") from None
        self._socket = listener
        bound = listener.getsockname()
        return bound[0], bound[1]

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, then let open requests finish."""
        if self._socket is None:
            await self.start()
        assert self._socket is not None
        watch = asyncio.create_task(self._watch(stop))
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            watch.cancel()
            self._socket.close()

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._server.should_exit = True
