"""Why nobody is dialled now. Asked at one place, so that commands, pages, the interface and metrics say the same
sentence of the same state. Changes nothing.

A stop is an entry of the journal, which every machine obeys, or a file in the state folder (`places.halted`), which is
obeyed where it lies: it is a stop of all testing as long as no worker on another machine goes on. Of workers elsewhere
their signs of life tell.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from dnsbl import places
from dnsbl.casework.base import stop_in
from dnsbl.errors import capital
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

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{capital(self.why)}."


def standing_still(tx: Transaction, settings: Settings, now: datetime) -> Standstill | None:
    """Why nobody is dialled as of this moment, by the strongest reason; None: whoever is due is tested."""
    if held := settings.tester.held:
        return Standstill(why=held)
    if stop := stop_in(tx):
        return Standstill(why=f"stopped by {stop.actor}: {stop.evidence.rstrip('.')}, until `dnsbl resume`", stop=stop)
    workers = [sign for sign in tx.nodes.since(now - FRESH) if "worker" in sign.roles]
    idle = [sign for sign in workers if "worker" in sign.down]
    here = places.halted(settings)
    if here and all(sign in idle or _is_here(sign) for sign in workers):
        return Standstill(why=here)
    if idle and len(idle) == len(workers):
        told = idle[0].down["worker"].removesuffix(".")
        why = f"on {_machine(idle[0])}, {told[:1].lower()}{told[1:]}"
        return Standstill(why=why, fault=places.HALTED not in told)
    return quiet(settings, now)


def quiet(settings: Settings, now: datetime) -> Standstill | None:
    """Whether these are quiet hours."""
    hours = settings.tester.quiet_hours
    if now.hour not in hours:
        return None
    end = next(hour for hour in (now + timedelta(hours=n) for n in range(1, 25)) if hour.hour not in hours)
    return Standstill(why=f"these are quiet hours, until {end:%H}:00 UTC (tester.quiet_hours)", planned=True)


def without_store(settings: Settings, now: datetime) -> Standstill | None:
    """The same, as far as it is known without the store."""
    if why := settings.tester.held or places.halted(settings):
        return Standstill(why=why)
    return quiet(settings, now)


def _machine(sign: SignOfLife) -> str:
    return sign.process.rsplit(":", 2)[0]


def _is_here(sign: SignOfLife) -> bool:
    return _machine(sign) == os.uname().nodename
