"""How one server is approached: what about its conversations is settled before the first of them.

Pure data. Holds no letter and no state; never says what is offered, that is `composing`.
"""

from __future__ import annotations

from tester.paths import Path
from tester.records import dataclass
from tester.smtp import Limits


@dataclass(frozen=True, kw_only=True, slots=True)
class Approach:
    """One way into a host, and how we behave on it."""

    path: Path
    helo: str  #: our name in EHLO
    bounce_address: str  #: the sender of the control dialogue, without angle brackets
    limits: Limits
    source: str | None  #: our own address to dial from; None: whichever the system takes
    remark: str  #: as whom we come, one line for the transcript
    nonsense: str  #: a local part that nobody has, asked for where everything was accepted; "": not asked for
    control: bool  #: whether mail for its postmaster may be asked about where all was refused
    ask_own: bool  #: whether the room can find out which name is the server's own
