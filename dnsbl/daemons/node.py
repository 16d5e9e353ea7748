"""Wires the roles of one process, and keeps each at work by itself until told to stop.

Holds no rule of the list. What answers (see `answering`) has a thread with an event loop of its own, so that nothing
else in the process delays an answer; the other roles share one loop and call the store in threads. What fails is begun
again by its own keeper, and no other part waits for it; the board says since when it is down and why.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from dnsbl.addresses import Address
from dnsbl.casework import Casework
from dnsbl.casework.ring import Ring
from dnsbl.casework.standstill import without_store
from dnsbl.clock import Clock
from dnsbl.config import read_zones
from dnsbl.daemons import ROLES, names
from dnsbl.daemons.answering import Bound, Front
from dnsbl.daemons.feeder import Feeder
from dnsbl.daemons.keeper import Keeper, Shell
from dnsbl.daemons.logfolder import published
from dnsbl.daemons.lookout import Lookout
from dnsbl.daemons.mailroom import Mailroom
from dnsbl.daemons.others import OtherLists
from dnsbl.daemons.postman import Postman
from dnsbl.daemons.pulse import Pulse
from dnsbl.daemons.scheduler import Scheduler
from dnsbl.daemons.stamping import Stamping
from dnsbl.daemons.witnesses import Cosigning
from dnsbl.daemons.worker import Worker
from dnsbl.dns.clearing import Clearing
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError, SettingsError
from dnsbl.handed import NONE_HANDED, Handed
from dnsbl.health import Board
from dnsbl.logbook.events import tell
from dnsbl.places import halted
from dnsbl.serving import clientkeys
from dnsbl.serving.answered import Answered
from dnsbl.serving.copies import ZoneFiles
from dnsbl.serving.credentials import Credentials
from dnsbl.serving.lookups import take
from dnsbl.serving.metrics import Page, Parts, Troubles, joined
from dnsbl.serving.sentmetrics import Outgoing, Sending
from dnsbl.serving.stamped import StampFolder
from dnsbl.serving.witness import Witness, signer
from dnsbl.serving.workmetrics import StoreWork, Waiting, Work
from dnsbl.settings import Settings
from tester.crowd import Tally
from tester.letter import Keyring
from tester.smtp import Event

if TYPE_CHECKING:
    from dnsbl.web.server import WebServer

__all__ = ["Bound", "Node"]

#: Seconds between two looks whether a zone's last day has come.
DAY_CHECK = 30.0

_log = logging.getLogger(__name__)


class Node:
    """One process of the list: any of the roles, each with those verbs of one casework that are its own.

    `clearing` follows the zones where they are read again. `board` is told how each part does. `beside`, when there is
    a process beside this one, gives what that has counted. `handed` are sockets that were opened for it.
    `counted` are the metrics of what this process tells and asks of the store, `credentials` what answers is to use.
    Where the process is begun `again`, a part that cannot begin is down and tried later, and the others work.
    """

    def __init__(
        self,
        casework: Casework,
        settings: Settings,
        zones: Zones,
        keyring: Keyring,
        clock: Clock,
        *,
        clearing: Clearing | None = None,
        roles: Iterable[str] = ROLES,
        on_event: Callable[[Address, Event], None] | None = None,
        board: Board | None = None,
        beside: Callable[[], bytes] | None = None,
        handed: Handed = NONE_HANDED,
        counted: Sequence[Work | StoreWork] = (),
        credentials: Credentials | None = None,
        again: bool = False,
    ) -> None:
        """Raises DnsblError when a file that the settings name cannot be used."""
        self.bound = Bound()
        self.board = board or Board(clock)
        self._casework = casework
        self._settings = settings
        self._zones = zones
        self._clearing = clearing
        self._keyring = keyring
        self._clock = clock
        self._on_event = on_event
        self._beside = beside
        self._handed, self._again = handed, again
        self._web: WebServer | None = None
        self._roles = roles = set(roles)
        self._named = ",".join(role for role in ROLES if role in roles)
        feeds = settings.copies.feeds and "web" in roles
        self._files = ZoneFiles(casework.contents, settings, zones, clock) if feeds else None
        self._front = (
            Front(
                casework.contents,
                settings,
                zones,
                clock,
                self.board,
                self.bound,
                handed=handed,
                counted=counted,
                credentials=credentials,
            )
            if "dns" in roles
            else None
        )
        self._tallies: dict[str, Tally] = {}
        self._reading = asyncio.Lock()  # one after another, so that what was read last is what stays
        self._wanted = self._begun = 0  # how often files were to be read again, and how many of these are done with
        self._mailed: Counter[str] = Counter()
        own: list[Parts | Troubles | Outgoing | Sending | Waiting | Work | StoreWork] = [
            *([] if self._front else counted),
            Parts(self.board, clock),
            Troubles(self._tallies),
            Outgoing(self._mailed),
        ]
        if roles - {"dns"}:
            own += [Sending(casework.views.usage), Waiting(casework.views.backlog, self._is_stopped)]
        self._page = Page(*(self._front.collectors if self._front else []), *own)
        parts = self._front.parts(beside=beside is not None) if self._front else []
        parts += [
            (role, begin)
            for role, begin in (
                ("collector", self._begin_collector),
                ("worker", self._begin_worker),
                ("scheduler", self._begin_scheduler),
                *([("notices", self._begin_notices)] if settings.notices.smarthost or settings.watch.on else []),
                ("web", self._begin_web),
                *([("witness", self._begin_witness)] if settings.witness.name else []),
            )
            if role in roles
        ]
        if "scheduler" in roles and casework.proving.on and settings.tlog.witnesses:
            parts.append(("witnesses", self._begin_witnesses))
        if "scheduler" in roles and casework.proving.on and settings.tlog.stamps:
            parts.append(("stamps", self._begin_stamps))
        if roles - {"dns"}:  # what answers leaves no sign of life
            parts.append(("store", self._begin_pulse))
        self._keepers = [Keeper(part, begin, self.board, clock) for part, begin in parts]

    async def run(self, stop: asyncio.Event, *, ready: Callable[[Bound], None] = lambda bound: None) -> None:
        """Listen everywhere, call `ready`, and work until `stop`.

        Raises DnsblError when a part cannot begin for a reason that time does not mend, or when no role may work here
        and there is no other process.
        """
        begun: list[Keeper] = []
        try:
            for keeper in self._keepers:
                begun.append(keeper)
                await keeper.start(again=self._again)
            roles = [keeper for keeper in begun if keeper.part in ROLES]
            if self._beside is None and roles and all(keeper.withheld for keeper in roles):
                raise DnsblError(str(roles[0].withheld))
        except BaseException:
            for keeper in reversed(begun):
                await keeper.abandon()
            raise
        working = [asyncio.create_task(keeper.run(stop)) for keeper in begun]
        days = asyncio.create_task(self._watch_days())
        try:
            ready(self.bound)
            await stop.wait()
            await asyncio.gather(*working)
        finally:
            for task in (*working, days):
                task.cancel()
            await asyncio.gather(*working, days, return_exceptions=True)

    async def _watch_days(self) -> None:
        """Answer otherwise when the day comes that a zone's file names as its end."""
        while True:
            if not self._zones.stand(self._clock.now().date()):
                await self.reload()
            await asyncio.sleep(DAY_CHECK)

    async def reload(self) -> None:
        """Read the zone files again: the good ones are served and shown at once, with mistakes all stays as it is.
        Those who want that while it is done share the next time."""
        self._wanted += 1
        mine = self._wanted
        async with self._reading:
            if self._begun < mine:
                self._begun = self._wanted
                try:
                    await self._reload()
                except Exception as error:  # who waits for it goes on, and the next time may do better
                    _log.exception("the zone files could not be taken over")
                    self.board.well("zones", f"They are not taken over: {type(error).__name__}; the log says more.")

    async def _reload(self) -> None:
        if self._front:
            await self._front.look_for_secrets()
        try:
            zones = await asyncio.to_thread(read_zones, self._settings, today=self._clock.now().date())
        except SettingsError as error:
            for mistake in error.mistakes:
                tell(_log, "zones-kept", mistake=mistake, roles=self._named)
            if self._front or self._beside is None:  # of two processes that which answers tells
                self.board.well("zones", f"The zone files are as they were before: {error.mistakes[0]}.")
            return
        self.board.well("zones")
        self._zones = zones
        if self._clearing:
            self._clearing.change(zones, self._clock.now())
        if self._web:
            self._web.zones = zones
        if self._files:
            self._files.zones = zones
        if self._front:
            await self._front.rezone(zones)
        tell(_log, "zones-read", zones=" ".join(zones.origins), roles=self._named)

    def _is_stopped(self) -> bool:
        """Whether nobody is dialled, as is wanted, as far as that is known without a store."""
        return without_store(self._settings, self._clock.now()) is not None

    def metrics(self) -> bytes:
        """The metrics page of this process and of the one beside it."""
        return joined(self._page.text(), self._beside() if self._beside else b"")

    def _keys(self) -> dict[str, Any]:
        """How clients' keys are used on this node, by whichever process answers. Raises DnsblError."""
        state = self._settings.service.state_dir
        return clientkeys.document(self._settings.dns, state, self._clock.now().timestamp())

    async def _ready_keys(self) -> None:
        """Hold the list's keys. Raises Withheld where this node has others."""
        if isinstance(self._keyring, Ring):
            await asyncio.to_thread(self._keyring.ready)

    async def _begin_collector(self) -> Shell:
        await self._ready_keys()
        mailroom = Mailroom(
            self._casework.arrivals,
            self._settings,
            self._keyring,
            self._clock,
            mail_door=self._casework.mail_door,
        )
        self.bound.collector = await mailroom.start()
        self._tallies["collector"] = mailroom.tally
        return mailroom

    async def _begin_worker(self) -> Shell:
        await self._ready_keys()
        worker = Worker(
            self._casework.assignments,
            self._settings,
            self._keyring,
            self._clock,
            on_event=self._on_event,
            lacking=self._tell_source,
        )
        self.bound.held = self._settings.tester.held or halted(self._settings)
        return worker

    def _tell_source(self, why: str, more: bool) -> None:
        """What a worker does without."""
        if why and more:
            self.board.down("source", why)
        else:
            self.board.well("source", why)

    async def _begin_scheduler(self) -> Shell:
        feeder = Feeder(self._casework.feeding, self._settings)
        state, file = self._settings.service.state_dir, self._casework.lookups.file
        lookups = partial(take, state, file) if self._settings.lookups.clients else None
        counting = self._casework.counting
        answered = Answered(state, counting.file_answers)

        def count() -> int:
            return answered.take() + counting.count()

        log = partial(published, self._casework.proving, self._settings.tlog) if self._casework.proving.on else None
        old = self._casework.forgetting.step
        return Scheduler(self._casework.upkeep, feeder, self._casework.shipping, lookups, count, old, log)

    async def _begin_witnesses(self) -> Shell:
        return Cosigning(self._casework.proving, self._settings.tlog.witnesses)

    async def _begin_stamps(self) -> Shell:
        stamps = self._settings.tlog.stamps
        return Stamping(self._casework.proving, stamps, StampFolder(self._settings), self._clock)

    async def _begin_witness(self) -> Shell:
        from dnsbl.web.witness import WitnessServer  # here, as below

        terms, state = self._settings.witness, self._settings.service.state_dir
        signing = await asyncio.to_thread(signer, state, terms.name)
        server = WitnessServer(
            self._settings, Witness(state, signing, terms.logs, self._clock), signing.verifier.vkey, clock=self._clock
        )
        self.bound.witness = [await server.start()]
        self._tallies["witness"] = server.tally
        return server

    async def _begin_notices(self) -> Shell:
        return Postman(
            self._casework.dispatch,
            self._settings,
            self._clock,
            self._mailed,
            watching=self._casework.watching if self._settings.watch.on else None,
        )

    async def _begin_pulse(self) -> Shell:
        follow = self._follow_keys if isinstance(self._keyring, Ring) else None
        return Pulse(
            self._casework.presence,
            self.board,
            self._settings.service.state_dir,
            roles=self._roles - ({"witness"} if not self._settings.witness.name else set()),
            follow=follow,
        )

    def _follow_keys(self) -> bool:
        """Take over the list's keys as they are now; whether there were new ones."""
        assert isinstance(self._keyring, Ring)
        if self._web is not None and not self._keyring.keys:
            with suppress(DnsblError):
                self._keyring.ready()
            return bool(self._keyring.keys)
        return self._keyring.follow()

    async def _begin_web(self) -> Shell:
        from dnsbl.web.admin.desk import OperatorDesk
        from dnsbl.web.server import WebServer  # here, so that a node without pages does not carry a web framework

        with suppress(DnsblError):  # pages go on without; what needs the keys says so, and they are sought again
            await self._ready_keys()
        others = OtherLists(self._settings.others, self._clock)
        work = self._casework
        lookout = Lookout(self._settings.dns, lambda: self._zones, work.contents, work.views, self._clock)
        desk = OperatorDesk(
            accounts=work.accounts,
            entrance=work.entrance,
            operators=work.operators,
            oversight=work.oversight,
            reporters=work.reporters,
            reviewing=work.reviewing,
            withdrawing=work.withdrawing,
            correspondence=work.correspondence,
            views=work.views,
            zones=lambda: self._zones,
            health=self.board.all,
            servers=lookout.records,
        )
        self._web = WebServer(
            self._casework.doors,
            self._casework.views,
            self._settings,
            clock=self._clock,
            zones=self._zones,
            briefing=self._casework.briefing,
            see=self._casework.counting.see,
            self_tests=self._casework.self_tests,
            remote=self._casework.remote,
            withdrawing=self._casework.withdrawing,
            files=self._files,
            ownership=self._casework.ownership,
            watching=self._casework.watching,
            proofs=self._casework.proofs,
            texts=names.texts_now,
            hosts=names.addresses_now,
            others=others.look if others.on else None,
            metrics=self.metrics,
            keys=self._keys,
            handed=self._handed,
            health=self.board.all,
            desk=desk if self._settings.admin.on else None,
            proving=work.proving if work.proving.on else None,
        )
        self.bound.web = [await self._web.start()]
        self._tallies["web"] = self._web.tally
        self._tallies["requests"] = self._web.refused
        return self._web
