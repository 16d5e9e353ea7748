"""Whether a request that changes something comes from one of our own pages, or from a program. Pure.

A browser names the page that sends a request: in Origin, and in Sec-Fetch-Site by how it is related to us. Neither is
believed where it only agrees with Host, since whoever lets a name of his own lead to our address makes all three agree
(DNS rebinding): we are what `web.base_url` says, or an address, which nobody can let lead elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

_PORTS = {"http": "80", "https": "443"}
#: `scheme://host` and perhaps a port, as browsers write it (RFC 6454 7).
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::([0-9]{1,5}))?", re.IGNORECASE)

Origin = tuple[str, str, str]


class Origins:
    """What we are called: `base_url`, and every address that we answer at."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._base = _read(f"{parts.scheme}://{parts.netloc}")

    def sent(self, headers: Mapping[str, str]) -> bool:
        """Whether one of our pages, or no page at all, sent a request with these headers (names in lower case)."""
        site, origin, host = headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host", "")
        if site not in (None, "same-origin", "none"):
            return False
        if origin is None:  # a program: browsers name an origin whenever they change something (Fetch 3.2)
            return True
        if origin == "null":  # of our own pages in a browser that names no referrers; or of any other page
            return site is not None and self._is_us(host)
        read = _read(origin)
        return read is not None and (read == self._base or (self._is_us(host) and read == _read(f"{read[0]}://{host}")))

    def _is_us(self, host: str) -> bool:
        read = _read(f"http://{host}")
        if read is None:
            return False
        name = read[1]
        return name == "localhost" or (self._base is not None and name == self._base[1]) or _is_address(name)


def _read(origin: str) -> Origin | None:
    """Scheme, host and port; None for what is no origin of the web."""
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return None
    scheme = found[1].lower()
    return scheme, found[2].lower(), found[3] or _PORTS[scheme]


def _is_address(host: str) -> bool:
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
