"""How long a connection may keep the web waiting, stage by stage. Pure: every call brings the time in seconds.

No limit is started anew by what trickles in: a head has to be complete so many seconds after it began, and so has a
body, however busily its octets arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Stage(StrEnum):
    """What a connection waits for."""

    HEAD = "the head of a request"  #: also of the first one, before anything came
    BODY = "the body of a request"
    ANSWER = "our answer"
    READING = "the client to read our answer"
    IDLE = "a further request"

    @property
    def ours(self) -> bool:
        """Whether it is we who are waited for."""
        return self is Stage.ANSWER


class Patience:
    """Of one connection, from `at` on. A stage that `limits` does not name may last as long as it likes."""

    def __init__(self, limits: Mapping[Stage, float], at: float) -> None:
        self._limits = limits
        self._since = at
        self._now = (Stage.HEAD, 0)

    def see(self, stage: Stage, requests: int, at: float) -> bool:
        """Where the connection stands, and how many requests it has brought; whether that has changed."""
        if (stage, requests) == self._now:
            return False
        self._now, self._since = (stage, requests), at
        return True

    def over(self, at: float) -> Stage | None:
        """The stage that has lasted too long."""
        stage, _ = self._now
        return stage if at - self._since >= self._limits.get(stage, float("inf")) else None
