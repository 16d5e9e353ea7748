"""Shell: one HTTP connection, uvicorn's, held to its place in the crowd and to the limits of our patience.

uvicorn knows a limit for idle connections alone (as of 0.54): who sends half a head, or a body for ever, or reads no
answer, keeps its connection as long as it likes. Everything about HTTP itself is the library's.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dnsbl.web.patience import Patience, Stage
from tester.crowd import Place

# The library writes a line for each request that is no HTTP: whoever likes could fill the disk. They are counted here,
# and `guards` logs what fails within the application.
logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)

#: For who began a request and did not end it (RFC 9110 15.5.9).
_TOO_SLOW = h11.Response(
    status_code=408, reason=b"Request Timeout", headers=[("Connection", "close"), ("Content-Length", "0")]
)


class Connection(H11Protocol):
    """As uvicorn makes it (`given`), on a place. `look` is to be called every second or so; `note` hears of every
    connection that was ended for want of patience, `now` tells monotonic seconds."""

    def __init__(
        self,
        place: Place,
        limits: Mapping[Stage, float],
        note: Callable[[str], None],
        now: Callable[[], float],
        **given: Any,
    ) -> None:
        super().__init__(**given)
        self._place = place
        self._note = note
        self._now = now
        self._requests = 0  # that have been answered
        self._patience = Patience(limits, self._now())

    def connection_lost(self, exc: Exception | None) -> None:
        self._place.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._see()

    def on_response_complete(self) -> None:
        self._requests += 1
        super().on_response_complete()
        self._see()

    def send_400_response(self, msg: str) -> None:
        self._note("requests that were no HTTP")
        super().send_400_response(msg)

    def look(self) -> None:
        """End the connection when it has kept us waiting for too long."""
        self._see()
        stage = self._patience.over(self._now())
        if stage is None:
            return
        self._note(f"connections ended that kept us waiting for {stage}")
        if stage is Stage.READING:
            self.transport.abort()
            return
        if self._begun and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            with contextlib.suppress(h11.LocalProtocolError):
                for event in (_TOO_SLOW, h11.EndOfMessage()):
                    self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    @property
    def _begun(self) -> bool:
        """Whether something of a request has come that is not complete."""
        return self.conn.their_state is h11.SEND_BODY or bool(self.conn.trailing_data[0])

    def _see(self) -> None:
        stage, now = self._stage(), self._now()
        if self._patience.see(stage, self._requests, now):
            if stage.ours:
                self._place.served()
            else:
                self._place.waits(now)

    def _stage(self) -> Stage:
        if self.transport.is_closing():
            return Stage.READING
        if self.conn.their_state is h11.SEND_BODY:
            return Stage.BODY
        if self.transport.get_write_buffer_size():
            return Stage.READING
        if self.conn.their_state is not h11.IDLE:
            return Stage.ANSWER
        return Stage.HEAD if self._begun or not self._requests else Stage.IDLE
