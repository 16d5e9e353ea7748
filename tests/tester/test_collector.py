"""The collector against smtplib as a stranger, against raw sockets, and at the end of a whole loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import smtplib
import ssl
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from player import attempt
from rooms import Plain, approaching

from tester.caller import call
from tester.collector import Caps, Collector
from tester.envelopes import Recipients
from tester.returned import Collected
from tester.smtp import Limits, Outcome
from tester.verdict import Circumstances, Finding, Verdict, judge, weigh
from tests.waiting import until

MESSAGE = b"Subject: hello\r\n\r\n.dotted\r\n\xff 8-bit\r\n"


class Post:
    """A running collector and what it collected."""

    def __init__(self, **more: Any) -> None:
        self.got: list[Collected] = []
        self.probes: list[Collected] = []
        self.fail: Callable[[], None] = lambda: None
        self.collector = Collector(
            hostname="mx.collector.test",
            domains=frozenset({"Collector.test", "bounce.test"}),
            gate=lambda token: token.startswith("r-"),
            deliver=self.deliver,
            now=lambda: 1700000000.0,
            on_probe=self.probes.append,
            **more,
        )
        self.port = 0

    async def deliver(self, message: Collected) -> None:
        self.fail()
        self.got.append(message)


@contextlib.asynccontextmanager
async def posting(host: str = "127.0.0.1", **more: Any) -> AsyncIterator[Post]:
    post = Post(**more)
    _, post.port = await post.collector.start(host, 0)
    try:
        yield post
    finally:
        await post.collector.close()
        await asyncio.sleep(0)


async def say(port: int, *lines: bytes, host: str = "127.0.0.1") -> list[bytes]:
    """Send each line, wait for each reply (one line), and return the replies; b"" for a lost connection."""
    reader, writer = await asyncio.open_connection(host, port)
    said = [await reader.readline()]
    with contextlib.suppress(ConnectionError):
        for line in lines:
            writer.write(line)
            await writer.drain()
            while (reply := await reader.readline())[3:4] == b"-":
                pass
            said.append(reply)
    writer.transport.abort()
    await asyncio.sleep(0)
    return said


def codes(replies: list[bytes]) -> list[str]:
    return [reply[:3].decode() for reply in replies]


ENVELOPE = (b"EHLO h.test\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<r-1@collector.test>\r\n")


async def test_a_stranger_delivers_a_message_as_it_is() -> None:
    def send(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="stranger.test", timeout=5) as client:
            client.sendmail("s@bounce.test", ["r-ABC@collector.test"], MESSAGE, ["BODY=8BITMIME"])

    async with posting() as post:
        await asyncio.to_thread(send, post.port)
    [message] = post.got
    assert message.message == MESSAGE
    assert message.peer == ip_address("127.0.0.1")
    assert message.local == f"127.0.0.1:{post.port}"
    assert message.helo == "stranger.test"
    assert (message.recipient, message.domain) == ("r-abc", "collector.test")
    assert message.mail_from == "s@bounce.test"
    assert message.mail_raw.startswith(b"FROM:<s@bounce.test>")
    assert message.rcpt_raw == b"TO:<r-ABC@collector.test>"
    assert message.received_at == 1700000000.0
    assert not message.tls
    assert post.probes == []


async def test_whoever_speaks_no_tls_behind_starttls_is_counted_and_no_fault_of_ours(
    certificate: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with posting(tls=(certificate, certificate)) as post:
        reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
        await reader.readline()
        for line in (b"EHLO h.test\r\n", b"STARTTLS\r\n"):
            writer.write(line)
            while (await reader.readline())[3:4] == b"-":
                pass
        writer.write(b"rubbish\r\n" * 20)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.transport.abort()
        assert post.collector.tally.counted == {"handshakes of TLS that came to nothing": 1}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_stranger_speaks_tls_and_is_offered_no_auth(certificate: str) -> None:
    features: list[dict[str, str]] = []

    def send(port: int) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with smtplib.SMTP("127.0.0.1", port, local_hostname="stranger.test", timeout=5) as client:
            client.starttls(context=context)
            client.ehlo()
            features.append(dict(client.esmtp_features))
            assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 502
            client.sendmail("", ["r-1@collector.test"], MESSAGE)

    async with posting(tls=(certificate, certificate)) as post:
        await asyncio.to_thread(send, post.port)
    assert "auth" not in features[0]
    assert "size" in features[0]
    assert post.got[0].tls
    assert post.got[0].mail_from == ""


async def test_the_utf8_message_of_a_stranger_is_taken() -> None:
    def send(port: int) -> None:
        letter = EmailMessage()
        letter["Subject"] = "Grüße"
        letter.set_content("ñ")
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            client.send_message(letter, "dömino@b.test", ["r-1@collector.test"])

    async with posting() as post:
        await asyncio.to_thread(send, post.port)
    assert post.got[0].mail_from == "d\\xc3\\xb6mino@b.test"


@pytest.mark.parametrize(
    ("rcpt", "code", "recipient"),
    [
        (b"<r-1@collector.test>", "250", "r-1"),
        (b"<R-1@COLLECTOR.TEST.>", "250", "r-1"),
        (b"<r-1@bounce.test>", "250", "r-1"),
        (b'<"r-1"@collector.test>', "250", "r-1"),
        (b"<@a.test,@b.test:r-1@collector.test>", "250", "r-1"),
        (b" <r-1@collector.test> NOTIFY=NEVER", "250", "r-1"),
        (b"<Postmaster@collector.test>", "250", "postmaster"),
        (b"<postmaster>", "250", "postmaster"),
        (b"<abuse@bounce.test>", "250", "abuse"),
        (b"<x-1@collector.test>", "550", ""),
        (b"<r-1@elsewhere.test>", "550", ""),
        (b"<r-1%elsewhere.test@collector.test>", "250", "r-1%elsewhere.test"),  # the gate's business
        (b"<r-1@collector.test@elsewhere.test>", "550", ""),
        (b"<abuse>", "550", ""),
        (b"<>", "550", ""),
        (b"r-1@collector.test", "250", "r-1"),
        (b"r-1@collector.test NOTIFY=NEVER", "250", "r-1"),
        (b"\t <  r-1@collector.test >", "250", "r-1"),
        (b"@a.test:r-1@collector.test", "250", "r-1"),
        (b'<"', "501", ""),
        (b"<", "501", ""),
        (b"", "501", ""),
        (b"<r-1@collector.test", "250", "r-1"),
        (b'<"' + b"\\" * 900 + b">", "501", ""),
        (b"<\xff\xfe@collector.test>", "550", ""),
    ],
)
async def test_only_our_own_recipients_are_taken(rcpt: bytes, code: str, recipient: str) -> None:
    async with posting() as post:
        replies = await say(post.port, *ENVELOPE[:2], b"RCPT TO:" + rcpt + b"\r\n", b"NOOP\r\n")
        await until(lambda: not post.collector.open)
    assert codes(replies)[3:] == [code, "250"], "and the connection survives it"
    assert [p.recipient for p in post.probes] == ([recipient] if recipient else [])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"MAIL FROM:<>\r\n", "250"),
        (b"mail from:<a@b> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS\r\n", "250"),
        (b"MAIL FROM:<a@b> SIZE=99999999\r\n", "552"),
        (b"MAIL FROM:<\r\n", "501"),
        (b'MAIL FROM:<"\r\n', "501"),
        (b"MAIL\r\n", "501"),
        (b"MAIL TO:<a@b>\r\n", "501"),
        (b"RCPT TO:<r-1@collector.test>\r\n", "503"),
        (b"DATA\r\n", "503"),
        (b"VRFY root\r\n", "252"),
        (b'VRFY <"\r\n', "252"),
        (b"EXPN root\r\n", "502"),
        (b"AUTH PLAIN AAAA\r\n", "502"),
        (b"HELP\r\n", "250"),
        (b"NONSENSE\r\n", "500"),
        (b"\xff\xff\r\n", "500"),
        (b"\r\n", "500"),
        (b"STARTTLS\r\n", "454"),
    ],
)
async def test_every_command_has_its_answer(line: bytes, code: str) -> None:
    async with posting() as post:
        assert codes(await say(post.port, ENVELOPE[0], line))[-1] == code


async def test_a_greeting_is_asked_for() -> None:
    async with posting() as post:
        assert codes(await say(post.port, *ENVELOPE[1:])) == ["220", "503", "503"]


async def test_one_recipient_a_message() -> None:
    async with posting() as post:
        replies = await say(post.port, *ENVELOPE, ENVELOPE[1], ENVELOPE[2])
    assert codes(replies)[3:] == ["250", "503", "452"]


async def test_a_fault_of_ours_is_never_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail")

    async with posting() as post:
        post.fail = fail
        replies = await say(post.port, *ENVELOPE, b"DATA\r\n", b"Subject: x\r\n\r\n.\r\n", b"NOOP\r\n")
    assert codes(replies)[4:] == ["354", "451", "250"]
    assert not any(b"secret" in reply for reply in replies)
    assert "could not be stored" in caplog.text


async def test_a_failing_gate_is_our_fault_as_well(caplog: pytest.LogCaptureFixture) -> None:
    def gate(token: str) -> bool:
        raise KeyError(token)

    async with posting() as post:
        post.collector.recipients = Recipients({"collector.test"}, gate)
        replies = await say(post.port, *ENVELOPE, b"NOOP\r\n")
    assert codes(replies)[3:] == ["451", "250"]
    assert "KeyError" not in b"".join(replies).decode()
    assert "KeyError" in caplog.text


async def test_what_strangers_send_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with posting() as post:
            await say(post.port, b"EHLO evil-name.test\r\n", b"WEIRDVERB x\r\n")
    assert "evil-name" not in caplog.text
    assert "WEIRDVERB" not in caplog.text


@pytest.mark.parametrize("end", [b"RSET\r\n", b"QUIT\r\n", b"EHLO again.test\r\n", b""])
async def test_a_callback_is_reported_and_is_no_message(end: bytes) -> None:
    async with posting() as post:
        await say(post.port, b"EHLO h.test\r\n", b"MAIL FROM:<>\r\n", ENVELOPE[2], *([end] if end else []))
        await until(lambda: post.probes)
    assert post.got == []
    [probe] = post.probes
    assert (probe.recipient, probe.mail_from, probe.message) == ("r-1", "", b"")


async def test_nobody_needs_to_hear_of_callbacks() -> None:
    async with posting() as post:
        post.collector.on_probe = None
        assert codes(await say(post.port, *ENVELOPE, b"RSET\r\n"))[-1] == "250"


async def flood(port: int, data: bytes, times: int) -> int:
    """Write until the peer has had enough; returns how often it was taken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = 0
    with contextlib.suppress(ConnectionError):
        for line in (*ENVELOPE, b"DATA\r\n"):
            writer.write(line)
        for _ in range(times):
            writer.write(data)
            await asyncio.wait_for(writer.drain(), 5)
            taken += 1
        await asyncio.wait_for(reader.read(), 5)
    writer.transport.abort()
    await asyncio.sleep(0)
    return taken


async def test_a_line_without_end_costs_nothing() -> None:
    async with posting(caps=Caps(message=4096)) as post:
        taken = await flood(post.port, b"x" * 65536, 1600)  # 100 MB
        assert taken < 1600
        await until(lambda: not post.collector.open)
    assert post.got == []


async def test_a_message_somewhat_too_big_is_told_so() -> None:
    async with posting(caps=Caps(message=4096)) as post:
        big = b"x" * 70 + b"\r\n"
        replies = await say(post.port, *ENVELOPE, b"DATA\r\n", big * 70 + b".\r\n", b"NOOP\r\n")
    assert codes(replies)[4:] == ["354", "552", "250"]
    assert post.got == []


async def test_many_messages_share_one_connection() -> None:
    async with posting(caps=Caps(message=4096)) as post:
        once = (*ENVELOPE[1:], b"DATA\r\n", b"y" * 60 + b"\r\n" + (b"x" * 70 + b"\r\n") * 50 + b".\r\n")
        replies = await say(post.port, ENVELOPE[0], *once * 5)
    assert codes(replies)[-1] == "250"
    assert len(post.got) == 5


async def test_connections_are_counted_by_peer_and_altogether() -> None:
    async with posting(caps=Caps(connections=3, per_peer=2)) as post:

        async def enter(source: str) -> tuple[str, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", post.port, local_addr=(source, 0))
            return (await reader.readline())[:3].decode(), writer

        entered = [await enter(source) for source in ["127.0.0.2"] * 3 + ["127.0.0.3"] + ["127.0.0.4"]]
        assert [code for code, _ in entered] == ["220", "220", "421", "220", "421"]
        for _, writer in entered:
            writer.transport.abort()
        await until(lambda: not post.collector.open)
        code, writer = await enter("127.0.0.2")
        assert code == "220", "the places are free again"
        writer.transport.abort()


async def test_a_network_has_its_places_too() -> None:
    async with posting(caps=Caps(per_peer=2, per_network=3)) as post:
        replies, writers = [], []
        for source in ("127.0.5.1", "127.0.5.1", "127.0.5.2", "127.0.5.3", "127.0.6.1"):
            reader, writer = await asyncio.open_connection("127.0.0.1", post.port, local_addr=(source, 0))
            replies.append((await reader.readline())[:3].decode())
            writers.append(writer)
        assert replies == ["220", "220", "220", "421", "220"]
        for writer in writers:
            writer.transport.abort()


async def test_when_all_places_are_taken_the_one_without_a_letter_that_waits_longest_yields() -> None:
    async with posting(caps=Caps(connections=2, grace=0.0)) as post:
        reader, busy = await asyncio.open_connection("127.0.0.1", post.port, local_addr=("127.1.0.1", 0))
        for line in (b"", *ENVELOPE):
            busy.write(line)
            while (await reader.readline())[3:4] == b"-":
                pass
        idle, idler = await asyncio.open_connection("127.0.0.1", post.port, local_addr=("127.2.0.1", 0))
        assert (await idle.readline()).startswith(b"220")
        assert codes(await say(post.port, *ENVELOPE, b"DATA\r\n", b"x\r\n.\r\n"))[-1] == "250"
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(idle.read(), 5) == b"", "hung up on"
        busy.write(b"DATA\r\nx\r\n.\r\n")
        assert (await reader.readline()).startswith(b"354")
        assert (await reader.readline()).startswith(b"250")
        for writer in (busy, idler):
            writer.transport.abort()
    assert len(post.got) == 2


@pytest.mark.parametrize("words", [b"NOOP", b"RSET", b"HELO h.test", b"EHLO h.test", b"MAIL FROM:<a@b.test>"])
async def test_who_says_something_waits_no_less_long_for_it(words: bytes) -> None:
    """Whoever was silent first and whoever talked all the time yield alike."""
    async with posting(caps=Caps(connections=2, per_peer=1, grace=0.0)) as post:
        ends = [await asyncio.open_connection("127.0.0.1", post.port, local_addr=(f"127.{n}.0.1", 0)) for n in (1, 2)]
        (talker, talking), (silent, _) = ends
        for reader, _ in ends:
            await reader.readline()
        for _ in range(5):
            talking.write(words + b"\r\n")
            while (await talker.readline())[3:4] == b"-":
                pass
        assert codes(await say(post.port, *ENVELOPE, b"DATA\r\n", b"x\r\n.\r\n"))[-1] == "250"
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(talker.read(), 5) == b"", "it came first"
        assert not silent.at_eof()
        for _, writer in ends:
            writer.transport.abort()


@pytest.mark.parametrize("words", [b"NOOP", b"RSET", b"HELO h.test", b"VRFY x", b"WHAT"])
async def test_no_command_keeps_a_place_without_a_message(words: bytes) -> None:
    async with posting(caps=Caps(commands=1000, replies=10)) as post:
        replies = [reply for reply in await say(post.port, *[words + b"\r\n"] * 20) if reply]
        assert codes(replies)[-1] in ("421", "502") and len(replies) <= 10
        assert post.collector.open == {}


async def test_each_message_earns_further_commands_and_further_time() -> None:
    async with posting(caps=Caps(replies=9, per_peer=1, grace=0.0)) as post:
        once = (*ENVELOPE[1:], b"DATA\r\n", b"x\r\n.\r\n", b"NOOP\r\n", b"RSET\r\n")
        replies = await say(post.port, ENVELOPE[0], *once * 4)
    assert codes(replies) == ["220", "250", *["250", "250", "354", "250", "250", "250"] * 4]
    assert len(post.got) == 4


async def test_the_time_for_a_message_begins_anew_when_one_has_come() -> None:
    async with posting() as post:
        reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
        await reader.readline()
        [connection] = post.collector.open
        first = connection._errand
        for line in (*ENVELOPE, b"DATA\r\n", b"x\r\n.\r\n"):
            writer.write(line)
            while (await reader.readline())[3:4] == b"-":
                pass
        assert first is not None and first.cancelled()
        assert connection._errand is not None and connection._errand.when() > first.when()
        writer.transport.abort()


async def test_commands_buy_no_time_without_a_message() -> None:
    async with posting(caps=Caps(errand=0.3, commands=10**6, replies=10**6, message=10**8)) as post:
        reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                while await reader.readline():
                    writer.write(b"NOOP\r\n")
        assert post.collector.tally.counted == {"connections ended that brought no message": 1}
        assert post.collector.open == {}
        writer.transport.abort()


async def test_a_connection_has_its_time_however_busy() -> None:
    async with posting(caps=Caps(seconds=0.2, commands=10**6, replies=10**6)) as post:
        reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                while reply := await reader.readline():
                    last = reply
                    writer.write(b"NOOP\r\n")
                    await writer.drain()
        assert last == b"421 4.4.2 relay-test collector: this took too long\r\n"
        writer.transport.abort()
        await until(lambda: not post.collector.open)


async def test_a_silent_peer_is_dropped() -> None:
    async with posting(caps=Caps(idle=0.1)) as post:
        reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
        async with asyncio.timeout(10):
            assert (await reader.read()).endswith(b"421 4.4.2 relay-test collector: nothing was said for too long\r\n")
        writer.transport.abort()


async def test_commands_are_counted() -> None:
    async with posting(caps=Caps(commands=5)) as post:
        assert codes(await say(post.port, *[b"NOOP\r\n"] * 6)) == ["220", *["250"] * 5, "421"]


async def test_a_peer_that_hangs_up_does_not_stop_the_letter() -> None:
    come, gate = asyncio.Event(), asyncio.Event()
    async with posting() as post:
        deliver = post.deliver

        async def slow(message: Collected) -> None:
            come.set()
            await gate.wait()
            await deliver(message)

        post.collector._deliver = slow
        reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
        writer.write(b"".join((*ENVELOPE, b"DATA\r\n", b"Subject: x\r\n\r\n.\r\n")))
        while not (await reader.readline()).startswith(b"354"):
            pass
        await asyncio.wait_for(come.wait(), 5)
        writer.transport.abort()
        await until(lambda: not post.collector.open)
        gate.set()
    assert [m.recipient for m in post.got] == ["r-1"]
    assert post.probes == []


async def test_two_families_share_the_wildcard_port() -> None:
    async with posting("::") as post:
        assert codes(await say(post.port, b"NOOP\r\n")) == ["220", "250"]
        assert codes(await say(post.port, b"NOOP\r\n", host="::1")) == ["220", "250"]
        await say(post.port, *ENVELOPE, b"DATA\r\n", b"x\r\n.\r\n")
    assert post.got[0].peer == ip_address("127.0.0.1")


async def test_ipv6_ends_are_written_in_brackets() -> None:
    async with posting("::1") as post:
        await say(post.port, *ENVELOPE, b"DATA\r\n", b"x\r\n.\r\n", host="::1")
    assert post.got[0].local == f"[::1]:{post.port}"


async def test_a_taken_port_is_an_error() -> None:
    async with posting() as post:
        with pytest.raises(OSError, match="in use"):
            await Post().collector.start("127.0.0.1", post.port)


async def test_closing_before_starting_is_harmless() -> None:
    post = Post()
    await post.collector.close()
    assert post.got == []


class OpenRelay:
    """aiosmtpd as an open relay: hands on whatever it is given, as soon as it has it."""

    def __init__(self, to: int) -> None:
        self.to = to

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        def forward() -> None:
            with smtplib.SMTP("127.0.0.1", self.to, timeout=5) as client:
                client.sendmail(envelope.mail_from, envelope.rcpt_tos, envelope.content)

        await asyncio.to_thread(forward)
        return "250 queued"


async def test_the_whole_loop_convicts_an_open_relay() -> None:
    loop = asyncio.get_running_loop()
    async with posting() as post:
        relay = OpenRelay(post.port)
        server = await loop.create_server(
            lambda: SMTP(relay, hostname="relay.example.net", ident="x", loop=loop), "127.0.0.1", 0
        )

        async def proven(seconds: float) -> bool:
            return bool(post.got)

        limits = Limits(attempt_gap=0.0, connection_gap=0.0)
        approach = approaching(server.sockets[0].getsockname()[1], limits=limits)
        room = Plain(approach, lambda said: [attempt("S01"), attempt("S02")], proven=proven)
        [transcript] = await call(room)
        server.close()
        await server.wait_closed()
    assert [r.outcome for r in transcript.results] == [Outcome.ACCEPTED, Outcome.UNTRIED]
    [message] = post.got
    sent = transcript.results[0]
    assert message.recipient == sent.token.lower()
    assert sent.dot_at is not None
    weighed = weigh(
        Circumstances(
            address=ip_address(transcript.target),
            peer=message.peer,
            answer=None,
            genuine=True,
            proof_ok=b"proof\r\n" in message.message,
            is_report=False,
            outcome=sent.outcome,
            already_delivered=False,
            received_at=message.received_at,
            not_before=1699999000,
            dot_at=transcript.started + sent.dot_at,
            late_after=1700172800.0,
            not_after=1700604800,
            peer_is_us=False,
        )
    )
    assert weighed.finding is Finding.DELIVERED_SAME
    judgement = judge(
        [("S01", Outcome(weighed.finding)), ("S02", Outcome.UNTRIED)],
        control=transcript.control,
        profile="standard",
        window_closed=False,
        retries_left=False,
    )
    assert judgement.verdict is Verdict.OPEN
    assert judgement.final


async def test_all_commands_of_a_connection_together_are_bounded() -> None:
    async with posting(caps=Caps(commands=1000, replies=10)) as post:
        junk = [b"NOOP\r\n", b"RSET\r\n", b"HELP\r\n", b"WHAT\r\n"] * 10
        replies = await say(post.port, *junk)
    said = [reply for reply in replies if reply]
    assert len(said) == 10, "the greeting, eight answers, and a last word"
    assert said[-1] == b"421 4.7.0 relay-test collector: no message for too long\r\n"


# ------------------------------------------------------------------------------ a letter in whatever shape it comes


async def deliver(port: int, *pieces: bytes) -> list[bytes]:
    """One message, its text in pieces as they are; the replies to it and to a NOOP behind it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join((*ENVELOPE, b"DATA\r\n")))
    while not (await reader.readline()).startswith(b"354"):
        pass
    for piece in (*pieces, b"\r\n.\r\nNOOP\r\n"):  # the next command comes along with the end
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    replies = [await reader.readline(), await reader.readline()]
    writer.transport.abort()
    return replies


SHAPES = {
    "a line of 64 KiB": b"Subject: x\r\n\r\n" + b"x" * 65536 + b"\r\nProof: y",
    "one line of all": b"x" * 200_000,
    "bare line feeds": b"Subject: x\n\nProof: y\n.\nmore\n",
    "bare carriage returns": b"Subject: x\r\rProof: y\r.\rmore\r",
    "mixed line ends": b"a\r\n.b\nc\r\r\n.\rd\n.\r\ne\r\n \r\n.f",
    "eight bits and NUL": bytes(range(256)),
    "nothing": b"",
    "dots": b".\n..\r\n..\r\n...\r\n.\t\r\n",
    "carriage returns at the end": b"x\r",
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_message_is_taken_in_whatever_shape_it_comes(shape: str) -> None:
    text = SHAPES[shape]
    sent = text.replace(b"\r\n.", b"\r\n..")
    sent = b"." + sent if sent.startswith(b".") else sent
    async with posting() as post:
        assert codes(await deliver(post.port, sent)) == ["250", "250"]
        if len(sent) < 1000:
            assert codes(await deliver(post.port, *(sent[n : n + 1] for n in range(len(sent))))) == ["250", "250"]
    assert {message.message for message in post.got} == {text + b"\r\n"}


async def test_a_message_up_to_the_bound_is_taken_and_beyond_it_told_so() -> None:
    async with posting(caps=Caps(message=20_000)) as post:
        assert codes(await deliver(post.port, b"x" * 19_998)) == ["250", "250"]
        replies = await deliver(post.port, b"x" * 19_999)
        assert replies[0] == b"552 5.3.4 relay-test collector: message too big\r\n"
        assert codes(await deliver(post.port, b"x" * 19_999, b"\r\n.\r\rn" * 10)) == ["552", "250"]
    assert [len(message.message) for message in post.got] == [20_000]


async def test_an_empty_message_ends_where_it_begins() -> None:
    async with posting() as post:
        replies = await say(post.port, *ENVELOPE, b"DATA\r\n", b".\r\n", b"NOOP\r\n")
    assert codes(replies)[-3:] == ["354", "250", "250"]
    assert [message.message for message in post.got] == [b""]


@pytest.mark.parametrize(
    "envelope",
    [
        (b"MAIL FROM:a@b.test\r\n", b"RCPT TO:r-1@collector.test\r\n"),
        (b"mail from: <a@b.test> size=5\r\n", b"rcpt to: <R-1@Collector.Test>\r\n"),
        (b"MAIL FROM: a@b.test\r\n", b"RCPT TO: r-1@collector.test\r\n"),
        (b"Mail From :<>\n", b"Rcpt To :<r-1@collector.test>\n"),
        (b"MAIL FROM:<@x.test:a@b.test>\r\n", b"RCPT TO:<@x.test,@y.test:r-1@collector.test>\r\n"),
        (b"MAIL FROM:<MAILER-DAEMON>\r\n", b"RCPT TO:<r-1@collector.test.>\r\n"),
    ],
)
async def test_an_envelope_is_taken_in_whatever_shape_it_comes(envelope: tuple[bytes, bytes]) -> None:
    async with posting() as post:
        replies = await say(post.port, b"helo h\r\n", *envelope, b"data\r\n", b"x\r\n.\r\n")
    assert codes(replies) == ["220", "250", "250", "250", "354", "250"]
    assert [(message.recipient, message.rcpt_raw) for message in post.got] == [("r-1", envelope[1].strip()[5:])]


async def test_every_refusal_carries_the_phrase() -> None:
    """Ours, the library's, and those at the door, so that a report that quotes one is known."""
    said: list[bytes] = []
    async with posting(caps=Caps(per_peer=1, commands=3)) as post:
        for lines in (
            [b"\xff\r\n", b"\r\n", b"WHAT\r\n", b"NOOP " + b"x" * 5000 + b"\r\n", b"X" * 5000 + b"\r\n"],
            [b"MAIL FROM:<>\r\n", b"HELO\r\n", b"EHLO\r\n", b"STARTTLS x\r\n", b"STARTTLS\r\n", b"AUTH PLAIN x\r\n"],
            [
                b"EHLO h\r\n",
                b"EXPN x\r\n",
                b"HELP x\r\n",
                b"RSET x\r\n",
                b"QUIT x\r\n",
                b"RCPT TO:<x>\r\n",
                b"DATA\r\n",
            ],
            [b"EHLO h\r\n", b"MAIL x\r\n", b"MAIL FROM:<> SIZE=9999999\r\n", b"MAIL FROM:<>\r\n", b"MAIL FROM:<>\r\n"],
            [b"EHLO h\r\n", ENVELOPE[1], b"RCPT x\r\n", b"RCPT TO:<x@collector.test>\r\n", b"RCPT TO:<x@y.test>\r\n"],
            [*ENVELOPE, ENVELOPE[2], b"DATA x\r\n"],
            [b"NOOP\r\n"] * 4,
            [b"WHAT\r\n"] * 6,
        ):
            said += await say(post.port, *lines)
            await until(lambda: not post.collector.open)
        _, writer = await asyncio.open_connection("127.0.0.1", post.port)
        await until(lambda: post.collector.open)
        said += await say(post.port)
        writer.transport.abort()
    refusals = [reply for reply in said if reply[:1] in (b"4", b"5")]
    assert {reply[:3] for reply in refusals} >= {b"421", b"452", b"454", b"500", b"501", b"502", b"503", b"550", b"552"}
    assert [reply for reply in refusals if b"relay-test collector" not in reply] == []


async def test_who_floods_is_told_so_before_the_line_is_cut() -> None:
    async with posting(caps=Caps(message=4096)) as post:
        reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
        writer.write(b"".join((*ENVELOPE, b"DATA\r\n")) + b"x" * 12_000)
        said = await asyncio.wait_for(reader.read(), 5)
        writer.transport.abort()
        await until(lambda: not post.collector.open)
    assert said.endswith(b"552 5.3.4 relay-test collector: too much was sent\r\n")
