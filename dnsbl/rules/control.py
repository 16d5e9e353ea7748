"""Showing that an address or a network is one's own: what must be shown, and whether it was. Pure.

Three ways. To come from the address (whoever connects has it). A TXT record in the reverse zone, which only its holder
can write: its name and what it must say are told to anybody, but hold for one purpose and for who asks from one network
(/24 or /48) alone, so that a record which is there says nothing for a second person. A code that is mailed to the
postmaster of the address's own name, and told to nobody else. Codes are made from a key of ours, so that nothing
about them is stored.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable

from dnsbl.addresses import Network, label_bits, reverse_zone
from dnsbl.errors import Refused
from dnsbl.vocabulary import Refusal

#: Characters of a code: 100 bits.
LENGTH = 20
#: Days for which a code that was mailed is taken.
DAYS = 7
#: Characters that are looked at of what somebody typed, or a record says.
_MOST = 1000
_NO_PART = re.compile(r"[^\w=-]+|_")
#: What stands before the code in the record.
MARK = "dnsbl-control="


def code(key: bytes, purpose: str, network: Network, target: str) -> str:
    """What shows control of a network for one purpose, and for one `target` of it, such as who asks."""
    said = "\0".join(("control", purpose, str(network), target)).encode("utf-8", "backslashreplace")
    return base64.b32encode(hmac.digest(key, said, "sha256")).decode("ascii").lower()[:LENGTH]


def days(today: int) -> range:
    """The days, by their numbers, of which a mailed code is still taken."""
    return range(today - DAYS, today + 1)


def record_name(network: Network) -> str:
    """Where the record must stand. Raises Refused for a prefix that no reverse zone is delegated for."""
    if zone := reverse_zone(network):
        return f"_dnsbl.{zone}"
    raise Refused(
        Refusal.TOO_WIDE,
        f"A reverse zone begins at every {label_bits(network)} bits; {network} lies between, name each part.",
    )


def recorded(texts: Iterable[str], codes: Iterable[str]) -> bool:
    """Whether one of the records says one of these codes."""
    wanted = [f"{MARK}{each}" for each in codes]
    return any(hmac.compare_digest(_bare(text), each.encode()) for text in texts for each in wanted)


def same(typed: str, codes: Iterable[str]) -> bool:
    """Whether what somebody types is one of these codes."""
    given = _bare(typed).replace(b"-", b"").replace(b"=", b"")
    return any(hmac.compare_digest(given, each.encode()) for each in codes)


def _bare(text: str) -> bytes:
    """What somebody has copied, without what mail programs and zone editors put into it: blanks, ends of lines, marks
    that nobody sees, quotes and the sentence's own signs. None of them is in a code."""
    kept = _NO_PART.sub("", text[:_MOST]).lower()
    return kept.encode("utf-8", "backslashreplace")
