"""How far a test is, in the same words wherever it is watched: on a page, in an event, in a shell, at a terminal.

Pure. What is shown of a test that goes on only grows, and never speaks against itself: a letter that has come back is
said at once, and what that means when the test is over. Until then there is no verdict, no cause and no reason, since
each of them might be overtaken by the next letter.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from dnsbl.vocabulary import RunState
from tester.fate import Fate
from tester.records import dataclass
from tester.smtp import DELIVERED, PENDING, Outcome


class HeadwayPhase(StrEnum):
    """What a test is at."""

    QUEUED = "queued"  # nobody has it in hand: it has not begun, or the server has put it off
    TESTING = "testing"
    WAITING = "waiting"  # all is said; letters may still come back
    DONE = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Headway:
    """How far it is."""

    phase: HeadwayPhase
    forms: int  #: letters that are to be offered, as far as it is known; 0 before it begins
    tried: int
    accepted: int  #: those that were accepted and have come to nothing yet
    back: int  #: those that have come back

    @property
    def sentence(self) -> str:
        """The one thing to say; "" when it is over, and its verdict speaks."""
        if self.phase is HeadwayPhase.DONE:
            return ""
        if self.back:
            letters = "A letter has" if self.back == 1 else f"{self.back} letters have"
            return f"{letters} come back. We finish the rest before we say what it means."
        if self.phase is HeadwayPhase.WAITING:
            letters = "a letter that was" if self.accepted == 1 else f"{self.accepted} letters that were"
            return f"All is said. We wait for {letters} accepted; nothing has come back so far."
        done = f"{self.tried} of {self.forms} forms are done; nothing has come back so far."
        if self.phase is HeadwayPhase.QUEUED:
            return f"The server has put us off, and we try once more later. {done}" if self.tried else _TURN
        return done if self.forms else "It begins."


_TURN = "The test waits for its turn."


def headway(letters: Iterable[Fate], state: RunState | None, *, working: bool) -> Headway:
    """How far a test is whose letters have come to this. `state` is that of its run, None before there is one;
    `working`, whether somebody has it in hand."""
    fates = list(letters)
    back = sum(fate.folded in DELIVERED for fate in fates)
    return Headway(
        phase=_phase(state, working),
        forms=len(fates),
        tried=sum(fate.folded is not Outcome.UNTRIED for fate in fates),
        accepted=sum(fate.folded in PENDING for fate in fates),
        back=back,
    )


def _phase(state: RunState | None, working: bool) -> HeadwayPhase:
    if state is RunState.SETTLED:
        return HeadwayPhase.DONE
    if state is RunState.WAITING:
        return HeadwayPhase.WAITING
    return HeadwayPhase.TESTING if working else HeadwayPhase.QUEUED
