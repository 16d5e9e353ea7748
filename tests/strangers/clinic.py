"""Tests a ward's patients as the list does on an owner's request: every form in order, up to the first proof.

Holds what was said and what came back, and has the cause read from it. Judges nothing itself.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from examiner import LIMITS, NONSENSE, PATIENCE, VANTAGE, Examination, Examiner
from ward import PAIRS, RUN

from tester.caller import Sequel
from tester.cause import Explained, explain, gather
from tester.letter import Keyring
from tester.returned import Collected
from tester.smtp import Transcript
from tester.trial import Trial
from tester.vectors import PROFILES, profile
from tester.verdict import Judgement

#: What is offered: the standard forms, and of the owner's those that trust in a client's own word.
FORMS = (*PROFILES["standard"], "H01", "H02", "H03", "P01", "P02", "P03", "M01", "T01")
DAY = 24 * 3600
#: A proxy that waits for a header greets nobody, and here it is not waited for long.
HASTE = replace(LIMITS, banner=8.0, banner_second=8.0)
SETTLED = 12.0  #: seconds that a letter which was taken is waited for before the next form is tried


class Consultation(Examination):
    """One run on one patient: like an examination, but it stops at the first letter that comes back."""

    def __init__(self, address: str, keyring: Keyring) -> None:
        super().__init__(address, keyring)
        path = self.approach.path
        self.trial = Trial(run=RUN, nomination="", vantage=VANTAGE, keyring=keyring, mx_domain=PAIRS)
        every = {form.id: form for form in profile("full")}
        issued = self.trial.issue(
            path, [every[form] for form in FORMS], now=time.time(), lifetime=7 * DAY, random=os.urandom
        )
        self.tokens = [token for letter in issued for token in (letter.recipient, letter.sender)]
        self.approach = self.trial.approach(path, limits=HASTE, nonsense=NONSENSE, ask_own=True)
        self.transcripts: list[Transcript] = []
        self.back: list[tuple[str, IPv4Address | IPv6Address, bytes]] = []
        self.arrived = asyncio.Event()

    async def proven(self, seconds: float) -> bool:
        """Stop at the first proof."""
        try:
            await asyncio.wait_for(self.arrived.wait(), SETTLED)
        except TimeoutError:
            return False
        return True

    async def keep(self, transcript: Transcript, sequel: Sequel) -> None:
        self.transcripts.append(transcript)
        await super().keep(transcript, sequel)

    @property
    def cause(self) -> Explained | None:
        """Why it relays."""
        return explain(gather(self.transcripts, self.trial.fates, self.back))

    def judgement(self, *, final: bool = True, earlier_other: int = 0) -> Judgement:
        """As the wide profile of an owner's request is judged."""
        return self.trial.judge(
            profile="full", window_closed=final, retries_left=not final, earlier_other=earlier_other
        )


class Clinic(Examiner):
    """The tester for a whole ward. Use as an asynchronous context, on `us`."""

    def __init__(self, hosts: dict[str, str]) -> None:
        super().__init__(PAIRS)
        self._hosts = hosts

    async def consult(self) -> dict[str, Consultation]:
        """A run on every host, all at the same time; of those that are to be confirmed, the second one."""
        runs = {host: Consultation(address, self._keyring) for host, address in self._hosts.items()}
        await self._visit(runs)
        again = {host: run for host, run in runs.items() if run.judgement().confirm}
        seconds = {host: Consultation(self._hosts[host], self._keyring) for host in again}
        await self._visit(seconds)
        return runs | seconds

    async def _visit(self, runs: dict[str, Consultation]) -> None:
        for run in runs.values():
            self._runs |= dict.fromkeys(run.tokens, run)
        async with asyncio.timeout(3 * PATIENCE):
            await self.visit_all(runs.values())

    async def _deliver(self, message: Collected) -> None:
        await super()._deliver(message)
        run = self._runs.get(message.token)
        if isinstance(run, Consultation) and run.trial.proven:
            run.back.append((message.token, message.peer, message.message))
            run.arrived.set()
