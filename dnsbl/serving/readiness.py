"""Whether a node is fit to be asked: what a load balancer, or whoever announces its address, should go by.

Pure but for the clock that it is given. A node is ready while it answers from a table that is not stale. That the store
is away makes it no less ready before that: it says the same as every other node then, and if all of them withdrew at
once nobody would answer.
"""

from __future__ import annotations

from typing import Any

from dnsbl.clock import Clock
from dnsbl.health import Board
from dnsbl.serving.responder import Responder


class Readiness:
    """Of one responder; `poll` is the time between two looks of its feed, in seconds."""

    def __init__(self, responder: Responder, board: Board, *, poll: float, clock: Clock) -> None:
        self._responder = responder
        self._board = board
        self._poll = poll
        self._clock = clock

    @property
    def age(self) -> float:
        """Seconds since the store last stood by the table; 0.0 where nothing follows a store."""
        return max(0.0, self._clock.now().timestamp() - self._responder.serving.seen)

    @property
    def lag(self) -> float:
        """Seconds by which the table is behind what it ought to be: 0.0 while every look at the store succeeds."""
        return max(0.0, self.age - self._poll)

    def document(self) -> dict[str, Any]:
        """`ready`, the `reason` when it is not, the table's state in seconds and numbers, and which parts are down."""
        serving = self._responder.serving
        table, stale = serving.table, self.age > serving.stale_after
        parts = self._board.all()
        answers = all(part.up for part in parts if part.part == "dns")
        reason = ""
        if not answers:
            reason = "DNS is not answered"
        elif table is None:
            reason = "there is no table yet"
        elif stale:
            reason = "the table is stale"
        elif waiting := [one.origin for one in serving.zones if one.sources and one.origin not in serving.sourced]:
            reason = f"the sources of {', '.join(waiting)} are not in service"
        document: dict[str, Any] = {"ready": not reason}
        if reason:
            document["reason"] = reason
        if table is not None:
            document |= {
                "table_age": round(self.age, 1),
                "follow_lag": round(self.lag, 1),
                "stale": stale,
                "change_number": table.serial,
                "serial": table.soa_serial,
            }
        if down := [part.row() for part in parts if not part.up]:
            document["down"] = down
        return document
