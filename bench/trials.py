"""Many tests at once around one collector, each in a room of its own: letters out, returns in, a verdict.

Measures nothing and knows no server; `bench.tester` says whom to test, and how patiently.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from bench.fleet import BOUNCE_DOMAIN, COLLECTOR_DOMAIN
from tester import letter as letters
from tester.approach import Approach
from tester.bounces.ours import Ours
from tester.caller import Sequel, call
from tester.collector import Caps, Collector
from tester.letter import Keyring
from tester.paths import Path
from tester.returned import Collected
from tester.smtp import Attempt, Event, Limits, Said, Transcript
from tester.trial import Trial, Vantage
from tester.vectors import Vector
from tester.verdict import Verdict

VANTAGE = Vantage(
    sender=letters.Sender(
        service="bench",
        website="https://bench.test/",
        contact="postmaster@b.test",
        helo="probe.b.test",
        collector_domain=COLLECTOR_DOMAIN,
        bounce_domain=BOUNCE_DOMAIN,
    )
)
OURS = Ours(names={COLLECTOR_DOMAIN, BOUNCE_DOMAIN})


class Trials:
    """All tests of one benchmark, and the collector that they share."""

    def __init__(self) -> None:
        self.keyring = Keyring.generate(secrets.token_bytes, int(time.time()))
        self.received = 0  #: messages that have come to the collector
        self._rooms: dict[str, _Room] = {}  # by recipient token and by sender token
        self.collector = Collector(
            hostname="mx.c.test",
            domains=frozenset({COLLECTOR_DOMAIN, BOUNCE_DOMAIN}),
            gate=lambda token: letters.gate(self.keyring, token),
            deliver=self._deliver,
            now=time.time,
            caps=Caps(connections=2000, per_peer=100),
        )

    async def test(self, address: IPv4Address, port: int, limits: Limits, forms: Sequence[Vector]) -> Trial:
        """One test, from issuing the letters to the end of the conversation."""
        trial = Trial(run="bench", nomination="bench", vantage=VANTAGE, keyring=self.keyring)
        path = Path(address=address, port=port)
        issued = trial.issue(path, forms, now=time.time(), lifetime=3600, random=secrets.token_bytes)
        room = _Room(trial, trial.approach(path, limits=limits))
        for letter in issued:
            self._rooms[letter.recipient] = self._rooms[letter.sender] = room
        await call(room)
        return trial

    async def _deliver(self, message: Collected) -> None:
        self.received += 1
        if room := self._rooms.get(message.token):
            room.trial.receive(message, ours=OURS, window=1800)
            room.changed.set()


def verdict(trial: Trial) -> Verdict:
    """The judgement of a finished test, its window closed, as if it had been the third try of an address."""
    return trial.judge(profile="standard", window_closed=True, retries_left=False, unreachable_before=2).verdict


class _Room:
    """The room of one test (`caller.Room`): everybody here is ours."""

    def __init__(self, trial: Trial, approach: Approach) -> None:
        self.trial = trial
        self.approach = approach
        self.changed = asyncio.Event()

    def now(self) -> float:
        return time.time()

    def compose(self, said: Said) -> list[Attempt]:
        return self.trial.compose(self.approach.path, said, now=time.time())

    async def may_dial(self) -> bool:
        return True

    def check_peer(self, address: IPv4Address | IPv6Address) -> None:
        """Loopback only, as `bench.fleet` holds it."""

    async def own_name(self, names: tuple[str, ...]) -> str:
        return ""

    async def proven(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.trial.proven:
                    self.changed.clear()
                    await self.changed.wait()
        return self.trial.proven

    async def keep(self, transcript: Transcript, sequel: Sequel) -> None:
        self.trial.take(transcript)

    def show(self, event: Event) -> None:
        """Nobody watches."""
