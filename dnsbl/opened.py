"""Opens a list: settings, zones, store, keys, casework. Holds no command and no rule."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from os.path import exists
from pathlib import Path
from typing import Any

from dnsbl.casework import Casework
from dnsbl.casework.presence import Presence
from dnsbl.casework.ring import Ring
from dnsbl.casework.standstill import Standstill, standing_still, without_store
from dnsbl.clock import Clock, SystemClock
from dnsbl.config import read_draft, read_settings, read_zones
from dnsbl.dns.clearing import Clearing
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError, SettingsError, StoreUnavailable
from dnsbl.files import make_folder, shut
from dnsbl.logbook.entries import told
from dnsbl.parts import read_all
from dnsbl.places import begun, database_file, database_url, follows, table_path, timeline_path, unplaced, within
from dnsbl.rules.timekeeping import Terms
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.timekeeper import Timekeeper
from tester.records import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedList:
    """An opened list."""

    settings: Settings
    store: Store
    keyring: Ring  #: empty until it is `ready`
    casework: Casework
    clock: Clock
    read: Callable[[], Zones]  #: the zone files, once
    cleared: Callable[[], Clearing]  #: over these

    @property
    def zones(self) -> Zones:
        """The zones, which are read when they are first asked for: a mistake in them keeps nobody from what needs none.
        Raises SettingsError."""
        return self.read()

    @property
    def clearing(self) -> Clearing:
        """Follows the zones where they are read again. Raises SettingsError."""
        return self.cleared()


def open_patiently(settings: Settings, zones: Zones) -> OpenedList:
    """Open what there is, for those who serve: the store may be away, and is asked when somebody needs it; a folder
    that cannot be written ends nothing here. What is entered is told in the log. Raises DnsblError for what only a
    change of the settings can mend."""
    for whole in (Transaction, Casework):  # now, for the program may be replaced while it serves
        read_all(whole)
    import dnsbl.casework.sealing  # noqa: F401  (a ring reads it when it seals)

    try:
        _made_for(settings)
    except DnsblError as error:
        _log.error("%s", error)
    # A list that has served has had its database: one that is gone now is not made anew.
    clock = SystemClock()
    store = Store(
        database_url(settings),
        patient=True,
        make=not exists(table_path(settings)),
        **_watched(settings, clock),
    )
    store.entered = told
    return _over(settings, lambda: zones, store, clock)


def _watched(settings: Settings, clock: Clock) -> dict[str, Any]:
    """What a store is held against: the clock, and how far the database's history has come."""
    service = settings.service
    tolerance, gap = timedelta(seconds=service.clock_tolerance), timedelta(days=service.clock_gap_days)
    return {"timekeeper": Timekeeper(clock, Terms(tolerance=tolerance, gap=gap)), "memory": timeline_path(settings)}


def reckoned(settings: Settings) -> tuple[str, str]:
    """Why the clock is not believed, and why the letters' keys here are not those of the list, a sentence or "" each,
    by a store that answers and is of this version. Makes nothing. Raises StoreUnavailable."""
    clock = SystemClock()
    store = Store(database_url(settings), make=False, **_watched(settings, clock))
    try:
        store.check()
        ring = _ring(settings, store, clock, void=lambda tx, now, why: 0)
        return Presence(store, clock).reckon().strange, ring.unfit()
    finally:
        store.close()


def still(settings: Settings) -> Standstill | None:
    """Why nobody is dialled now; where the store does not answer, or there is none yet, as far as that is known without
    it. Makes nothing. Raises DnsblError where it does not answer and nothing is known."""
    clock = SystemClock()
    if unplaced(settings) or not begun(settings):
        return without_store(settings, clock.now())
    store = Store(database_url(settings), make=False, **_watched(settings, clock))
    try:
        store.check()
        with store.read() as tx:
            return standing_still(tx, settings, clock.now())
    except DnsblError:
        if (known := without_store(settings, clock.now())) is None:
            raise
        return known
    finally:
        store.close()


def open_list(config: Path | None, *, upgrade: bool = False, zoned: bool = True) -> OpenedList:
    """Open everything; not `zoned`, whatever is wrong with the zone files of a list that is there. A new database gets
    its tables; an older one only with `upgrade`. Raises DnsblError."""
    settings = read_settings(config)
    reads = cache(lambda: read_zones(settings))
    if zoned or not begun(settings):
        reads()
    return _open(settings, reads, upgrade=upgrade)


def open_anyhow(config: Path | None) -> OpenedList:
    """Open what can be reached by a configuration with mistakes, as long as it says where the list is. For a stop of
    all testing, which needs no folder of ours where the database is not in it. Raises DnsblError, and StoreUnavailable
    where that folder cannot be written."""
    draft = read_draft(config)
    if draft.wrong & {"service.", "service.state_dir", "database.", "database.url"} or any(
        key.startswith("follow.") for key in draft.wrong
    ):
        raise SettingsError(draft.mistakes)
    return _open(draft.settings, cache(lambda: read_zones(draft.settings)), anyhow=True)


def open_empty(config: Path | None) -> OpenedList:
    """Open a list whose database is to be filled from a copy: one that is not there is made. Raises DnsblError."""
    settings = read_settings(config)
    zones = read_zones(settings)
    _stored(settings)
    _made_for(settings)
    clock = SystemClock()
    store = Store.open(database_url(settings), **_watched(settings, clock))
    return _over(settings, lambda: zones, store, clock)


def _stored(settings: Settings) -> None:
    """Raises DnsblError on a node that follows another one, where nothing may be asked of a store or put into one."""
    if follows(settings):
        raise DnsblError(
            f"This node follows {settings.follow.url or 'another one'} and has no database: type this at the first "
            "node, which has one. Here `dnsbl lookup` and `dnsbl status` answer, from the table that was fetched."
        )


def _made_for(settings: Settings) -> None:
    """Make the state folder, and in it the folder of the database. Raises DnsblError."""
    state, path = settings.service.state_dir, database_file(settings)
    _made(state)
    if path is not None and within(path.parent, state):
        _made(path.parent)


def _made(state: Path) -> None:
    """Make the folder for our files where it is missing. Raises DnsblError."""
    try:
        make_folder(state)
    except OSError as error:
        raise DnsblError(f"{state}: service.state_dir cannot be made: {error.strerror}.") from None


def _unwritable(state: Path) -> str:
    """Why a folder cannot be written that is no other user's."""
    if os.statvfs(state).f_flag & os.ST_RDONLY:
        return "its file system is mounted read-only"
    return f"user {os.geteuid()} may not write there, as `ls -ld` shows"


def _over(settings: Settings, zones: Callable[[], Zones], store: Store, clock: Clock) -> OpenedList:
    keyring = _ring(settings, store, clock, void=lambda tx, now, why: casework.void(tx, now, why))
    clearing = cache(lambda: Clearing(zones(), refresh=bool(settings.dns.transfer)))
    casework = Casework(store, settings, keyring, clock=clock, clears=lambda kinds, ended: clearing()(kinds, ended))
    return OpenedList(
        settings=settings,
        store=store,
        keyring=keyring,
        casework=casework,
        clock=clock,
        read=zones,
        cleared=clearing,
    )


def _ring(settings: Settings, store: Store, clock: Clock, *, void: Callable[[Transaction, datetime, str], int]) -> Ring:
    return Ring(settings.service.state_dir / "keys.json", store, settings, clock, void=void)


def open_with(settings: Settings, zones: Zones, *, upgrade: bool = False) -> OpenedList:
    """As `open_list`, from settings at hand."""
    return _open(settings, lambda: zones, upgrade=upgrade)


def _open(settings: Settings, zones: Callable[[], Zones], *, upgrade: bool = False, anyhow: bool = False) -> OpenedList:
    state = settings.service.state_dir
    _stored(settings)
    if not anyhow or database_file(settings) is not None:
        _made_for(settings)
        if not os.access(state, os.W_OK):
            why = shut(state) or _unwritable(state)
            raise (StoreUnavailable if anyhow else DnsblError)(f"{state}: service.state_dir is not writable: {why}.")
    clock = SystemClock()
    known = exists(table_path(settings))
    store = Store.open(database_url(settings), make=upgrade or not known, **_watched(settings, clock))
    if upgrade or store.is_empty():
        store.upgrade()
    store.check()
    return _over(settings, zones, store, clock)
