"""Shell: which of our own addresses this machine does not have, by binding to each, and whether it has a way to
anybody, by its routes. Sends nothing, listens nowhere.

Where some of a family are left, tests are held from these: a list that has named one address alone tests from that one
too, and what is found so is no less true. Where a family has none left nobody is dialled at all: a host is tested at
its ways in of both families, and one judged by half of them would get off the list too early. The same where there was
a way to hosts and there is none any more to any of them: a cable that is out is no verdict about anybody."""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable, Iterable

from dnsbl.addresses import Address
from dnsbl.clock import Clock
from tester.knocking import no_way

#: Seconds after which we look again, where nobody has reason to do so before.
EVERY = 5.0
#: Hosts of a family to which there was a way last, and by whom is seen whether there still is one.
MET = 5
#: What is done where others of the family are left.
ELSE = "tests are held from the others of that family, and a look from a second address waits where it was that one"


def absent(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Those that nobody here can dial from; where that cannot be known, since no socket can be had, none."""
    return tuple(one for one in addresses if not _is_here(one))


def sentence(gone: Iterable[Address]) -> str:
    """What that comes to, no full stop; "" where none is absent."""
    names = ", ".join(map(str, gone))
    return f"this machine does not have {names}, from which tester.source_addresses has us dial" if names else ""


def problem(ours: Iterable[Address], gone: Iterable[Address]) -> str:
    """Why nobody can be dialled, no full stop: a family of ours is gone; "" where each has an address left."""
    left = {one.version for one in set(ours) - set(gone)}
    return sentence(one for one in gone if one.version not in left)


def lacking(ours: Iterable[Address], gone: Iterable[Address]) -> str:
    """What we do without, no full stop; "" where all are there, or nobody can be dialled."""
    said = "" if problem(ours, gone) else sentence(gone)
    return f"{said}; {ELSE}" if said else ""


def _is_here(address: Address) -> bool:
    try:
        with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as trial:
            trial.bind((str(address), 0))
    except OSError as error:
        return error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True


class Foothold:
    """The addresses that a worker stands on: all that the settings name, and which of them this machine lacks."""

    def __init__(
        self,
        ours: Iterable[Address],
        clock: Clock,
        *,
        absent: Callable[[Iterable[Address]], tuple[Address, ...]] = absent,
        no_way: Callable[[Address], str] = no_way,
        every: float = EVERY,
    ) -> None:
        self.gone: tuple[Address, ...] = ()  #: as of the last look
        self._no_way = no_way
        self._met: dict[int, deque[Address]] = {version: deque(maxlen=MET) for version in (4, 6)}
        self._cut = ""  # why there is no way to anybody of a family any more
        self._ours = tuple(ours)
        self._clock = clock
        self._absent = absent
        self._every = every
        self._looked: float | None = None

    def look(self, *, now: bool = False) -> None:
        """Look again where the last look is old, or `now`."""
        at = self._clock.monotonic()
        if now or self._looked is None or at - self._looked >= self._every:
            self._looked, self.gone = at, self._absent(self._ours)
            self._cut = next(filter(None, map(self._cut_off, self._met.values())), "")

    def met(self, address: Address) -> None:
        """There is a way to this host."""
        known = self._met[address.version]
        if address not in known:
            known.append(address)

    def _cut_off(self, known: Iterable[Address]) -> str:
        found = [self._no_way(one) for one in known]
        if not found or not all(found):
            return ""
        return f"this machine has no way any more to {next(iter(known))}, nor to others that it had one to: {found[0]}"

    @property
    def here(self) -> tuple[Address, ...]:
        """Those that we can dial from."""
        return tuple(one for one in self._ours if one not in self.gone)

    @property
    def problem(self) -> str:
        """Why nobody can be dialled, no full stop, or ""."""
        return problem(self._ours, self.gone) or self._cut

    @property
    def lacking(self) -> str:
        """What we do without, no full stop, or ""."""
        return lacking(self._ours, self.gone)
