"""Rooms for conversations of these tests: the attempts are given, and each part may be replaced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from tester.approach import Approach
from tester.caller import Sequel
from tester.paths import Path, Tls
from tester.smtp import Attempt, Event, Limits, Said, Transcript

Address = IPv4Address | IPv6Address
LOOPBACK = ip_address("127.0.0.1")
STARTED = 1_700_000_000.0
USUAL = Limits()


def approaching(
    port: int = 25,
    *,
    target: Address = LOOPBACK,
    tls: Tls = Tls.NEEDED,
    limits: Limits = USUAL,
    source: str | None = None,
    remark: str = "",
    nonsense: str = "",
    ask_own: bool = False,
    control: bool = True,
) -> Approach:
    return Approach(
        path=Path(address=target, port=port, tls=tls),
        helo="probe.test",
        bounce_address="s@bounce.test",
        limits=limits,
        source=source,
        remark=remark,
        nonsense=nonsense,
        ask_own=ask_own,
        control=control,
    )


class Plain:
    """A room (`caller.Room`) in which nothing comes back and nothing is forbidden."""

    def __init__(
        self,
        approach: Approach,
        compose: Callable[[Said], Sequence[Attempt]],
        *,
        now: Callable[[], float] = lambda: STARTED,
        may_dial: Callable[[], Awaitable[bool]] | None = None,
        check_peer: Callable[[Address], None] = lambda address: None,
        own_name: Callable[[tuple[str, ...]], Awaitable[str]] | None = None,
        proven: Callable[[float], Awaitable[bool]] | None = None,
        keep: Callable[[Transcript, Sequel], Awaitable[None]] | None = None,
        show: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.approach = approach
        self.compose = compose
        self.now = now
        self.may_dial = may_dial or self._yes
        self.check_peer = check_peer
        self.own_name = own_name or self._unknown
        self.proven = proven or self._never
        self.keep = keep or self._forget
        self.show = show

    async def _yes(self) -> bool:
        return True

    async def _unknown(self, names: tuple[str, ...]) -> str:
        return ""

    async def _never(self, seconds: float) -> bool:
        return False

    async def _forget(self, transcript: Transcript, sequel: Sequel) -> None:
        pass
