"""Wires what answers: the responder in a thread with an event loop of its own, its feed, and whatever serves the two.

Holds no rule of the list, and only reads the store, but for the epochs of serials. Nothing that ends here ends the
responder; when that fails by itself it binds its sockets anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import field
from functools import partial
from typing import Any

from dnsbl.casework.contents import Contents
from dnsbl.clock import Clock
from dnsbl.daemons.keeper import Shell
from dnsbl.dns.keyuse import KeyUse
from dnsbl.dns.listed.published import FOLDER
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError, SettingsError
from dnsbl.handed import NONE_HANDED, Handed
from dnsbl.health import Board
from dnsbl.places import signet_path, table_path
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.answered import AnsweredBook, answers_of
from dnsbl.serving.clientkeys import document
from dnsbl.serving.credentials import Credentials
from dnsbl.serving.feed import Feed, Holder
from dnsbl.serving.follower import Follower
from dnsbl.serving.keybook import KeyBook
from dnsbl.serving.keymetrics import KeyMetrics
from dnsbl.serving.lookups import LookupBook, askers
from dnsbl.serving.metrics import Answering, MetricsServer, Page, Parts
from dnsbl.serving.notifier import Notifier
from dnsbl.serving.pairs import Pairs
from dnsbl.serving.publisher import AGAIN, Publisher
from dnsbl.serving.pulling import Puller
from dnsbl.serving.querylog import QueryLog
from dnsbl.serving.readiness import Readiness
from dnsbl.serving.responder import Responder
from dnsbl.serving.secrets import Secrets
from dnsbl.serving.signet import Signet, verifier
from dnsbl.serving.sourcemetrics import SourceMetrics
from dnsbl.serving.sources import Sources
from dnsbl.serving.transfers import Log, Transfers
from dnsbl.serving.upstream import Upstream
from dnsbl.serving.workmetrics import StoreWork, Work
from dnsbl.settings import Settings
from tester.records import dataclass

_log = logging.getLogger(__name__)

#: Where the metrics are shown to a process beside this one: on loopback, at a port that the system chooses.
INNER = "127.0.0.1:0"


@dataclass(slots=True)
class Bound:
    """Where the roles listen, once they do; (address, port) pairs."""

    dns: list[tuple[str, int]] = field(default_factory=list)
    engine: str = ""  #: what answers DNS, for people
    collector: list[tuple[str, int]] = field(default_factory=list)
    web: list[tuple[str, int]] = field(default_factory=list)
    metrics: list[tuple[str, int]] = field(default_factory=list)
    table: list[tuple[str, int]] = field(default_factory=list)
    witness: list[tuple[str, int]] = field(default_factory=list)
    page: tuple[str, int] | None = None  #: where the process beside this one finds the metrics
    notes: list[str] = field(default_factory=list)  #: what an operator should know of the settings, a sentence each
    held: str = ""  #: why a worker here dials nobody, by the settings or by the file that stops a machine


class Front:
    """The answering side of one process."""

    def __init__(
        self,
        contents: Contents,
        settings: Settings,
        zones: Zones,
        clock: Clock,
        board: Board,
        bound: Bound,
        *,
        handed: Handed = NONE_HANDED,
        counted: Sequence[Work | StoreWork] = (),
        credentials: Credentials | None = None,
    ) -> None:
        """`counted` are the metrics of this process; its `credentials` are read here where none are given. Raises
        DnsblError when they cannot be used, or tests' names would lie in a zone."""
        mine = settings.tester.mx_domain
        if mine and any(one.origin in (mine, *_above(mine)) or mine in _above(one.origin) for one in zones):
            raise SettingsError([f"tester.mx_domain: {mine} and a zone must not lie inside one another"])
        credentials, bounds = credentials or Credentials.read(settings.dns), Bounds.of(settings)
        tsig_keys, self._again = credentials.tsig_keys, credentials.again
        self.responder = Responder(
            settings.dns, zones, clock=clock, handed=handed, tls=credentials.tls, again=credentials.again
        )
        self._bound = bound
        self._settings = settings
        self._clock = clock
        self._notifier = Notifier(settings.dns, zones, tsig_keys, clock=clock)
        holders: list[Holder] = [self.responder, self._notifier]
        self._publisher: Publisher | None = None
        self._feed: Feed | Follower
        log: Log = contents
        if settings.follow.url:
            self._feed = log = follower_of(settings, holders, zones, bounds, clock)
        else:
            if settings.publish.to:
                signet = partial(Signet.at, signet_path(settings))
                self._publisher = Publisher(contents, settings.service.state_dir / FOLDER, signet, clock=clock)
                holders.append(self._publisher)
            self._feed = Feed(
                contents,
                holders,
                poll=settings.dns.poll,
                path=table_path(settings),
                clock=clock,
                zones_digest=zones.digest,
                bounds=bounds,
            )
        transfers = Transfers(settings.dns, tsig_keys, self.responder.serving, log, clock, listable=bounds.may_hold)
        self.responder.transfer = transfers
        self._sources = Sources(zones, self.responder.serving, check=settings.dns.sources_check, clock=clock)
        self._puller = Puller(self._sources, clock=clock)
        self._secrets = Secrets(settings, self.responder.serving, clock=clock)
        self._pairs: Pairs | None = None
        if settings.tester.mx_domain and not settings.follow.url:  # the names of tests are in the store
            self._pairs = Pairs(
                contents.pairs,
                self.responder.serving,
                zones,
                origin=settings.tester.mx_domain,
                collector=settings.collector.hostname,
            )
        self._query_log: QueryLog | None = None
        if settings.dns.query_log_every:
            self._query_log = QueryLog(
                self.responder.serving,
                every=settings.dns.query_log_every,
                whole=settings.dns.query_log_clients == "address",
            )
            self.responder.watcher = self._query_log
        self._lookups: LookupBook | None = None
        if settings.lookups.clients:
            state = settings.service.state_dir
            self._lookups = LookupBook(settings.lookups, self.responder.serving, state, clock=clock)
            self.responder.lookups = self._lookups.offer
            self.responder.serving.change(askers=askers(settings.lookups))
        self.answering = Answering(
            self.responder,
            self._feed,
            self._query_log,
            clock=clock,
            transfers=transfers.counters,
            notifies=self._notifier.counters,
            lookups=self._lookups.counted if self._lookups is not None else {},
        )

        def used() -> dict[bytes, KeyUse]:
            return self.responder.used

        def answered() -> dict[str, int]:
            return answers_of(self.responder.found, self.responder.replies)

        self._answered = AnsweredBook(answered, settings.service.state_dir, clock=clock)
        self._book: KeyBook | None = None
        if settings.dns.keys_file is not None:
            self._book = KeyBook(used, self.responder.serving, settings.service.state_dir, clock=clock)
        #: What it has counted.
        self.collectors: list[Answering | KeyMetrics | SourceMetrics | Work | StoreWork] = [
            *counted,
            self.answering,
            KeyMetrics(used, self.responder.serving, clock),
            SourceMetrics(lambda: self._sources.states, lambda: self._puller.states, clock),
        ]
        self._page = Page(*self.collectors, Parts(board, clock))
        poll = settings.follow.poll + AGAIN if settings.follow.url else settings.dns.poll
        self._ready = Readiness(self.responder, board, poll=poll, clock=clock)

    def parts(self, *, beside: bool) -> list[tuple[str, Callable[[], Awaitable[Shell]]]]:
        """Its parts by name, in the order in which they begin; `beside` says that there is another process."""
        parts: list[tuple[str, Callable[[], Awaitable[Shell]]]] = [("secrets", self._begin_secrets)]
        if self._settings.dns.metrics_listen:
            parts.append(("metrics", self._begin_metrics))
        if beside:
            parts.append(("inner metrics", self._begin_inner))
        parts += [("dns", self._begin_responder), ("feed", self._begin_feed), ("notifier", _given(self._notifier))]
        parts += [("sources", _given(self._sources)), ("pulled sources", _given(self._puller))]
        if not self._settings.follow.url:
            parts.append(("counts of answers", _given(self._answered)))
        if self._publisher is not None:
            parts.append(("publisher", _given(self._publisher)))
        if self._settings.publish.listen is not None:
            parts.append(("table", self._begin_table))
        if self._pairs is not None:
            parts.append(("names of tests", _given(self._pairs)))
        if self._query_log is not None:
            parts.append(("query log", _given(self._query_log)))
        if self._lookups is not None:
            parts.append(("watched questions", _given(self._lookups)))
        if self._book is not None:
            parts.append(("clients' keys", _given(self._book)))
        return parts

    async def rezone(self, zones: Zones) -> None:
        """Answer for these zones from now on, and read the secrets again."""
        self._notifier.zones = self._sources.zones = zones
        if self._pairs is not None:
            self._pairs.rezone(zones)
        else:
            self.responder.serving.change(zones=zones)
        await self._feed.rezone(zones.digest)
        await self._sources.step()

    async def look_for_secrets(self) -> None:
        """Read the files of cookies, keys and certificate again."""
        await self._secrets.step()
        try:
            self.responder.certify()
        except DnsblError as error:
            _log.error("the certificate stays as it was: %s", error)

    async def _begin_secrets(self) -> Shell:
        await asyncio.to_thread(self._secrets.load_what_is_whole if self._again else self._secrets.load)
        return self._secrets

    async def _begin_metrics(self) -> Shell:
        assert self._settings.dns.metrics_listen is not None
        metrics_server = MetricsServer(self._page, self._settings.dns.metrics_listen, self._ready.document, self._keys)
        self._bound.metrics = [metrics_server.start()]
        return metrics_server

    def _keys(self) -> dict[str, Any]:
        """How clients' keys are used, for operators."""
        return document(self._settings.dns, self._settings.service.state_dir, self._clock.now().timestamp())

    async def _begin_table(self) -> Shell:
        from dnsbl.web.server import TableServer  # here, so that who hands out nothing does not carry a web framework

        server = TableServer(self._settings, self._settings.service.state_dir / FOLDER, clock=self._clock)
        self._bound.table = [await server.start()]
        return server

    async def _begin_inner(self) -> Shell:
        metrics_server = MetricsServer(Page(*self.collectors, prefix="dnsbl_dns"), INNER)
        self._bound.page = metrics_server.start()
        return metrics_server

    async def _begin_responder(self) -> Shell:
        if self._feed.table is None:  # what waits at a socket that was handed over is answered as soon as it is read
            await self._feed.load()
        thread = _Thread(self.responder)
        self._bound.dns, self._bound.engine = await thread.start(), self.responder.engine
        return thread

    async def _begin_feed(self) -> Shell:
        await self._feed.ready()
        return _Fed(self._feed)


def follower_of(settings: Settings, holders: list[Holder], zones: Zones, bounds: Bounds, clock: Clock) -> Follower:
    """What brings the table here from another node. Raises SettingsError."""
    follow = settings.follow
    try:
        genuine = verifier(follow.key)
    except ValueError:
        raise SettingsError(["follow.key: this is no public key; `dnsbl publish-key` prints it"]) from None
    return Follower(
        Upstream(follow.url, timeout=follow.timeout, clock=clock, ca=follow.ca),
        genuine,
        holders,
        folder=settings.service.state_dir / FOLDER,
        poll=follow.poll,
        largest=follow.largest,
        clock=clock,
        zones_digest=zones.digest,
        bounds=bounds,
    )


def _above(name: str) -> list[str]:
    """The domains that a name lies in."""
    labels = name.split(".")
    return [".".join(labels[n:]) for n in range(1, len(labels))]


def _given(shell: Shell) -> Callable[[], Awaitable[Shell]]:
    async def begin() -> Shell:
        return shell

    return begin


class _Fed:
    """The feed, and all that it has to complain of."""

    def __init__(self, feed: Feed | Follower) -> None:
        self._feed = feed
        self.run = feed.run

    @property
    def problem(self) -> str:
        """Why the store is not followed, or the table has no serial, or is not kept; a sentence, or ""."""
        return self._feed.problem or self._feed.unnumbered or self._feed.unsaved


def _told(started: asyncio.Future[list[tuple[str, int]]], what: list[tuple[str, int]] | Exception) -> None:
    """Tell whoever waits for a start how it went, if somebody still does."""
    if started.done():
        return
    if isinstance(what, Exception):
        started.set_exception(what)
    else:
        started.set_result(what)


class _Thread:
    """The responder's thread, with an event loop of its own."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._there: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._over = False
        self._running: asyncio.Future[None] | None = None

    async def start(self) -> list[tuple[str, int]]:
        """Have it listen; returns where. Raises DnsblError when it cannot."""
        here = asyncio.get_running_loop()
        started: asyncio.Future[list[tuple[str, int]]] = here.create_future()

        async def answer() -> None:
            stop = asyncio.Event()
            self._there = asyncio.get_running_loop(), stop
            if self._over:
                return
            try:
                bound = await self._responder.start()
            except Exception as error:
                here.call_soon_threadsafe(_told, started, error)
                return
            here.call_soon_threadsafe(_told, started, bound)
            await self._responder.run(stop)

        self._running = asyncio.ensure_future(asyncio.to_thread(asyncio.run, answer()))
        try:
            return await started
        except BaseException:  # cut off, perhaps: then nobody will run it
            self._end()
            raise

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until `stop`. Raises what ended it before."""
        assert self._running is not None
        told: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({told, self._running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            self._end()
        await self._running
        if not stop.is_set():
            raise DnsblError("The responder has ended.")

    def _end(self) -> None:
        """Have the thread end, wherever it is."""
        self._over = True
        if self._there is not None:
            loop, stop = self._there
            with suppress(RuntimeError):  # its loop has already ended
                loop.call_soon_threadsafe(stop.set)
