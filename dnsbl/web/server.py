"""Shell: serves the web inside our own event loop. Binds the socket, leaves signals alone, stops when told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from dnsbl.casework.briefing import Briefing
from dnsbl.casework.doors import Doors
from dnsbl.casework.ownership import Ownership
from dnsbl.casework.proofs import Proofs
from dnsbl.casework.proving import Proving
from dnsbl.casework.remote import RemoteTests
from dnsbl.casework.self_tests import SelfTests
from dnsbl.casework.views import Views
from dnsbl.casework.watching import Watching
from dnsbl.casework.withdrawing import Withdrawing
from dnsbl.clock import Clock
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.handed import NONE_HANDED, Handed
from dnsbl.health import Health
from dnsbl.serving.copies import ZoneFiles
from dnsbl.settings import Settings, Web, split_listen
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.api import Others
from dnsbl.web.app import KeyUses, Metrics, create_app, no_keys, no_metrics
from dnsbl.web.connection import Connection
from dnsbl.web.control import Texts, no_texts
from dnsbl.web.handing import create_table_app
from dnsbl.web.hosts import Hosts
from dnsbl.web.patience import Stage
from dnsbl.web.statistics import See
from tester.crowd import Crowd, Place, Tally, widths
from tester.listening import BACKLOG, Listener, bound, unheard

#: Seconds that open requests get to finish when we stop.
GRACE = 3
#: Seconds between two looks at the connections that keep us waiting.
LOOK = 1.0
#: Octets of the largest head of a request.
HEAD = 16384

_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which belong to the process, and without its way of accepting."""

    def __init__(self, config: uvicorn.Config, web: Web, now: Callable[[], float]) -> None:
        super().__init__(config)
        self._now = now
        self.tally = Tally()
        self._web = web
        self._limits = {Stage.HEAD: web.head_seconds, Stage.BODY: web.body_seconds, Stage.READING: web.reading_seconds}
        shares = widths(per_peer=web.per_peer, per_network=web.per_network, per_region=web.connections // 2)
        self._crowd = Crowd(web.connections, shares)

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept on our own listener, which uvicorn closes as if it were one of its own."""
        self.servers = []
        for listening in sockets or ():
            listener = Listener(
                listening,
                self._crowd,
                self._connection,
                who="web",
                tally=self.tally,
                log=_log,
                exempt=self._web.trusted_proxies,
                now=self._now,
            )
            listener.start()
            self._note = listener.note
            self.servers.append(cast(asyncio.Server, listener))
        self.started = True

    def _connection(self, place: Place) -> Connection:
        return Connection(
            place,
            self._limits,
            self._note,
            self._now,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    def look(self) -> None:
        """End the connections that keep us waiting for too long."""
        for connection in tuple(self.server_state.connections):
            cast(Connection, connection).look()


class HttpServer:
    """An application at one place, behind our own way of accepting. `what` stands before a sentence about the place."""

    def __init__(
        self, app: ASGIApp, listen: str, settings: Web, clock: Clock, *, what: str, handed: Handed = NONE_HANDED
    ) -> None:
        self._listen, self._what, self._handed = listen, what, handed
        self._socket: socket.socket | None = None
        # Proxy headers are read by our own rule (`limits.visitor`), which trusts nobody by default.
        self._server = _Server(
            uvicorn.Config(
                app,
                http="h11",
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=HEAD,
                timeout_keep_alive=settings.idle_seconds,
                timeout_graceful_shutdown=GRACE,
            ),
            settings,
            clock.monotonic,
        )

    @property
    def tally(self) -> Tally:
        """What strangers have caused."""
        return self._server.tally

    async def start(self) -> tuple[str, int]:
        """Bind and listen; returns (address, port). Raises DnsblError with one sentence."""
        host, port = split_listen(self._listen)
        try:
            self._socket = next(iter(self._handed.take("tcp", host, port)), None) or bound(host, port)
            self._socket.listen(BACKLOG)
        except OSError as error:
            raise DnsblError(f"{self._what} cannot listen on {self._listen}: {unheard(error)}.") from None
        here = self._socket.getsockname()
        return here[0], here[1]

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

    def look(self) -> None:
        """End the connections that keep us waiting for too long; done every second while we serve."""
        self._server.look()

    async def _watch(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK)
            self.look()
        self._server.should_exit = True


class WebServer(HttpServer):
    """Pages and API on [web] listen."""

    def __init__(
        self,
        doors: Doors,
        views: Views,
        settings: Settings,
        *,
        clock: Clock,
        zones: Zones,
        briefing: Briefing | None = None,
        see: See | None = None,
        self_tests: SelfTests | None = None,
        remote: RemoteTests | None = None,
        withdrawing: Withdrawing | None = None,
        files: ZoneFiles | None = None,
        ownership: Ownership | None = None,
        watching: Watching | None = None,
        proofs: Proofs | None = None,
        texts: Texts = no_texts,
        hosts: Hosts | None = None,
        others: Others | None = None,
        metrics: Metrics = no_metrics,
        keys: KeyUses = no_keys,
        health: Callable[[], list[Health]] = list,
        desk: OperatorDesk | None = None,
        proving: Proving | None = None,
        handed: Handed = NONE_HANDED,
    ) -> None:
        self.zones = zones  #: whose codes pages and API show
        self.refused = Tally()  #: requests that a limit has refused
        app = create_app(
            doors,
            views,
            settings,
            clock=clock,
            briefing=briefing,
            see=see,
            self_tests=self_tests,
            remote=remote,
            withdrawing=withdrawing,
            files=files,
            zones=lambda: self.zones.own,
            trials=lambda: self.zones.trials,
            ownership=ownership,
            watching=watching,
            proofs=proofs,
            texts=texts,
            hosts=hosts,
            others=others,
            codes=lambda address, listed: self.zones.codes_of(address, listed),
            origins=lambda: self.zones.origins,
            metrics=metrics,
            proving=proving,
            keys=keys,
            health=health,
            tally=self.refused,
            desk=desk,
        )
        self._desk, self._metrics, self._clock = desk, metrics, clock
        super().__init__(app, settings.web.listen, settings.web, clock, what="The web", handed=handed)

    def look(self) -> None:
        """The same, and count now and then what DNS answers, for the operators' side."""
        super().look()
        now = self._clock.monotonic()
        if self._desk is not None and self._desk.rates.due(now):
            asyncio.get_running_loop().run_in_executor(None, self._desk.count, self._metrics, now)


class TableServer(HttpServer):
    """The published table alone, on [publish] listen."""

    def __init__(self, settings: Settings, folder: Path, *, clock: Clock) -> None:
        assert settings.publish.listen is not None
        listen = settings.publish.listen
        web = settings.web.model_copy(update={"listen": listen, "base_url": f"http://{listen}"})  # not behind its proxy
        app = create_table_app(settings.model_copy(update={"web": web}), folder, clock)
        super().__init__(app, listen, web, clock, what="publish.listen")
