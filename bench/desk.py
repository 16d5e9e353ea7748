"""The tester's own parts around one collector, with the store's part in memory: letters out, returns in, a verdict.

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
from tester.caller import call
from tester.collector import Bounds, Collector
from tester.composing import compose
from tester.letter import Keyring, Letter
from tester.returned import Collected, unwrap
from tester.smtp import PENDING, Attempt, Limits, Outcome, Said, Transcript
from tester.vectors import Names, Vector
from tester.verdict import Finding, Verdict, judge
from tester.weighing import weigh_return

US = letters.Sender(
    service="bench",
    website="https://bench.test/",
    contact="postmaster@b.test",
    helo="probe.b.test",
    collector_domain=COLLECTOR_DOMAIN,
    bounce_domain=BOUNCE_DOMAIN,
)


class Desk:
    """Issues letters, remembers them, weighs what comes back: the store's part, in memory."""

    def __init__(self) -> None:
        self.keyring = Keyring.generate(secrets.token_bytes, int(time.time()))
        self.letters: dict[str, Letter] = {}
        self.found: dict[str, Outcome] = {}  #: recipient token -> what came back
        self.back: dict[IPv4Address | IPv6Address, asyncio.Event] = {}
        self.collector = Collector(
            hostname="mx.c.test",
            domains=frozenset({COLLECTOR_DOMAIN, BOUNCE_DOMAIN}),
            gate=lambda token: letters.gate(self.keyring, token),
            deliver=self._deliver,
            now=time.time,
            bounds=Bounds(connections=2000, per_peer=100),
        )

    async def test(
        self, address: IPv4Address, port: int, limits: Limits, rows: Sequence[Vector]
    ) -> tuple[Transcript, ...]:
        """One test, from issuing the letters to the end of the conversation."""
        now = int(time.time())
        issued = [
            letters.issue(
                self.keyring,
                address=address,
                port=port,
                vector=vector.id,
                run="bench",
                not_before=now,
                not_after=now + 3600,
                random=secrets.token_bytes,
            )
            for vector in rows
        ]
        for one in issued:
            self.letters[one.recipient] = self.letters[one.sender] = one
        back = self.back.setdefault(address, asyncio.Event())
        return await call(
            address,
            port,
            lambda said: self._attempts(address, issued, said),
            helo=US.helo,
            bounce_address=f"{issued[0].sender}@{BOUNCE_DOMAIN}",
            limits=limits,
            now=time.time,
            proven=lambda seconds: _within(back, seconds),
        )

    def verdict(self, transcripts: Sequence[Transcript]) -> Verdict:
        """The judgement of a finished test, its window closed, as if it had been the third try of an address."""
        outcomes = []
        for result in (result for transcript in transcripts for result in transcript.results):
            found = self.found.get(result.token)
            outcomes.append((result.vector, found if found and result.outcome in PENDING else result.outcome))
        return judge(
            outcomes,
            control=transcripts[-1].control,
            profile="standard",
            window_closed=True,
            retries_left=False,
            unreachable_before=2,
        ).verdict

    def _attempts(self, address: IPv4Address, issued: Sequence[Letter], said: Said) -> list[Attempt]:
        names = Names(
            target=address, target_name=said.name, collector_domain=COLLECTOR_DOMAIN, bounce_domain=BOUNCE_DOMAIN
        )
        return compose(
            issued,
            keyring=self.keyring,
            names=names,
            sender=US,
            greeting=said.text,
            nomination="bench",
            date=time.time(),
        )

    async def _deliver(self, message: Collected) -> None:
        letter = self.letters.get(message.recipient)
        if letter is None:
            return
        weighed = weigh_return(
            unwrap(message.message),
            letter,
            keyring=self.keyring,
            token=message.recipient,
            peer=message.peer,
            null_sender=not message.mail_from,
            received_at=message.received_at,
            window=1800,
            us=(),
            peer_is_us=False,
        )
        if weighed.counts or weighed.finding is Finding.BOUNCED:
            self.found[letter.recipient] = Outcome(weighed.finding)
        if weighed.counts:
            self.back[letter.address].set()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
