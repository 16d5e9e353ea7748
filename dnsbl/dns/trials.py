"""Lists that are out of order, played for whoever wants to know whether his mail server would obey them.

A zone with `trial = true` lists nothing. Below it each of these names is a list by itself, asked as any other: by the
reversed address in front of it, IPv4 or IPv6, also with a sublist's name between. Each plays what becomes of lists:
they tell errors in band (127.255.255.0/24), lose their domain to a wildcard, are emptied at their end, refuse or fall
silent (RFC 5782 5, RFC 6471 3.3 and 3.4). Pure data, for the answer, the page and the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayedList:
    """One list that is played."""

    label: bytes  #: its name below the zone
    every: IPv4Address | None = None  #: the A record of every address; None: no address has one
    tests: bool = False  #: whether the test points are as they should be, and nothing else is there
    answers: bool = True  #: whether there is a reply at all
    refuses: bool = False  #: whether that is REFUSED
    text: str = ""  #: the TXT record beside the A record


TRIALS = (
    PlayedList(label=b"good", tests=True, text="This is a trial and no listing: a list in order has this test point"),
    PlayedList(
        label=b"error",
        every=IPv4Address("127.255.255.254"),
        text="This is a trial and no listing: an error in how you ask, such as a resolver that is not served",
    ),
    PlayedList(
        label=b"world",
        every=IPv4Address("127.0.0.2"),
        text="This is a trial and no listing: a dead list whose domain answers every name",
    ),
    PlayedList(label=b"empty"),
    PlayedList(label=b"refused", refuses=True),
    PlayedList(label=b"silent", answers=False),
)
#: By label.
PLAYED: Mapping[bytes, PlayedList] = {trial.label: trial for trial in TRIALS}
