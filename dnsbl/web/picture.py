"""The way of a letter that came back, as a picture shows it: from our tester through a host to our collector. Pure.

Escaped to printable ASCII once, and put through `rules.discretion` by who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from dnsbl.addresses import Address
from dnsbl.model import RunReport
from tester import vectors
from tester.cause import Cause, Explained
from tester.records import dataclass
from tester.smtp import Transcript
from tester.verdict import CAME_BACK

#: Characters of a reply and of a name that are shown.
SHORT = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """The stops of one letter."""

    source: str  #: where our tester called from, or ""
    vector: str
    meaning: str  #: what its form shows, or ""
    target: Address
    port: int
    reply: str  #: by which it was taken
    output: Address  #: the machine that brought it to our collector
    name: str  #: what that machine called itself
    received: datetime
    seconds: float | None  #: from its last octet to its return, where both are known
    cause: Cause
    took_us_for: Address | None  #: the client's address in the host's own trace line, where that is not ours

    @property
    def same(self) -> bool:
        """Whether it came out where it had gone in."""
        return self.output == self.target


def picture(
    report: RunReport, held: Sequence[Transcript], found: Explained | None, theirs: Callable[[str], str]
) -> Picture | None:
    """The first letter of a run that came back; None where none did. `held` are its conversations, `found` why the host
    relays."""
    fates = {fate.letter.recipient: fate for fate in report.letters}
    back = next((one for one in report.returns if one.finding in CAME_BACK and one.token in fates), None)
    if back is None:
        return None
    fate = fates[back.token]
    at = [one for one in held if (one.target, one.port) == (str(fate.letter.address), fate.letter.port)]
    source = next((one.source for one in (*at, *held)), "").rpartition(":")[0].strip("[]")
    known = vectors.CATALOGUE.get(fate.letter.vector)
    taken = back.received.timestamp() - fate.dot_at if fate.dot_at is not None else None
    us = found.took_us_for if found else None
    return Picture(
        source=source,
        vector=fate.letter.vector,
        meaning=known.fault if known else "",
        target=fate.letter.address,
        port=fate.letter.port,
        reply=theirs(fate.answer)[:SHORT],
        output=back.peer,
        name=theirs(back.helo)[:SHORT],
        received=back.received,
        seconds=taken if taken is not None and taken >= 0 else None,
        cause=found.cause if found else Cause.UNKNOWN,
        took_us_for=us if us is not None and str(us) != source else None,
    )
