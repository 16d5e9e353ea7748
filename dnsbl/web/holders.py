"""Whose key a request bears, so that reporters with keys have shares of their own. Remembers answers for a minute.

A key that nobody has costs its network a turn each time it is looked for, and the store is asked for few of them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping

from dnsbl.addresses import Address
from dnsbl.errors import DnsblError
from dnsbl.web.limits import Quota

#: The name of the account whose key this is. Raises Refused where it is nobody's. Blocking.
NameOf = Callable[[str], str]
#: Keys whose holders are remembered, and for how many seconds; characters of the longest key.
MOST, SECONDS, LONGEST = 1000, 60.0, 200
#: Looks into the store a minute that one network may cause.
LOOKS = 30


class Holders:
    """Those that were asked about lately."""

    def __init__(self, name_of: NameOf) -> None:
        self._name_of = name_of
        self._known: OrderedDict[bytes, tuple[str, float]] = OrderedDict()  # digest -> name, monotonic seconds
        self._looks = Quota("keys", LOOKS, 60)

    async def of(self, headers: Mapping[str, str], who: Address | None, at: float) -> str:
        """The account whose key a request bears, or ""; headers by their names in lower case."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not 0 < len(key) <= LONGEST:
            return ""
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        name, until = self._known.get(digest, ("", 0.0))
        if at < until:
            return name
        if self._looks.turn(who, at).wait:
            return ""
        try:
            name = await asyncio.to_thread(self._name_of, key)
        except DnsblError:
            self._known.pop(digest, None)
            return ""
        self._known[digest] = name, at + SECONDS
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return name
