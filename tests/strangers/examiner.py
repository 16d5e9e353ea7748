"""Tests many servers at once with the tester's own parts and one collector for all.

Holds the letters, what was answered and what came back. Unlike the list it never stops at the first proof: every form
of the standard profile is offered, so that a server's whole weakness shows. Judges nothing itself.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from lab import COLLECTOR, TESTER

from tester import letter as letters
from tester.bounces.ours import Ours
from tester.caller import Sequel, call
from tester.collector import Caps, Collector
from tester.letter import Keyring, Sender
from tester.paths import Path
from tester.returned import Collected
from tester.smtp import DELIVERED, PENDING, Attempt, Control, Event, Flag, Limits, Outcome, Said, Transcript
from tester.trial import Trial, Vantage
from tester.vectors import profile
from tester.verdict import Judgement

C, B, MX, HELO = "c.lab.test", "b.lab.test", "mx.lab.test", "tester.lab.test"
PROFILE = "standard"
LIMITS = Limits(connect=5, banner=20, command=30, final=30, connection=60, attempt_gap=0.05, connection_gap=0.5)
DAY = 24 * 3600
NONSENSE = "nobody-has-this-name"
QUIET = 15.0  #: seconds without any return after which no more is waited for,
GAPS = 4  #: or so many times the longest silence that was broken, where the machine is busy
PATIENCE = 180.0  #: seconds for which returns are waited for at most


VANTAGE = Vantage(
    sender=Sender(
        service="Laboratory",
        website="https://list.lab.test/",
        contact=f"postmaster@{B}",
        helo=HELO,
        collector_domain=C,
        bounce_domain=B,
    ),
    source=TESTER,
)
OURS = Ours(names={C, B, MX}, sources={IPv4Address(TESTER)})


class Examination:
    """One run on one address, and the room (`caller.Room`) of its conversations: its letters and what came back."""

    def __init__(self, address: str, keyring: Keyring) -> None:
        self.address = IPv4Address(address)
        self.trial = Trial(run="fleet", nomination="", vantage=VANTAGE, keyring=keyring)
        self.letters: dict[str, bytes] = {}  # by vector: the letter that came back
        self.flags: frozenset[Flag] = frozenset()
        self.visits = 0
        path = Path(address=self.address, port=25)
        issued = self.trial.issue(path, profile(PROFILE), now=time.time(), lifetime=7 * DAY, random=os.urandom)
        self.tokens = [token for letter in issued for token in (letter.recipient, letter.sender)]
        self.approach = self.trial.approach(path, limits=LIMITS, nonsense=NONSENSE, ask_own=True)

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """By vector: how the attempt ended, with what came back folded in."""
        return dict(self.trial.outcomes)

    @property
    def replies(self) -> dict[str, str]:
        """By vector: the server's last word."""
        return {fate.letter.vector: fate.reply for fate in self.trial.fates}

    @property
    def outputs(self) -> set[str]:
        """The addresses that delivered to us."""
        return set(map(str, self.trial.output_addresses))

    @property
    def control(self) -> Control:
        """The control dialogue."""
        return self.trial.control

    def vectors(self, outcomes: Iterable[Outcome]) -> set[str]:
        """The vectors that came to one of these outcomes."""
        wanted = frozenset(outcomes)
        return {vector for vector, outcome in self.outcomes.items() if outcome in wanted}

    @property
    def delivered(self) -> set[str]:
        """The vectors whose letters came back, proof and all."""
        return self.vectors(DELIVERED)

    def judgement(self, *, final: bool = True, earlier_other: int = 0) -> Judgement:
        """What the tester says; `final` as when no letter and no later try is waited for any more."""
        return self.trial.judge(
            profile=PROFILE, window_closed=final, retries_left=not final, earlier_other=earlier_other
        )

    # the room

    def now(self) -> float:
        return time.time()

    def compose(self, said: Said) -> list[Attempt]:
        return self.trial.compose(self.approach.path, said, now=time.time())

    async def may_dial(self) -> bool:
        return True

    def check_peer(self, address: IPv4Address | IPv6Address) -> None:
        """Nobody but the fleet can be reached from here."""

    async def own_name(self, names: tuple[str, ...]) -> str:
        """The fleet does not lie about its names."""
        return names[0] if names else ""

    async def proven(self, seconds: float) -> bool:
        """Never stop: the whole weakness is to be seen."""
        return False

    async def keep(self, transcript: Transcript, sequel: Sequel) -> None:
        self.trial.take(transcript)
        self.flags |= transcript.flags

    def show(self, event: Event) -> None:
        """Nobody watches."""


class Examiner:
    """The tester for a whole fleet. Use as an asynchronous context, on `us`; it listens while it lasts."""

    def __init__(self, below: str = "") -> None:
        """Domains one label `below` this one are ours, beside the two that letters come back to."""
        self._keyring = Keyring.generate(os.urandom, int(time.time()))
        self._runs: dict[str, Examination] = {}  # by both tokens
        self.findings: list[str] = []
        #: (examination, vector) of what was asked for and not followed by a message
        self.probes: list[tuple[Examination, str]] = []
        self._returned = asyncio.Event()
        self._collector = Collector(
            hostname=MX,
            domains=frozenset({C, B}),
            below=below,
            gate=lambda token: letters.gate(self._keyring, token),
            deliver=self._deliver,
            now=time.time,
            on_probe=self._probed,
            caps=Caps(per_peer=30),  # all letters of a server may come at once
        )

    async def __aenter__(self) -> Examiner:
        await self._collector.start(COLLECTOR, 25)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._collector.close()

    def run(self, address: str) -> Examination:
        """A new run, its letters issued."""
        run = Examination(address, self._keyring)
        self._runs |= dict.fromkeys(run.tokens, run)
        return run

    async def visit_all(self, runs: Collection[Examination]) -> None:
        """Offer each all that was not offered yet, or was put off, all at the same time; then wait until nothing comes
        back any more."""
        for run in runs:
            run.visits += 1
        await asyncio.gather(*(call(run) for run in runs))
        longest = 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while any(run.vectors(PENDING) for run in runs):
                    self._returned.clear()
                    since = time.monotonic()
                    await asyncio.wait_for(self._returned.wait(), max(QUIET, GAPS * longest))
                    longest = max(longest, time.monotonic() - since)

    def _probed(self, asked: Collected) -> None:
        if run := self._runs.get(asked.token):
            fate = run.trial.find(asked.token)
            assert fate is not None
            self.probes.append((run, fate.letter.vector))

    async def _deliver(self, message: Collected) -> None:
        self._returned.set()
        run = self._runs.get(message.token)
        if run is None:
            self.findings.append(f"{message.peer}: a message for {message.recipient}")
            return
        weighed, fate = run.trial.receive(message, ours=OURS, window=2 * DAY), run.trial.find(message.token)
        assert fate is not None
        vector = fate.letter.vector
        self.findings.append(f"{run.address} {vector} from {message.peer}: {weighed.finding}. {weighed.reason}")
        if weighed.counts:
            run.letters[vector] = message.message
