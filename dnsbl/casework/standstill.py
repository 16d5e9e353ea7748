"""Why nobody is dialled now. Asked at one place, so that commands, pages, the interface and metrics say the same
sentence of the same state. Changes nothing.

A stop is an entry of the journal, which every machine obeys, or a file in the state folder (`places.halted`), which is
obeyed where it lies: it is a stop of all testing as long as no worker on another machine goes on. Of workers elsewhere
their signs of life tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime

from dnsbl import places
from dnsbl.casework.base import stop_in
from dnsbl.errors import capital
from dnsbl.health import HALTED, IDLE
from dnsbl.model import Entry, SignOfLife
from dnsbl.rules.timekeeping import FRESH
from dnsbl.settings import Settings
from dnsbl.store import Transaction
from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Standstill:
    """Nobody is dialled."""

    why: str  #: and what ends it, no full stop
    stop: Entry | None = None  #: the entry that has stopped all dialling, where it is one
    planned: bool = False  #: quiet hours, which need nobody
    fault: bool = False  #: nobody wants it so: no worker can
    told: frozenset[tuple[str, str]] = frozenset()  #: process and trouble of those workers whose trouble this is

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{capital(self.why)}."


def standing_still(tx: Transaction, settings: Settings, now: datetime) -> Standstill | None:
    """Why nobody is dialled as of this moment, by the strongest reason; None: whoever is due is tested."""
    if held := settings.tester.held:
        return Standstill(why=held)
    if stop := stop_in(tx):
        return Standstill(why=stopped(stop), stop=stop)
    workers = [sign for sign in tx.nodes.since(now - FRESH) if "worker" in sign.roles]
    idle = {sign.process: (sign.machine, kind, sign.down[kind]) for sign in workers for kind in IDLE & sign.down.keys()}
    here = places.halted(settings)
    if here and all(sign.process in idle or _is_here(sign) for sign in workers):
        return Standstill(why=here, told=halted_here(workers))
    if idle and len(idle) == len(workers):
        first = machine, kind, said = next(iter(idle.values()))
        why = f"on {machine}, {said[:1].lower()}{said[1:].removesuffix('.')}"
        told = frozenset((process, said) for process, trouble in idle.items() if trouble == first)
        return Standstill(why=why, fault=kind != HALTED, told=told)
    return quiet(settings, now)


def halted_here(signs: Iterable[SignOfLife]) -> frozenset[tuple[str, str]]:
    """The processes of this machine whose workers say that it is stopped by a file, and how they say it."""
    return frozenset((sign.process, sign.down[HALTED]) for sign in signs if HALTED in sign.down and _is_here(sign))


def _is_here(sign: SignOfLife) -> bool:
    """Whether a process is on this machine."""
    return sign.machine == os.uname().nodename


def stopped(entry: Entry) -> str:
    """What is said of a stop by this entry of the journal, no full stop."""
    return f"stopped by {entry.actor}: {entry.evidence.rstrip('.')}, until `dnsbl resume`"


def quiet(settings: Settings, now: datetime) -> Standstill | None:
    """Whether these are quiet hours."""
    why = settings.tester.quiet(now)
    return Standstill(why=why, planned=True) if why else None


def without_store(settings: Settings, now: datetime) -> Standstill | None:
    """The same, as far as it is known without the store."""
    if why := settings.tester.held or places.halted(settings):
        return Standstill(why=why)
    return quiet(settings, now)
