"""Wires the five roles of one process, and runs them until told to stop.

Holds no rule of the list. The responder answers in a thread with an event loop of its own, so that nothing else
in the process delays an answer; the others share one loop and call the store in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from dnsbl.addresses import Address
from dnsbl.casework import Casework
from dnsbl.clock import Clock
from dnsbl.config import read_zones
from dnsbl.daemons import ROLES
from dnsbl.daemons.mailroom import Mailroom
from dnsbl.daemons.scheduler import Scheduler
from dnsbl.daemons.worker import Worker
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError, SettingsError
from dnsbl.opened import table_path
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.feed import Feed
from dnsbl.serving.metrics import Answering, Exhibit, Page
from dnsbl.serving.notifier import Notifier
from dnsbl.serving.querylog import QueryLog
from dnsbl.serving.responder import Responder
from dnsbl.serving.secrets import Secrets
from dnsbl.serving.transfers import Transfers, read_tsig_keys
from dnsbl.settings import Settings
from tester.letter import Keyring
from tester.smtp import Event

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Bound:
    """Where the roles listen, once they do; (address, port) pairs."""

    dns: list[tuple[str, int]] = field(default_factory=list)
    engine: str = ""  #: what answers DNS, for people
    collector: list[tuple[str, int]] = field(default_factory=list)
    web: list[tuple[str, int]] = field(default_factory=list)
    metrics: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  #: what an operator should know of the settings, a sentence each
    held: str = ""  #: why the settings let a worker here dial nobody


class Node:
    """One process of the list: any of the roles, each with those verbs of one casework that are its own."""

    def __init__(
        self,
        casework: Casework,
        settings: Settings,
        zones: Zones,
        keyring: Keyring,
        clock: Clock,
        *,
        roles: Iterable[str] = ROLES,
        on_event: Callable[[Address, Event], None] | None = None,
    ) -> None:
        self.bound = Bound()
        roles = set(roles)
        self._settings = settings
        self._responder = Responder(settings.dns, zones, clock=clock) if "dns" in roles else None
        self._feed = self._notifier = None
        if self._responder:
            tsig_keys, bounds = read_tsig_keys(settings.dns), Bounds.of(settings)
            self._responder.transfer = Transfers(
                settings.dns, tsig_keys, self._responder.serving, casework.contents, clock, listable=bounds.may_hold
            )
            self._notifier = Notifier(settings.dns, zones, tsig_keys, clock=clock)
            self._feed = Feed(
                casework.contents,
                [self._responder, self._notifier],
                poll=settings.dns.poll,
                path=table_path(settings),
                clock=clock,
                zones_digest=zones.digest,
                bounds=bounds,
            )
        self._secrets = self._query_log = self._exhibit = None
        page = Page()
        if self._responder and self._feed:
            serving = self._responder.serving
            self._secrets = Secrets(settings, serving, clock=clock)
            if settings.dns.query_log_every:
                self._responder.watcher = self._query_log = QueryLog(serving, every=settings.dns.query_log_every)
            page = Page(Answering(self._responder, self._feed, self._query_log, clock=clock))
            if settings.dns.metrics_listen:
                self._exhibit = Exhibit(page, settings.dns.metrics_listen)
        self._mailroom = Mailroom(casework.arrivals, settings, keyring, clock) if "collector" in roles else None
        self._worker = (
            Worker(casework.assignments, settings, keyring, clock, on_event=on_event) if "worker" in roles else None
        )
        self.bound.held = settings.tester.held if self._worker else ""
        self._scheduler = Scheduler(casework.upkeep) if "scheduler" in roles else None
        self._web = None
        if "web" in roles:
            from dnsbl.web.server import WebServer  # here, so that a node without pages does not carry a web framework

            self._web = WebServer(casework.doors, casework.views, settings, clock=clock, zones=zones, metrics=page.text)

    async def run(self, stop: asyncio.Event, *, ready: Callable[[Bound], None] = lambda bound: None) -> None:
        """Listen everywhere, call `ready`, and work until `stop`. Raises DnsblError when a role cannot start."""
        answering: _Thread | None = None
        async with contextlib.AsyncExitStack() as stack:
            if self._secrets:
                self._secrets.load()
            if self._exhibit:
                self.bound.metrics = [self._exhibit.start()]
                stack.callback(self._exhibit.close)
            if self._responder and self._feed:
                answering = await stack.enter_async_context(_in_its_own_loop(self._responder))
                self.bound.dns = answering.bound
                self.bound.engine = self._responder.engine
                await self._feed.ready()
            if self._mailroom:
                self.bound.collector = await self._mailroom.start()
            if self._web:
                self.bound.web = [await self._web.start()]
            shells = [
                shell
                for shell in (
                    self._feed,
                    self._notifier,
                    self._secrets,
                    self._query_log,
                    self._exhibit,
                    self._mailroom,
                    self._worker,
                    self._scheduler,
                    self._web,
                )
                if shell
            ]
            async with asyncio.TaskGroup() as group:
                for shell in shells:
                    group.create_task(shell.run(stop))
                if answering:
                    group.create_task(_lives(answering.running, stop))
                ready(self.bound)
                await stop.wait()

    async def reload(self) -> None:
        """Read the zone files again: the good ones are served and shown at once, with mistakes all stays as it is."""
        if self._secrets:
            await self._secrets.step()
        try:
            zones = await asyncio.to_thread(read_zones, self._settings)
        except SettingsError as error:
            for mistake in error.mistakes:
                _log.error("the zones stay as they were: %s", mistake)
            return
        if self._web:
            self._web.zones = zones
        if self._responder and self._feed and self._notifier:
            self._notifier.zones = zones
            self._responder.serving.change(zones=zones)
            await self._feed.rezone(zones.digest)
        _log.info("the zone files were read again")


@dataclass(frozen=True, slots=True)
class _Thread:
    """The responder's thread."""

    bound: list[tuple[str, int]]
    running: asyncio.Task[None]  #: ends with it, and carries its error


@contextlib.asynccontextmanager
async def _in_its_own_loop(responder: Responder) -> AsyncIterator[_Thread]:
    """Run the responder in a thread of its own while the body runs. Raises DnsblError when it cannot listen."""
    here = asyncio.get_running_loop()
    started: asyncio.Future[list[tuple[str, int]]] = here.create_future()
    there: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def answer() -> None:
        stop = asyncio.Event()
        there.append((asyncio.get_running_loop(), stop))
        try:
            bound = await responder.start()
        except Exception as error:
            here.call_soon_threadsafe(started.set_exception, error)
            return
        here.call_soon_threadsafe(started.set_result, bound)
        await responder.run(stop)

    running = asyncio.create_task(asyncio.to_thread(asyncio.run, answer()))
    try:
        yield _Thread(await started, running)
    finally:
        loop, stop = there[0]
        with contextlib.suppress(RuntimeError):  # its loop has already ended
            loop.call_soon_threadsafe(stop.set)
        await running


async def _lives(running: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Wait for `stop`; a responder that ends before takes the node down with its error, to be started again."""
    told = asyncio.create_task(stop.wait())
    await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not stop.is_set():
        running.result()
        raise DnsblError("The responder has ended.")
