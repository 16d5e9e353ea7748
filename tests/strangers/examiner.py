"""Tests many servers at once with the tester's own parts and one collector for all.

Holds the letters, what was answered and what came back. Unlike the list it never stops at the first proof: every form
of the standard profile is offered, so that a server's whole weakness shows. Judges nothing itself.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address

from lab import COLLECTOR, TESTER

from tester import letter as letters
from tester.caller import call
from tester.collector import Bounds, Collector
from tester.composing import compose
from tester.letter import Keyring, Letter, Sender
from tester.returned import Collected, Opened, unwrap
from tester.smtp import DELIVERED, PENDING, RETRY, Attempt, Control, Flag, Limits, Outcome, Result, Said
from tester.vectors import Names, profile
from tester.verdict import Judgement, judge
from tester.weighing import weigh_return

C, B, MX, HELO = "c.lab.test", "b.lab.test", "mx.lab.test", "tester.lab.test"
PROFILE = "standard"
LIMITS = Limits(connect=5, banner=20, command=30, final=30, connection=60, attempt_gap=0.05, connection_gap=0.5)
DAY = 24 * 3600
NONSENSE = "nobody-has-this-name"
QUIET = 8.0  #: seconds without any return after which no more is waited for
PATIENCE = 60.0  #: seconds for which returns are waited for at most


async def _first(names: tuple[str, ...]) -> str:
    """The fleet does not lie about its names."""
    return names[0] if names else ""


class Run:
    """One run on one address: its letters, its results and what came back."""

    def __init__(self, address: str) -> None:
        self.address = IPv4Address(address)
        self.attempts: list[Attempt] = []
        self.results: dict[str, Result] = {}  # by recipient token
        self.returned: dict[str, Outcome] = {}  # by recipient token
        self.outputs: set[str] = set()  # the addresses that delivered to us
        self.letters: dict[str, Opened] = {}  # by vector: the letter that came back
        self.flags: frozenset[Flag] = frozenset()
        self.control = Control.NOT_RUN
        self.visits = 0

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """By vector: how the attempt ended, with what came back folded in."""
        return {r.vector: self.returned.get(token, r.outcome) for token, r in self.results.items()}

    @property
    def replies(self) -> dict[str, str]:
        """By vector: the server's last word."""
        return {r.vector: r.reply for r in self.results.values()}

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
        return judge(
            self.outcomes.items(),
            control=self.control,
            profile=PROFILE,
            window_closed=final,
            retries_left=not final,
            earlier_other=earlier_other,
        )


class Examiner:
    """The tester for a whole fleet. Use as an asynchronous context, on `us`; it listens while it lasts."""

    def __init__(self) -> None:
        self._keys = Keyring.generate(os.urandom, int(time.time()))
        self._runs: dict[str, tuple[Run, Letter]] = {}  # by both tokens
        self.findings: list[str] = []
        self.probes: list[tuple[Run, str]] = []  # (run, vector) of what was asked for and not followed by a message
        self._returned = asyncio.Event()
        self._collector = Collector(
            hostname=MX,
            domains=frozenset({C, B}),
            gate=lambda token: letters.gate(self._keys, token),
            deliver=self._deliver,
            now=time.time,
            on_probe=self._probed,
            bounds=Bounds(per_peer=30),  # all letters of a server may come at once
        )

    async def __aenter__(self) -> Examiner:
        await self._collector.start(COLLECTOR, 25)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._collector.close()

    async def visit(self, run: Run) -> None:
        """Offer all that was not offered yet, or was put off, with the very same letters."""
        tried = {r.token for r in run.results.values() if r.outcome not in RETRY}

        def compose(said: Said) -> Sequence[Attempt]:
            run.attempts = run.attempts or self._write(run, said)
            return [attempt for attempt in run.attempts if attempt.token not in tried]

        run.visits += 1
        transcripts = await call(
            run.address,
            25,
            compose,
            helo=HELO,
            bounce_address=f"postmaster@{B}",
            limits=LIMITS,
            now=time.time,
            source=TESTER,
            own_name=_first,
            nonsense=NONSENSE,
        )
        for transcript in transcripts:
            run.results |= {result.token: result for result in transcript.results}
            run.flags |= transcript.flags
            if transcript.control is not Control.NOT_RUN:
                run.control = transcript.control

    async def visit_all(self, runs: Iterable[Run]) -> None:
        """Visit them all at the same time, then wait until nothing comes back any more."""
        await asyncio.gather(*(self.visit(run) for run in runs))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while any(run.vectors(PENDING) for run in runs):
                    self._returned.clear()
                    await asyncio.wait_for(self._returned.wait(), QUIET)

    def _write(self, run: Run, said: Said) -> list[Attempt]:
        names = Names(target=run.address, target_name=said.name, own_name=said.own, collector_domain=C, bounce_domain=B)
        us = Sender(
            service="Laboratory",
            website="https://list.lab.test/",
            contact=f"postmaster@{B}",
            helo=HELO,
            collector_domain=C,
            bounce_domain=B,
        )
        now = time.time()
        issued = [
            letters.issue(
                self._keys,
                address=run.address,
                port=25,
                vector=row.id,
                run="fleet",
                not_before=int(now),
                not_after=int(now) + 7 * DAY,
                random=os.urandom,
            )
            for row in profile(PROFILE)
        ]
        for letter in issued:
            self._runs[letter.recipient] = self._runs[letter.sender] = run, letter
        return compose(issued, keyring=self._keys, names=names, sender=us, greeting=said.text, nomination="", date=now)

    def _probed(self, asked: Collected) -> None:
        if asked.recipient in self._runs:
            run, letter = self._runs[asked.recipient]
            self.probes.append((run, letter.vector))

    async def _deliver(self, message: Collected) -> None:
        self._returned.set()
        if message.recipient not in self._runs:
            self.findings.append(f"{message.peer}: a message for {message.recipient}")
            return
        run, letter = self._runs[message.recipient]
        opened = unwrap(message.message)
        result = run.results.get(letter.recipient)
        weighed = weigh_return(
            opened,
            letter,
            keyring=self._keys,
            token=message.recipient,
            peer=message.peer,
            null_sender=message.mail_from == "",
            received_at=message.received_at,
            window=2 * DAY,
            us={C, B, MX},
            peer_is_us=str(message.peer) == TESTER,
            outcome=result.outcome if result else None,
            already_delivered=run.returned.get(letter.recipient) in DELIVERED,
        )
        self.findings.append(f"{run.address} {letter.vector} from {message.peer}: {weighed.finding}. {weighed.reason}")
        if weighed.counts:
            run.outputs.add(str(message.peer))
            run.letters[letter.vector] = opened
        outcome = Outcome.__members__.get(weighed.finding)
        if outcome is not None and run.returned.get(letter.recipient) not in DELIVERED:
            run.returned[letter.recipient] = outcome
