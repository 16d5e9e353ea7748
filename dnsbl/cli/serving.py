"""`dnsbl serve`: runs a list until a signal, and says where it listens.

What answers has a process of its own where it is not asked for alone: then this process is only the parent of two.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from dnsbl.cli import problem
from dnsbl.cli.sparing import WINDOW, Sparing
from dnsbl.cli.streams import let_go
from dnsbl.clock import SystemClock
from dnsbl.config import read_settings, read_zones, unanswered_kinds
from dnsbl.daemons.answering import Bound
from dnsbl.daemons.families import had
from dnsbl.daemons.keeper import VERSION
from dnsbl.daemons.manager import Manager
from dnsbl.daemons.node import Node
from dnsbl.daemons.processes import Child, Ended, Leash, Parent, hear_hangups, hold_hangups, yield_memory
from dnsbl.daemons.reserve import fitted, granted
from dnsbl.daemons.writing import Writer
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError, SettingsError, StoreUnavailable
from dnsbl.handed import Handed, Spot
from dnsbl.health import Board, Health
from dnsbl.logbook.events import tell
from dnsbl.logbook.lines import Chosen, Lines, in_journal
from dnsbl.logbook.tally import EventTally
from dnsbl.opened import open_patiently
from dnsbl.serving.credentials import Credentials
from dnsbl.serving.workmetrics import StoreWork, Work
from dnsbl.settings import LogSettings, Settings, split_listen

#: What is said of a list that is ready: where each of these listens.
LISTENING = ("dns", "collector", "web", "metrics", "table", "witness")

#: Seconds at most between two looks at what a service manager should know.
TENDING = 5.0

_log = logging.getLogger(__name__)


def serve_until_told(config: Path | None, roles: list[str], *, follow: str = "", as_json: bool) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the zone files again. Raises DnsblError when a role cannot start;
    once the log is kept, it has told that then."""
    manager, handed = Manager(os.environ, os.getpid(), SystemClock()), Handed.of(os.environ, os.getpid())
    environ = os.environ | ({"DNSBL_FOLLOW__URL": follow} if follow else {})
    settings = read_settings(config, environ)
    keep_log(settings.log, environ)
    hold_hangups()
    try:
        _serve(settings, roles, manager, handed, as_json=as_json)
    except DnsblError as error:
        _log_end(error)
        raise
    finally:
        hear_hangups()


def _log_end(error: DnsblError) -> None:
    """Have the log tell for what a process ends; it goes to stderr, where the sentence need not stand twice."""
    for mistake in error.mistakes if isinstance(error, SettingsError) else [str(error)]:
        _log.critical("%s", mistake)
    error.logged = True


def _serve(settings: Settings, roles: list[str], manager: Manager, handed: Handed, *, as_json: bool) -> None:
    if settings.follow.url and roles != ["dns"]:
        raise DnsblError(
            "A node that follows another one has no database: serve --only dns there, or empty follow.url."
        )
    zones = read_zones(settings)
    for sentence in handed.strays(_spots(settings, roles)):
        _log.warning("%s", sentence)
    if "dns" in roles and len(roles) > 1:
        _two(settings, zones, roles, manager, handed, as_json=as_json)
    else:
        _one(settings, zones, roles, handed, manager=manager, as_json=as_json)


def keep_log(settings: LogSettings, environ: Mapping[str, str], stream: TextIO = sys.stderr) -> None:
    """Write what is told from now on, as these settings say. Of libraries only warnings are news."""
    journal = in_journal(environ, stream.fileno())
    chosen, handler = Chosen(settings.level, settings.by_part), Writer(stream.fileno())
    handler.setFormatter(Lines(settings.format, partial(datetime.fromtimestamp, tz=UTC), journal=journal))
    handler.addFilter(chosen)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for ours in ("dnsbl", "tester"):
        logging.getLogger(ours).setLevel(min(chosen.least, logging.INFO))  # what is counted is told in any case


def _spots(settings: Settings, roles: Sequence[str]) -> list[Spot]:
    """Where these roles take sockets that were handed over."""
    dns = [split_listen(place) for place in settings.dns.listen] if "dns" in roles else []
    tls = [split_listen(place) for place in settings.dns.tls_listen] if "dns" in roles else []
    web = [split_listen(settings.web.listen)] if "web" in roles else []
    return [*(("udp", *place) for place in dns), *(("tcp", *place) for place in (*dns, *tls, *web))]


def _one(
    settings: Settings,
    zones: Zones,
    roles: Sequence[str],
    handed: Handed,
    *,
    manager: Manager | None = None,
    as_json: bool = False,
    leash: Leash | None = None,
    credentials: Credentials | None = None,
) -> None:
    """These roles in this process; `manager` is told of them, where there is no parent to do so."""
    clock = SystemClock()
    board, sparing, tally = Board(clock), Sparing(clock.monotonic), EventTally()
    root = logging.getLogger()
    for handler in root.handlers:
        handler.addFilter(sparing)
    root.addHandler(tally)
    facts = {"version": VERSION, "roles": ",".join(roles), "process": os.getpid()}
    if leash:
        leash.hold(board)
    settings, shortage = fitted(settings, roles, granted())
    settings, lacking = had(settings, roles)
    notes = [note for note in (shortage, *lacking, "web" in roles and settings.web.unnamed_proxy) if note]
    notes += unanswered_kinds(settings, zones) if "dns" in roles and not settings.follow.url else []
    for note in notes:
        _log.warning("%s", note)
    opened = open_patiently(settings, zones)
    process = "dns" if roles == ["dns"] else "roles"
    node = Node(
        opened.casework,
        settings,
        zones,
        opened.keyring,
        clock,
        clearing=opened.clearing,
        roles=roles,
        board=board,
        beside=leash.metrics if leash else None,
        handed=handed,
        counted=[
            Work(
                tally,
                process,
                clock,
                parts=lambda: [health.part for health in board.ours()],
                lost=lambda: sum(each.lost for each in root.handlers if isinstance(each, Writer)),
            ),
            StoreWork(opened.store.times, opened.store.failures, process),
        ],
        credentials=credentials,
        again=leash is not None and leash.again,
    )
    node.bound.notes = notes
    reloads: set[asyncio.Task[None]] = set()

    async def again() -> None:
        if manager:
            manager.reloading()
        await node.reload()
        if manager:
            manager.ready()

    def reload() -> None:
        task = asyncio.create_task(again())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    def begun(bound: Bound) -> None:
        tell(_log, "list-started", **facts, engine=bound.engine, state_dir=settings.service.state_dir)
        document = _document(bound, board.ours())
        if leash:
            leash.ready(document, board)
        else:
            _announce(bound, as_json, document.get("down", ()))
        if manager:
            manager.ready()
            tending.append(asyncio.create_task(_tend(manager, board)))

    tending: list[asyncio.Task[None]] = []

    async def until_told() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            if manager:
                manager.stopping()
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        loop.add_signal_handler(signal.SIGHUP, reload)
        hear_hangups()
        telling = asyncio.create_task(_tell(sparing))
        try:
            await node.run(stop, ready=begun)
            tell(_log, "list-stopped", **facts)
        finally:
            for task in (telling, *tending):
                task.cancel()

    asyncio.run(until_told())


async def _tend(manager: Manager, board: Board) -> None:
    """Tell the manager how we do."""
    while True:
        manager.status(board.ours())
        if manager.every is not None:
            manager.alive()
        await asyncio.sleep(min(manager.every or TENDING, TENDING))


async def _tell(sparing: Sparing) -> None:
    """Say each minute what was kept out of the log."""
    while True:
        await asyncio.sleep(WINDOW)
        for line in sparing.rest():
            _log.info("%s", line)


def _two(
    settings: Settings, zones: Zones, roles: list[str], manager: Manager, handed: Handed, *, as_json: bool
) -> None:
    """What answers in one process, the other roles in another, and nothing but these two here."""
    credentials = Credentials.read(settings.dns)
    if "web" in roles:
        import dnsbl.web.server  # noqa: F401 (read here once, and not at each new start of a child)
    store = open_patiently(settings, zones).store
    if store.is_a_file:  # so that not both make it
        try:
            store.fit()
        except StoreUnavailable as error:
            _log.error("%s", error)
        store.close()
    others = [role for role in roles if role != "dns"]
    answers = Child(name="dns", roles=["dns"], work=partial(_as_child, settings, zones, ["dns"], handed, credentials))
    rest = Child(name="roles", roles=others, work=partial(_as_child, settings, zones, others, handed, None))

    def ready(documents: Sequence[dict[str, Any]]) -> None:
        bound, down = _joined(documents)
        _announce(bound, as_json, down)

    try:
        Parent([answers, rest], SystemClock(), manager).run(ready=ready)
    except Ended as error:
        if error.said:  # one sentence is enough
            if as_json:
                print(json.dumps(error.failure or problem(error)))
            sys.exit(1)
        raise


def _as_child(
    settings: Settings,
    zones: Zones,
    roles: Sequence[str],
    handed: Handed,
    credentials: Credentials | None,
    leash: Leash,
) -> int:
    """Serve in a process that has a parent. A child that is begun again serves the zones as they are by then, with the
    credentials as they are; of both what cannot be used is as the parent has read it."""
    if "dns" not in roles:
        yield_memory()
    try:
        zones = read_zones(settings)
    except SettingsError as error:
        for mistake in error.mistakes:
            tell(_log, "zones-kept", mistake=mistake, roles=",".join(roles))
    try:
        if credentials and leash.again:
            credentials = Credentials.read(settings.dns, credentials)
        _one(settings, zones, roles, handed, leash=leash, credentials=credentials)
    except DnsblError as error:
        _log_end(error)
        leash.failed(problem(error))
        return 1
    return 0


def _document(bound: Bound, health: Sequence[Health]) -> dict[str, Any]:
    """What a process says when it is ready."""
    listening = {role: getattr(bound, role) for role in LISTENING}
    document: dict[str, Any] = {
        "listening": listening,
        "engine": bound.engine,
        "held": bound.held,
        "notes": bound.notes,
    }
    if down := [one.sentence for one in health if not one.up]:
        document["down"] = down
    return document | ({"page": bound.page} if bound.page else {})


def _joined(documents: Sequence[dict[str, Any]]) -> tuple[Bound, list[str]]:
    """What the processes say, as one: where they listen, and what is down."""
    engine, held = ("".join(document[name] for document in documents) for name in ("engine", "held"))
    bound = Bound(engine=engine, held=held)
    for document in documents:
        bound.notes += document["notes"]
        for role, places in document["listening"].items():
            getattr(bound, role).extend((host, port) for host, port in places)
    return bound, [sentence for document in documents for sentence in document.get("down", ())]


def _announce(bound: Bound, as_json: bool, down: Sequence[str] = ()) -> None:
    """Say where the list listens; if nobody takes that, it serves all the same."""
    try:
        _say_where(bound, as_json, down)
    except OSError as error:
        let_go(sys.stdout)
        _log.warning("where the list listens cannot be said on standard output: %s", error.strerror)


def _say_where(bound: Bound, as_json: bool, down: Sequence[str]) -> None:
    where = {role: getattr(bound, role) for role in LISTENING}
    if as_json:
        document = {"listening": where, "engine": bound.engine, "held": bound.held, "notes": bound.notes}
        print(json.dumps(document | ({"down": down} if down else {})), flush=True)
        return
    for role, places in where.items():
        for host, port in places:
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            print(f"{role:<10}{'http://' if role in ('web', 'metrics', 'table') else ''}{shown}", flush=True)
    if bound.engine:
        print(f"{'engine':<10}{bound.engine}", flush=True)
    if bound.held:
        print(f"{'testing':<10}nobody is dialled: {bound.held}", flush=True)
    for sentence in down:
        print(f"{'down':<10}{sentence}", flush=True)
    print("ready; Ctrl-C ends it", flush=True)
