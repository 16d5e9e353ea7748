"""What has become of a letter: what the conversation made of it and what came back, folded into one outcome.

Pure. The one place that knows which word counts when there are several. Never says what a message at the collector
is (that is `weighing`), nor what a run shows (that is `verdict`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tester.canary import FORM
from tester.letter import Letter
from tester.paths import Path
from tester.records import dataclass
from tester.smtp import DELIVERED, KEPT, PENDING, RETRY, Outcome, Result
from tester.verdict import Finding

#: Findings by how much they say, least first.
_RANKS = {
    finding: rank
    for rank, finding in enumerate(
        (
            Finding.REPEATED,
            Finding.FORGED,
            Finding.TOKEN_SEEN,
            Finding.CALLBACK_SEEN,
            Finding.AUTOMATIC,
            Finding.RECEIPT,
            Finding.UNPROVEN,
            Finding.HUMAN,
            Finding.COMPLAINT,
            Finding.DSN_DELAYED,
            Finding.HELD,
            Finding.BOUNCED,
            Finding.BOUNCED_BY_US,  # who relays, and is refused by us, could well send a bounce of its own
            Finding.DELIVERED_OTHER_LATE,
            Finding.DELIVERED_SAME_LATE,
            Finding.DELIVERED_OTHER,
            Finding.DELIVERED_SAME,
        )
    )
}
#: Findings that are an outcome by themselves: they overrule what the conversation said.
TELLING = {
    Finding(outcome.value): outcome for outcome in sorted(DELIVERED | KEPT | {Outcome.BOUNCED, Outcome.BOUNCED_BY_US})
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """A letter, and what has become of it so far."""

    letter: Letter
    outcome: Outcome | None = None  #: of the conversation; None while it has not been offered (or a crash left it open)
    reply: str = ""  #: the deciding reply, escaped
    dot_at: float | None = None  #: epoch seconds when its final dot went out
    finding: Finding | None = None  #: the best finding at the collector

    @property
    def folded(self) -> Outcome:
        """How the attempt ended, with what came back folded in."""
        return (TELLING.get(self.finding) if self.finding else None) or self.outcome or Outcome.UNTRIED

    @property
    def answer(self) -> str:
        """The deciding reply; "" where the letter has come back and the conversation in which it was taken is not filed
        yet: what the server said before that has decided nothing."""
        untaken = self.outcome not in PENDING and (self.dot_at is None or self.outcome in RETRY)
        return "" if untaken and self.folded in DELIVERED else self.reply

    @property
    def to_offer(self) -> bool:
        """Whether the letter may still be offered: it was not, or the server has put it off."""
        return self.outcome in (None, Outcome.UNTRIED) or self.outcome in RETRY

    def told(self, result: Result, started: float) -> Fate:
        """After a conversation that began at `started` (epoch seconds). An accepted letter stays accepted, whatever a
        later connection comes to, and an attempt that was not made takes nothing back."""
        if self.outcome in PENDING or (result.outcome is Outcome.UNTRIED and self.outcome is not None):
            return self
        dot_at = None if result.dot_at is None else started + result.dot_at
        return replace(self, outcome=result.outcome, reply=result.reply, dot_at=dot_at)

    def found(self, finding: Finding) -> Fate:
        """After a message at the collector. A better finding is never overwritten by a weaker one, whichever comes
        first: the same fate is returned where this one says nothing more."""
        if _RANKS[finding] <= (_RANKS[self.finding] if self.finding else 0):
            return self
        return replace(self, finding=finding)


def outcomes(fates: Iterable[Fate]) -> list[tuple[str, Outcome]]:
    """Vector id and outcome of each, as `verdict.judge` takes them."""
    return [(fate.letter.vector, fate.folded) for fate in fates]


def on(path: Path, fates: Iterable[Fate]) -> list[Fate]:
    """The letters that are offered on this way in, in their order."""
    return [fate for fate in fates if (fate.letter.address, fate.letter.port) == (path.address, path.port)]


def telling(fates: Iterable[Fate]) -> list[Fate]:
    """Those that show something about relaying: all but the one with canaries (`canary.FORM`)."""
    return [fate for fate in fates if fate.letter.vector != FORM]


def delivered(fates: Iterable[Fate]) -> tuple[str, ...]:
    """The recipient tokens of the letters that came back with their proof."""
    return tuple(fate.letter.recipient for fate in fates if fate.folded in DELIVERED)
