"""Shell: which of our own addresses this machine does not have, by binding to each. Sends nothing, listens nowhere."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

from dnsbl.addresses import Address


def absent(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Those that nobody here can dial from; where that cannot be known, since no socket can be had, none."""
    return tuple(one for one in addresses if not _is_here(one))


def sentence(gone: Iterable[Address]) -> str:
    """What that comes to, no full stop; "" where none is absent."""
    names = ", ".join(map(str, gone))
    return f"this machine does not have {names}, from which tester.source_addresses has us dial" if names else ""


def _is_here(address: Address) -> bool:
    try:
        with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as trial:
            trial.bind((str(address), 0))
    except OSError as error:
        return error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True
