"""Senders that mean harm, at the collector: only our letters come in, and nobody can fill the house."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from ipaddress import ip_address

import pytest

from tester import letter, vectors
from tester.collector import Caps, Collector
from tester.letter import Keyring, Letter
from tester.returned import Collected
from tests.waiting import until

NOW = 1700000000
C, B = "c.test", "b.test"
LITERALS = (ip_address("192.0.2.99"), ip_address("2001:db8::99"))
USUAL = Caps()
MANY = Caps(commands=10**6, replies=10**6)


class Post:
    """A running collector behind the real gate, and what came in."""

    def __init__(self, caps: Caps = USUAL) -> None:
        self.keyring = Keyring.generate(secrets.token_bytes, NOW)
        self.got: list[Collected] = []
        self.broken = False
        self.collector = Collector(
            hostname="mx.c.test",
            domains=frozenset({C, B, "[192.0.2.99]", f"#{int(LITERALS[0])}", "[ipv6:2001:db8::99]"}),
            gate=lambda token: letter.gate(self.keyring, token),
            deliver=self.deliver,
            now=lambda: float(NOW),
            caps=caps,
        )
        self.port = 0

    async def deliver(self, message: Collected) -> None:
        if self.broken:
            raise RuntimeError("the store is away")
        self.got.append(message)

    def issue(self, vector: str = "S01") -> Letter:
        return letter.issue(
            self.keyring,
            address=ip_address("192.0.2.7"),
            port=25,
            vector=vector,
            run="run",
            not_before=NOW,
            not_after=NOW + 86400,
            random=secrets.token_bytes,
        )


@contextlib.asynccontextmanager
async def posting(caps: Caps = USUAL) -> AsyncIterator[Post]:
    post = Post(caps)
    _, post.port = await post.collector.start("127.0.0.1", 0)
    try:
        yield post
    finally:
        await post.collector.close()
        await asyncio.sleep(0)


async def pour(port: int, data: bytes, *, source: str = "127.0.0.1", patience: float = 5.0) -> list[str]:
    """Send all of it without listening, say no more, and return the codes of whatever is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    said = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(patience):
            writer.write(data)
            await writer.drain()
            writer.write_eof()
            while piece := await reader.read(65536):
                said += piece
    writer.transport.abort()
    await asyncio.sleep(0)
    return [line[:3].decode() for line in said.split(b"\r\n") if line[3:4] == b" "]


async def ask(port: int, lines: Iterable[bytes]) -> list[bytes]:
    """Say each line, hear each reply out, and return the replies' last lines; b"" for a lost connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = [await reader.readline()]
    with contextlib.suppress(ConnectionError):
        for line in lines:
            writer.write(line)
            while (reply := await reader.readline())[3:4] == b"-":
                pass
            said.append(reply)
    writer.transport.abort()
    await asyncio.sleep(0)
    return said


def to(recipient: str, domain: str = C) -> bytes:
    return f"RCPT TO:<{recipient}@{domain}>\r\n".encode()


HELLO = b"EHLO h.test\r\nMAIL FROM:<>\r\n"


# ------------------------------------------------------------------------------------------------- forged tokens


def test_no_forged_token_comes_through_the_gate() -> None:
    """Thousands here; the benchmark tries a million. Forgers know everything but the key."""
    post, draw = Post(), random.Random(1)
    true = post.issue().recipient
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    forged = {true[:i] + c + true[i + 1 :] for i in range(1, 26) for c in alphabet if c != true[i]}
    forged |= {true[:2] + "".join(draw.choices(alphabet, k=32)) for _ in range(5000)}
    forged |= {true[:18] + "".join(draw.choices(alphabet, k=16)) for _ in range(5000)}
    forged |= {other[:18] + true[18:] for other in (post.issue().recipient for _ in range(500))}
    forged |= {"s" + true[1:], true[:-1], true + "a", true + "\n", true.replace(true[5], "ı", 1), "", "r", "ra"}
    assert not [token for token in forged if token != true and letter.gate(post.keyring, token)]
    assert letter.gate(post.keyring, true)


def test_another_lists_tokens_and_a_lost_keys_tokens_are_none() -> None:
    post, other = Post(), Post()
    assert not letter.gate(post.keyring, other.issue().recipient)
    assert not letter.genuine(post.keyring, other.issue())


async def test_forged_tokens_are_refused_before_any_message() -> None:
    async with posting() as post:
        true = post.issue().recipient
        forged = [true[:-17] + "a" * 17, true[:17] + ("a" if true[17] != "a" else "b") + true[18:], "r" + "a" * 33]
        replies = await ask(
            post.port, [HELLO[:13], HELLO[13:], *map(to, forged), to(true, "elsewhere.test"), b"DATA\r\n"]
        )
    assert [reply[:3] for reply in replies[3:]] == [b"550"] * 4 + [b"503"]
    assert post.got == []


# ------------------------------------------------------------------------------------------ our own catalogue


def aimed_at(victim: str) -> vectors.Names:
    """Names for the test that we put to others, put to us: the target is the collector, C is a third party."""
    return vectors.Names(
        target=ip_address("127.0.0.1"),
        target_name="mx.c.test",
        own_name="mx.c.test",
        collector_domain=victim,
        bounce_domain="outside.example",
        third_domain=victim,
        mx_domain=f"mx.{victim}",
        served_domain=C,
        collector_addresses=LITERALS,
    )


@pytest.mark.parametrize("victim", ["victim.example", "127.0.0.1"])
@pytest.mark.parametrize("token", ["victim", None], ids=["a stranger", "a true token"])
async def test_the_collector_passes_our_own_complete_catalogue(victim: str, token: str | None) -> None:
    """In every disguise: nothing is taken for somebody else, not even with a token that the gate lets in."""
    async with posting(MANY) as post:
        recipient = token or post.issue().recipient
        for row in vectors.CATALOGUE.values():
            made = vectors.envelope(row, aimed_at(victim), sender="s" * 34, recipient=recipient)
            lines = [HELLO[:13], b"MAIL FROM:" + made.mail + b"\r\n", b"RCPT TO:" + made.rcpt + b"\r\n", b"DATA\r\n"]
            replies = [reply[:3] for reply in await ask(post.port, lines)]
            if token is None and row.id.startswith("R22"):
                assert replies[3] == b"250", "our own address is ours to receive at"
            else:
                assert replies[3][:1] == b"5", (row.id, made.rcpt, replies)
                assert replies[4] in (b"503", b""), (row.id, replies)
    assert post.got == []


async def test_what_is_our_fault_is_never_a_refusal() -> None:
    """With the store away every letter is put off with 451, whatever its form; a 5xx would turn an open relay into one
    that bounces."""
    async with posting(MANY) as post:
        post.broken = True
        for vector in vectors.PROFILES["standard"]:
            issued = post.issue(vector)
            lines = [HELLO[:13], HELLO[13:], to(issued.recipient), b"DATA\r\n", b"Subject: x\r\n\r\nProof: y\r\n.\r\n"]
            replies = await ask(post.port, lines)
            assert [reply[:3] for reply in replies[1:]] == [b"250", b"250", b"250", b"354", b"451"]
        post.broken = False
        replies = await ask(post.port, lines)
    assert replies[-1][:3] == b"250"
    assert [message.recipient for message in post.got] == [issued.recipient]


# -------------------------------------------------------------------------------------------------- smuggling


SECOND = b"MAIL FROM:<admin@b.test>\r\nRCPT TO:<%s@c.test>\r\nDATA\r\nsmuggled\r\n.\r\n"


@pytest.mark.parametrize(
    "end",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r\r\n.\r\r\n",
        b"\r\n\x00.\r\n",
        b"\n\n.\n\n",
    ],
    ids=repr,
)
async def test_only_a_dot_between_two_true_line_ends_ends_a_message(end: bytes) -> None:
    async with posting() as post:
        token = post.issue().recipient.encode()
        first = HELLO + b"RCPT TO:<" + token + b"@c.test>\r\nDATA\r\nSubject: one\r\n\r\nbody"
        codes = await pour(post.port, first + end + SECOND % token + b"QUIT\r\n")
    assert codes.count("354") == 1, "what stood inside the message was obeyed"
    assert len(post.got) <= 1
    for message in post.got:
        assert b"MAIL FROM:<admin@b.test>" in message.message, "it is text of the first message"


# ---------------------------------------------------------------------------------------------------- nonsense


NONSENSE = {
    "everything at once, twice": (HELLO + b"RCPT TO:<x@c.test>\r\nDATA\r\n") * 2,
    "verbs nobody knows": b"".join(b"X%d\r\n" % n for n in range(5000)),
    "line ends": b"\r\n" * 20000,
    "bare line feeds": b"EHLO a\nMAIL FROM:<>\n" * 2000,
    "nul": b"\x00" * 20000 + b"\r\n",
    "http": b"GET / HTTP/1.1\r\nHost: mx.c.test\r\n\r\n" * 100,
    "tls without asking": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 8,
    "a path without end": b"EHLO h\r\nMAIL FROM:<" + b"@a," * 30000,
    "quotes in quotes": b"EHLO h\r\nMAIL FROM:<" + b'"\\' * 2000 + b">\r\n",
    "eight bits": b"EHLO \xff\xfe\r\nMAIL FROM:<\xc3\x28@\xa0>\r\nRCPT TO:<\xf0\x90@c.test>\r\n",
    "data before its time": b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n" * 50,
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_nonsense_is_answered_briefly_and_leaves_nothing(name: str) -> None:
    async with posting(Caps(idle=1.0)) as post:
        codes = await pour(post.port, NONSENSE[name])
        assert len(codes) <= Caps().replies + 1
        assert "354" not in codes
        assert (await ask(post.port, [b"NOOP\r\n"]))[1][:3] == b"250", "others are served as before"
    assert post.got == []


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 65536,
        b"x\r" * 32768,
        b"x\n" * 32768,
        b"\r\n.." * 16384,
        b"\r\n" * 32768,
        b"\x00" * 65536,
        b"x" * 4094 + b"\r\n",
    ],
    ids=["no line end", "carriage returns", "line feeds", "dots", "line ends", "nul", "long lines"],
)
async def test_a_hundred_megabytes_of_message_cost_three_megabytes_at_most(data: bytes) -> None:
    async with posting() as post:
        token = post.issue().recipient.encode()
        await pour(post.port, HELLO + to("nobody") + b"QUIT\r\n")  # whatever is made once is made
        reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
        writer.transport.set_write_buffer_limits(high=0)
        tracemalloc.start()
        before, sent = tracemalloc.get_traced_memory()[0], 0
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(5):
                writer.write(HELLO + b"RCPT TO:<" + token + b"@c.test>\r\nDATA\r\nSubject: x\r\n\r\n")
                for _ in range(1600):
                    writer.write(data)
                    await writer.drain()
                    sent += len(data)
                await reader.read()
        cost = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        writer.transport.abort()
        await until(lambda: not post.collector.open)
    assert cost <= 3 * 1024 * 1024, f"{cost} octets"
    assert sent < 10 * 1024 * 1024, "nearly all of it was taken"
    assert post.got == []


async def test_two_thousand_connections_leave_room_for_a_letter() -> None:
    """Each address gets its few places, all together get theirs, and nobody waits for a refusal."""
    caps = Caps(connections=50, per_peer=4, grace=60.0)
    async with posting(caps) as post:
        codes: list[bytes] = []

        async def enter(number: int) -> asyncio.StreamWriter:
            source = f"127.77.{number // 250 % 8}.{number % 250 + 1}" if number % 2 else "127.77.9.9"
            reader, writer = await asyncio.open_connection("127.0.0.1", post.port, local_addr=(source, 0))
            with contextlib.suppress(ConnectionError):
                codes.append((await reader.readline())[:3])
            return writer

        writers = []
        async with asyncio.timeout(20):
            for start in range(0, 2000, 40):
                writers += await asyncio.gather(*map(enter, range(start, start + 40)))
                assert len(post.collector.open) <= caps.connections
        assert codes.count(b"220") == caps.connections
        assert codes.count(b"220") + codes.count(b"421") == 2000
        for writer in writers:
            writer.transport.abort()
        await until(lambda: not post.collector.open)
        issued = post.issue()
        lines = [HELLO[:13], HELLO[13:], to(issued.recipient), b"DATA\r\n", b"x\r\n.\r\n"]
        assert (await ask(post.port, lines))[-1][:3] == b"250", "the letter comes in as soon as they are gone"
    assert [message.recipient for message in post.got] == [issued.recipient]
