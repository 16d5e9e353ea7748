"""The letter with canaries, against a relay on loopback: when it is offered; that it changes no verdict."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from dnsbl.clock import SystemClock
from dnsbl.store import Store
from dnsbl.vocabulary import JobReason
from tester.returned import Collected
from tester.smtp import Flag, Outcome
from tester.verdict import Verdict
from tests.dnsbl.daemons.test_worker import HERE, Shop, serving
from tests.waiting import until

MARK = b"canary-lf=["


class Relay:
    """Passes letters on to our collector; what carries canaries as `canaries` says: whole, with line feeds made line
    ends, or not at all, and then it talks to nobody any more."""

    def __init__(self, canaries: str = "whole", takes: bool = True) -> None:
        self.canaries, self.takes = canaries, takes
        self.gone = False
        self.shop: Shop | None = None
        self.said: list[str] = []  # what every connection began and was told

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        self.said.append("connected")
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"421 go away\r\n" if self.gone else b"220 mx.host.test ESMTP\r\n")
            while not self.gone and (line := (await reader.readuntil(b"\r\n")).decode()):
                verb = line[:4].strip().upper()
                self.said.append(verb)
                if verb == "RCPT":
                    recipient = line.partition("<")[2].partition(">")[0]
                refused = verb == "RCPT" and not self.takes
                writer.write(
                    b"550 5.7.1 Relaying denied\r\n" if refused else b"354 go\r\n" if verb == "DATA" else b"250 ok\r\n"
                )
                if verb == "DATA":
                    letter = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                    if MARK in letter:
                        self.said.append("CANARY")
                        if self.canaries == "never":
                            self.gone = True
                            writer.write(b"521 5.5.2 bare <LF> received\r\n")
                            break
                        if self.canaries == "mended":
                            letter = letter.replace(b"[\n]", b"[\r\n]")
                    await asyncio.to_thread(self.deliver, recipient, letter)
                    writer.write(b"250 queued\r\n")
                if verb == "QUIT":
                    break
        writer.close()

    def deliver(self, recipient: str, letter: bytes) -> None:
        assert self.shop is not None
        token, _, domain = recipient.partition("@")
        self.shop.casework.arrivals.file_return(
            Collected(
                peer=HERE,
                peer_port=1,
                local="127.0.0.9:25",
                tls=False,
                helo="mx.host.test",
                mail_raw=b"",
                rcpt_raw=b"",
                mail_from="x@y",
                recipient=token,
                domain=domain,
                message=letter,
                received_at=self.shop.clock.now().timestamp(),
            )
        )


async def outcome_of(store: Store, relay: Relay, *, profile: str = "full", **tester: object):
    async with serving(relay) as port:  # type: ignore[arg-type]
        shop = relay.shop = Shop(store, port, SystemClock(), owner_ports=[25], **tester)
        run = shop.casework.operators.order_test(HERE, profile=profile, actor="operator").run
        async with shop.open():
            await until(lambda: shop.settled(run))
        return shop.casework.views.run_report(run)


@pytest.mark.parametrize(
    ("canaries", "flags"),
    [
        ("whole", {Flag.PASSES_BARE_LF, Flag.PASSES_BARE_CR}),
        ("mended", {Flag.PASSES_BARE_CR}),
        ("never", set()),
    ],
)
async def test_it_is_the_last_letter_and_changes_no_verdict(store: Store, canaries: str, flags: set[Flag]) -> None:
    relay = Relay(canaries)
    report = await outcome_of(store, relay)
    assert report.run.verdict is Verdict.OPEN
    assert {flag for flag in report.flags if flag.startswith("passes")} == flags
    assert relay.said.count("CANARY") == 1
    rest = relay.said[relay.said.index("CANARY") :]
    assert not {"connected", "MAIL", "RCPT"} & set(rest), "after it nothing is asked"
    last = report.letters[-1]
    assert last.letter.vector == "C01"
    assert last.folded is (Outcome.DATA_END_5XX if canaries == "never" else Outcome.DELIVERED_SAME)


@pytest.mark.parametrize("profile", ["basic", "standard"])
async def test_only_tests_with_every_form_bear_it(store: Store, profile: str) -> None:
    relay = Relay()
    report = await outcome_of(store, relay, profile=profile)
    assert report.run.verdict is Verdict.OPEN
    assert "CANARY" not in relay.said


async def test_where_no_letter_came_back_it_is_not_offered(store: Store) -> None:
    relay = Relay(takes=False)
    report = await outcome_of(store, relay)
    assert report.run.verdict is not Verdict.OPEN
    assert not any(fate.letter.vector == "C01" for fate in report.letters)


async def test_it_can_be_switched_off(store: Store) -> None:
    relay = Relay()
    report = await outcome_of(store, relay, vectors_off=["C01"])
    assert report.run.verdict is Verdict.OPEN
    assert "CANARY" not in relay.said
    assert report.run.reason is JobReason.OPERATOR
