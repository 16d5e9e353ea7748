"""What the files of TSIG keys and of the certificate hold. A process that is begun again while one of them is half
written answers by what its parent has read of it before, and says so: a mistake may end the start of a list, but not
one that serves.

Of clients' keys nothing is kept so, since one may have been taken back meanwhile (`secrets`).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import TypeVar

from dnsbl.dns.secondaries.transfer import TsigKeys
from dnsbl.errors import DnsblError
from dnsbl.serving.streams import certified
from dnsbl.serving.transfers import read_tsig_keys
from dnsbl.settings import Dns
from tester.records import dataclass

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one process."""

    tsig_keys: TsigKeys
    tls: ssl.SSLContext | None  #: None where nobody is answered over TLS
    again: bool = False  #: whether a process has served by these settings before, and this one is in its place

    @classmethod
    def read(cls, dns: Dns, before: Credentials | None = None) -> Credentials:
        """As the files are now; what cannot be used of them is as it was `before`, with a line in the log. Raises
        DnsblError where nothing was."""
        tsig_keys = _read(lambda: read_tsig_keys(dns), None if before is None else (before.tsig_keys,))
        tls = _read(lambda: certified(dns) if dns.tls_listen else None, None if before is None else (before.tls,))
        return cls(tsig_keys, tls, again=before is not None)


def _read(read: Callable[[], _T], before: tuple[_T] | None) -> _T:
    try:
        return read()
    except DnsblError as error:
        if before is None:
            raise
        _log.error("what was read before is used still: %s", error)
        return before[0]
