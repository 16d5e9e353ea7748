"""A listed relay holds the letters of its removal test, and something comes to a letter's sender: through the real
collector into a real store. It stays listed, unless what came is a proven bounce of every letter that can bounce."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from itertools import cycle
from typing import Any

import pytest

from dnsbl.daemons.mailroom import Mailroom
from dnsbl.vocabulary import Door, JobReason, Reason, RunState, State
from tester import vectors
from tester.letter import Letter
from tester.smtp import Outcome
from tester.verdict import Finding, Verdict
from tests.answers.corpus import CORPUS, Message

Make = Callable[..., Any]  # the fixture; its office is a helper of conftest
RELAY = "127.0.0.1"  # what delivers here comes from loopback
FINDINGS = {
    "bounced": "BOUNCED",
    "by_us": "BOUNCED_BY_US",
    "delayed": "DSN_DELAYED",
    "held": "HELD",
    "automatic": "AUTOMATIC",
    "receipt": "RECEIPT",
    "complaint": "COMPLAINT",
    "human": "HUMAN",
    "unproven": "UNPROVEN",
}


class Scene:
    """A listed relay under removal test, and the collector of the list."""

    def __init__(self, office: Any, accepted: tuple[str, ...]) -> None:
        self.office = office
        self.port = 0
        office.list_open(RELAY)
        office.later(days=1)
        office.casework.doors.ask_removal(office.at(RELAY), door=Door.WEB, actor="owner")
        self.run = office.test(lambda form: Outcome.ACCEPTED if form in accepted else Outcome.RCPT_5XX)
        assert (self.run.reason, self.run.state) == (JobReason.REMOVAL, RunState.WAITING)
        office.later(seconds=10)

    def letter(self, form: str = "S01") -> Letter:
        [found] = [fate.letter for fate in self.office.letters(self.run.id) if fate.letter.vector == form]
        return found

    def about(self, message: Message, form: str = "S01", **changed: str) -> bytes:
        issued = self.letter(form)
        return message.filled(
            recipient=f"{issued.recipient}@c.test",
            sender=f"{issued.sender}@b.test",
            letter=self.office.message(issued),
            host=self.office.settings.collector.hostname,
            **changed,
        )

    async def bring(self, raw: bytes, form: str = "S01", *, mail_from: str = "", to_sender: bool = True) -> bytes:
        """The relay hands a message to our collector; returns it as it was stored."""
        issued = self.letter(form)
        rcpt = f"{issued.sender}@b.test" if to_sender else f"{issued.recipient}@c.test"

        def hand_in() -> None:
            with smtplib.SMTP("127.0.0.1", self.port, local_hostname="relay.test", timeout=5) as client:
                client.ehlo()
                assert client.mail(mail_from)[0] == client.rcpt(rcpt)[0] == client.data(raw)[0] == 250

        await asyncio.to_thread(hand_in)
        return bytes(self.office.casework.views.run_report(self.run.id).returns[-1].message)

    @property
    def listed(self) -> bool:
        return bool(self.office.casework.views.look_up(self.office.at(RELAY)).listings)

    @property
    def found(self) -> list[str]:
        return [back.finding.value for back in self.office.casework.views.run_report(self.run.id).returns]

    def journal(self, verb: str) -> list[Any]:
        return [entry for entry in self.office.casework.operators.journal(self.office.at(RELAY)) if entry.verb == verb]


@contextlib.asynccontextmanager
async def under_removal(make_office: Make, *accepted: str) -> AsyncIterator[Scene]:
    office = make_office(
        collector={
            "listen": ["127.0.0.1:0"],
            "hostname": "mx.c.test",
            "addresses": ["192.0.2.25"],
            "peer_day": 10 * len(CORPUS),  # all of them come from one address
        },
        tester={"collector_domain": "c.test", "bounce_domain": "b.test", "lab_networks": ("127.0.0.0/8",)},
    )
    scene = Scene(office, accepted or ("S01",))
    mailroom = Mailroom(office.casework.arrivals, office.settings, office.keyring, office.clock)
    [(_, scene.port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    try:
        yield scene
    finally:
        stop.set()
        await running


async def proven(scene: Scene) -> None:
    """The letter itself comes in: the relay does relay."""
    await scene.bring(scene.office.message(scene.letter()), mail_from="x@relay.test", to_sender=False)
    assert scene.found[-1] == Finding.DELIVERED_SAME


ANSWERED = tuple(
    form for form in vectors.PROFILES["standard"] if (row := vectors.CATALOGUE[form]).answered and not row.stranger
)


@pytest.mark.parametrize("kind", [kind for kind in FINDINGS if kind != "bounced"])
async def test_nothing_but_a_proven_bounce_takes_a_relay_off_the_list(make_office: Make, kind: str) -> None:
    """All messages of a kind, one after the other, each about the next letter."""
    messages = [message for message in CORPUS if message.kind == kind]
    async with under_removal(make_office, *ANSWERED) as scene:
        changes = scene.office.casework.contents.last_change()
        for message, form in zip(messages, cycle(ANSWERED), strict=False):
            await scene.bring(scene.about(message, form), form, mail_from=message.mail_from)
            assert (scene.found[-1], scene.listed) == (FINDINGS[kind], True), message.name
            state = scene.office.casework.views.run_report(scene.run.id).run.state
            assert state is RunState.WAITING or kind == "by_us", "the run waits on"
        assert len(scene.found) == len(messages)
        shown = scene.office.casework.correspondence.page(most=50)
        assert len(shown) == (len(messages) if kind in ("human", "complaint", "unproven") else 0)
        scene.office.later(days=3)
        scene.office.casework.upkeep.settle()
        assert scene.listed, "nor when its window is over"
        following = scene.office.casework.views.look_up(scene.office.at(RELAY)).job.reason
        assert following is (JobReason.REPEAT if kind == "by_us" else JobReason.RETEST)
        assert scene.office.casework.contents.last_change() == changes
        await scene.bring(scene.office.message(scene.letter()), mail_from="x@relay.test", to_sender=False)
        assert scene.found[-1] == Finding.DELIVERED_SAME_LATE
        assert scene.journal("renewed")[-1].reason == Reason.STILL_OPEN


PROVEN = ("postfix", "exim-without-status", "qmail", "exchange-2019", "exchange-5.5", "global", "german", "japanese")


@pytest.mark.parametrize(
    "message", [m for m in CORPUS if m.kind == "bounced" and m.name in PROVEN], ids=lambda m: m.name
)
async def test_a_proven_bounce_delists_and_is_named_and_a_letter_that_returns_lists_again(
    make_office: Make, message: Message
) -> None:
    async with under_removal(make_office) as scene:
        stored = await scene.bring(scene.about(message), mail_from=message.mail_from)
        assert scene.found == ["BOUNCED"]
        assert not scene.listed
        [entry] = scene.journal("delisted")
        assert entry.reason == Reason.RETEST_BOUNCES
        assert entry.evidence == f"run {scene.run.id}, message sha256:{sha256(stored).hexdigest()}"
        await proven(scene)
        assert scene.listed, "at once"
        assert scene.journal("listed")[-1].reason == Reason.LETTER_RETURNED
        assert scene.office.casework.views.run_report(scene.run.id).run.verdict is Verdict.OPEN


PLAIN_BOUNCE = next(message for message in CORPUS if message.name == "qmail" and message.kind == "bounced")


async def test_every_letter_that_can_bounce_to_us_must_be_shown_to(make_office: Make) -> None:
    forms = ("S01", "S02", "S03", "R06", "X01")
    async with under_removal(make_office, *forms) as scene:
        shown = [sha256(await scene.bring(scene.about(PLAIN_BOUNCE))).hexdigest()]
        scene.office.casework.upkeep.settle()
        assert scene.listed, "one bounce does not speak for another letter"
        shown.append(sha256(await scene.bring(scene.about(PLAIN_BOUNCE, "R06"), "R06")).hexdigest())
        scene.office.later(days=2)
        scene.office.casework.upkeep.settle()
        assert not scene.listed, "those from no sender, or from a sender there, cannot bounce to us"
        assert {form for form in forms if vectors.CATALOGUE[form].answered} == {"S01", "R06"}
        [entry] = scene.journal("delisted")
        assert entry.evidence == f"run {scene.run.id}" + "".join(f", message sha256:{digest}" for digest in shown)


async def test_a_letter_that_is_swallowed_beside_a_bounce_keeps_the_listing(make_office: Make) -> None:
    async with under_removal(make_office, "S01", "R06") as scene:
        await scene.bring(scene.about(PLAIN_BOUNCE))
        scene.office.later(days=2)
        scene.office.casework.upkeep.settle()
        assert scene.listed
        assert scene.office.casework.views.run_report(scene.run.id).run.verdict is Verdict.ACCEPTS_LOSES
        assert scene.journal("kept")[-1].reason == Reason.LOSES_ONCE


async def test_a_bounce_of_what_was_refused_shows_nothing(make_office: Make) -> None:
    async with under_removal(make_office) as scene:
        await scene.bring(scene.about(PLAIN_BOUNCE, "R06"), "R06")
        assert (scene.found, scene.listed) == (["UNPROVEN"], True)


async def test_a_bounce_after_our_own_refusal_acquits_nobody(make_office: Make) -> None:
    """Who relays, and is refused by us, could send a bounce of its own making as well."""
    [ours] = [message for message in CORPUS if (message.kind, message.name) == ("by_us", "qmail")]
    async with under_removal(make_office) as scene:
        await scene.bring(scene.about(ours))
        await scene.bring(scene.about(PLAIN_BOUNCE))
        assert (scene.found, scene.listed) == (["BOUNCED_BY_US", "BOUNCED"], True)


@pytest.mark.parametrize("name", ["quarantine", "exim-words"])
async def test_what_is_held_or_delayed_is_not_lost_when_the_window_is_over(make_office: Make, name: str) -> None:
    [kept] = [message for message in CORPUS if message.name == name]
    async with under_removal(make_office) as scene:
        await scene.bring(scene.about(kept))
        scene.office.later(days=2)
        scene.office.casework.upkeep.settle()
        run = scene.office.casework.views.run_report(scene.run.id).run
        assert (run.verdict, scene.listed) == (Verdict.INCONCLUSIVE, True)
        assert run.explanation == "The server says that it has our letter still: it may yet pass it on."


async def said_by(port: int, *lines: bytes) -> list[str]:
    """The replies of our collector, a refusal each, as a relay would quote them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = [(await reader.readline()).decode().strip()]
    for line in lines:
        writer.write(line)
        while (reply := (await reader.readline()).decode().strip())[3:4] == "-":
            pass
        said.append(reply)
    writer.transport.abort()
    return [reply for reply in said if reply.startswith(("4", "5"))]


async def test_each_true_refusal_of_the_collector_is_known_when_it_is_quoted(make_office: Make) -> None:
    [quoting] = [message for message in CORPUS if (message.kind, message.name) == ("by_us", "german")]
    async with under_removal(make_office) as scene:
        token = scene.letter().sender.encode()
        hello = b"EHLO x\r\n"
        refusals = await said_by(
            scene.port,
            b"MAIL FROM:<>\r\n",  # 503
            hello,
            b"NONSENSE\r\n",  # 500
            b"NOOP " + b"x" * 5000 + b"\r\n",  # 500
            b"MAIL\r\n",  # 501
            b"MAIL FROM:<> SIZE=99999999\r\n",  # 552
            b"STARTTLS\r\n",  # 454
            b"AUTH PLAIN x\r\n",  # 502
            b"MAIL FROM:<>\r\n",
            b"RCPT TO:<x@b.test>\r\n",  # 550
            b"RCPT TO:<x@elsewhere.test>\r\n",  # 550
            b"DATA\r\n",  # 503
            b"RCPT TO:<" + token + b"@b.test>\r\n",
            b"RCPT TO:<" + token + b"@b.test>\r\n",  # 452
            b"RSET\r\n",
            *[b"NOOP\r\n"] * 41,  # 421
        )
        assert {reply[:3] for reply in refusals} == {"421", "452", "454", "500", "501", "502", "503", "550", "552"}
        for said in refusals:
            await scene.bring(scene.about(quoting, said=said))
        assert [found for found in scene.found if found != "CALLBACK_SEEN"] == ["BOUNCED_BY_US"] * len(refusals)
        assert scene.listed


async def test_an_abuse_report_is_flagged_for_the_operators(
    make_office: Make, caplog: pytest.LogCaptureFixture
) -> None:
    [arf] = [message for message in CORPUS if message.name == "arf"]
    async with under_removal(make_office) as scene:
        await scene.bring(scene.about(arf), mail_from=arf.mail_from)
        [(shown, _)] = scene.office.casework.correspondence.page(most=50)
        assert shown.finding is Finding.COMPLAINT
        assert "reported a letter of ours as abuse" in caplog.text
        assert scene.office.casework.views.look_up(scene.office.at(RELAY)).state is State.LISTED
