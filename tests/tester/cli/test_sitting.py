"""One host's test over several paths, against servers on loopback."""

from __future__ import annotations

import asyncio
import os
import smtplib
from collections.abc import Awaitable, Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from samples import NOW, RING, SENDER
from servers import OPEN, Scripted, listening

from tester import letter as letters
from tester.bounces.ours import Ours
from tester.cause import Cause
from tester.cli.sitting import Outfit, Progress, Sitting
from tester.collector import Collector
from tester.errors import NotDialable
from tester.paths import Path, path
from tester.returned import Collected
from tester.smtp import Event, Flag, Limits
from tester.trial import Vantage
from tester.vectors import profile
from tester.verdict import Verdict

LOOPBACK = ip_address("127.0.0.1")
QUICK = Limits(connect=2, banner=2, command=2, final=5, attempt_gap=0, connection_gap=0, grace=1)
CLOSED = {
    **OPEN,
    "RCPT": (b"550 5.7.1 relaying denied\r\n",) * 15 + (b"250 ok\r\n",) + (b"550 5.7.1 relaying denied\r\n",) * 2,
}


def outfit(**changed: object) -> Outfit:
    given: dict[str, object] = {
        "vantage": Vantage(sender=SENDER),
        "keyring": RING,
        "ours": Ours(names={SENDER.helo}),
        "limits": QUICK,
        "profile": "standard",
        "forms": profile("standard"),
        "lab": (ip_network("127.0.0.0/8"),),
        "wait": 2.0,
        "now": lambda: NOW,
        "random": os.urandom,
    }
    return Outfit(**given | changed)  # type: ignore[arg-type]


class Watch:
    def __init__(self) -> None:
        self.told: list[Progress] = []
        self.said: list[str] = []
        self.heard: list[tuple[int, Event]] = []

    def sitting(self, paths: list[Path], **changed: object) -> Sitting:
        return Sitting(
            outfit(**changed),
            paths,
            hear=self.hear,
            tell=self.told.append,
            say=self.said.append,
        )

    def hear(self, way: Path, event: Event) -> None:
        self.heard.append((way.port, event))


async def collecting(deliver: Callable[[Collected], Awaitable[None]]) -> tuple[Collector, int]:
    collector = Collector(
        hostname="mx.test",
        domains=frozenset({SENDER.collector_domain, SENDER.bounce_domain}),
        gate=lambda token: letters.gate(RING, token),
        deliver=deliver,
        now=lambda: NOW + 1.0,
    )
    bound = await collector.start("127.0.0.1", 0)
    return collector, bound[1]


class Relay:
    """Passes every letter on to the collector."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        def forward() -> None:
            peer = session.peer[0]
            trace = f"Received: from x ([{peer}]) by mx.example.net (Postfix) with ESMTP id 1; now\r\n".encode()
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as client:
                client.sendmail(envelope.mail_from or "", envelope.rcpt_tos, trace + (envelope.content or b""))

        await asyncio.to_thread(forward)
        return "250 queued"


async def test_every_path_is_tried_one_after_the_other_and_progress_is_told() -> None:
    watch = Watch()
    async with listening(Scripted(CLOSED)) as first, listening(Scripted(CLOSED)) as second:
        sitting = watch.sitting([path(LOOPBACK, first), path(LOOPBACK, second)])
        await sitting.hold()
    found = sitting.found()
    assert [(one.path.port, one.judgement.verdict) for one in found] == [
        (first, Verdict.CLOSED),
        (second, Verdict.CLOSED),
    ]
    ports = [port for port, _ in watch.heard]
    assert ports == sorted(ports, key=[first, second].index), "never two paths at once"
    forms = len(profile("standard"))
    assert [(one.done, one.forms) for one in watch.told][-1] == (2 * forms, 2 * forms)
    assert sitting.cause() is None


async def test_a_letter_that_comes_back_ends_the_test_and_has_a_cause() -> None:
    watch = Watch()
    sittings: list[Sitting] = []

    async def deliver(message: Collected) -> None:
        watch.said.append(sittings[0].take(message))

    collector, port = await collecting(deliver)
    loop = asyncio.get_running_loop()
    relay = await loop.create_server(lambda: SMTP(Relay(port), hostname="mx.example.net", loop=loop), "127.0.0.1", 0)
    submission = relay.sockets[0].getsockname()[1]
    try:
        async with listening(Scripted(CLOSED)) as first, listening(Scripted(CLOSED)) as never:
            paths = [path(LOOPBACK, first), path(LOOPBACK, submission), path(LOOPBACK, never)]
            sittings.append(watch.sitting(paths))
            await sittings[0].hold()
    finally:
        relay.close()
        await collector.close()
    found = sittings[0].found()
    assert [one.judgement.verdict for one in found[:2]] == [Verdict.CLOSED, Verdict.OPEN]
    assert [one.tried for one in found] == [True, True, False]
    assert any("DELIVERED_SAME" in line for line in watch.said)
    cause = sittings[0].cause()
    assert cause is not None and cause.cause is Cause.NETWORKS_TOO_WIDE


class Slow(Relay):
    """Passes the first letter on at once, and others, if at all, when nobody has more to say."""

    def __init__(self, port: int, idle: asyncio.Event, *, keeps: bool) -> None:
        super().__init__(port)
        self.idle, self.keeps, self.tasks = idle, keeps, []  # type: ignore[var-annotated]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if not self.tasks:
            self.tasks.append(None)
            return await super().handle_DATA(server, session, envelope)
        if not self.keeps:
            self.tasks.append(asyncio.create_task(self.later(server, session, envelope)))
        return "250 queued"

    async def later(self, *letter: Any) -> None:
        await self.idle.wait()
        await super().handle_DATA(*letter)


@pytest.mark.parametrize(("keeps", "verdict"), [(False, Verdict.OPEN), (True, Verdict.INCONCLUSIVE)])
async def test_a_letter_that_came_back_waits_for_another_one_unlike_it(keeps: bool, verdict: Verdict) -> None:
    watch, idle = Watch(), asyncio.Event()
    sittings: list[Sitting] = []

    async def deliver(message: Collected) -> None:
        sittings[0].take(message)

    def say(_line: str) -> None:
        idle.set()

    collector, port = await collecting(deliver)
    loop = asyncio.get_running_loop()
    slow = Slow(port, idle, keeps=keeps)
    relay = await loop.create_server(lambda: SMTP(slow, hostname="mx.example.net", loop=loop), "127.0.0.1", 0)
    try:
        way = path(LOOPBACK, relay.sockets[0].getsockname()[1])
        sittings.append(
            Sitting(outfit(wait=0.2 if keeps else 5), [way], hear=watch.hear, tell=watch.told.append, say=say)
        )
        await sittings[0].hold()
    finally:
        relay.close()
        await collector.close()
    [found] = sittings[0].found()
    assert (found.judgement.verdict, found.open) == (verdict, not keeps)


async def test_a_message_about_no_letter_of_the_host_is_left_to_others() -> None:
    sitting = Watch().sitting([path(LOOPBACK, 25)])
    stranger = Collected(
        peer=LOOPBACK,
        peer_port=1,
        local="127.0.0.1:25",
        tls=False,
        helo="x",
        mail_raw=b"",
        rcpt_raw=b"",
        mail_from="",
        recipient="postmaster",
        domain="c.test",
        message=b"",
        received_at=NOW,
    )
    assert sitting.take(stranger) == ""


async def test_no_path_is_gone_when_one_must_not_be_dialled() -> None:
    watch = Watch()
    async with listening(Scripted(OPEN)) as first:
        sitting = watch.sitting([path(LOOPBACK, first), path(ip_address("10.0.0.1"), 25)])
        with pytest.raises(NotDialable, match=r"10\.0\.0\.1 must not be tested"):
            await sitting.hold()
    assert watch.heard == []


async def test_after_all_else_a_letter_with_canaries_goes_where_one_came_back_and_is_compared() -> None:
    watch = Watch()
    sittings: list[Sitting] = []

    async def deliver(message: Collected) -> None:
        watch.said.append(sittings[0].take(message))

    collector, port = await collecting(deliver)
    loop = asyncio.get_running_loop()
    relay = await loop.create_server(lambda: SMTP(Relay(port), hostname="mx.example.net", loop=loop), "127.0.0.1", 0)
    try:
        way = path(LOOPBACK, relay.sockets[0].getsockname()[1])
        sittings.append(watch.sitting([way], profile="full", forms=profile("full")))
        await sittings[0].hold()
    finally:
        relay.close()
        await collector.close()
    assert [one.judgement.verdict for one in sittings[0].found()] == [Verdict.OPEN]
    assert any(line.startswith("C01 ") for line in watch.said)
    assert sittings[0].canaries == {Flag.PASSES_BARE_LF, Flag.PASSES_BARE_CR}
    assert all(fate.letter.vector != "C01" for fate in sittings[0].found()[0].fates)
    assert sittings[0].cause() is not None
