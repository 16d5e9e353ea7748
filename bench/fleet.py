"""A simulated neighbourhood of mail servers on 127.64.0.0 and up; the truth about each is known.

An address is either silent, refusing, or a mail server of some habit. Silent addresses are listening sockets with a
kernel filter that throws every packet away before there is a handshake: to a caller that is exactly a firewall that
drops, and it needs neither root nor a namespace nor a packet filter of the system. On refusing addresses nothing
listens. So nobody's network settings are touched, and since every socket is bound to an address of 127.0.0.0/8,
nothing is reached from outside either.

    python -m bench.fleet PORT COLLECTOR_PORT < plan        serves until its standard input ends
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import re
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from enum import StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
READY = 30.0  #: seconds that servers may take until they listen
COLLECTOR_DOMAIN = "c.test"
BOUNCE_DOMAIN = "b.test"
OUR_DOMAINS = (b"@b.test", b"@c.test")
FIRST = IPv4Address("127.64.0.0")
SLOW = "127.63.0.1"  #: answers every command after a while and puts every recipient off
MUTE = "127.63.0.2"  #: silent
SLOWNESS = 0.5  #: seconds before each reply of SLOW
QUEUE = (0.5, 1.0, 2.0, 4.0, 0.0)  #: seconds after each try of a server to hand a message in


class Habit(StrEnum):
    """What an address does. The first four groups stand apart in the tables; `OPEN` below names the true relays."""

    SILENT = "silent"
    FILTERED = "filtered"
    REFUSING = "refusing"
    # mail servers that relay
    ANY = "relays for anybody"
    NULL = "relays for the null sender"
    LOCAL = "relays for senders in its own domain"
    PERCENT = "relays by the percent hack"
    # mail servers that accept and do not relay
    LOSES = "accepts and loses"
    BOUNCES = "accepts, then bounces"
    # mail servers that refuse, sooner or later
    NO_DATA = "accepts the recipient, refuses DATA"
    NO_END = "refuses at the end of the data"
    CLOSED = "closed"
    SOFT = "closed, with a 454"
    TURNS_AWAY = "turns us away"
    NO_MAIL = "speaks something else"


OPEN = frozenset({Habit.ANY, Habit.NULL, Habit.LOCAL, Habit.PERCENT})
MUTED = frozenset({Habit.SILENT, Habit.FILTERED})
SPEAKING = tuple(habit for habit in Habit if habit not in {*MUTED, Habit.REFUSING})


def range_a() -> dict[IPv4Address, Habit]:
    """The 2816 addresses of a relay study's range of 2002: 253 hosts found, of these 234 refusing, 5 filtered and 14
    with a mail server; 6 of the 14 accepted the test message, 5 delivered it."""
    return _spread(
        {
            Habit.SILENT: 2563,
            Habit.FILTERED: 5,
            Habit.REFUSING: 234,
            Habit.ANY: 3,
            Habit.LOCAL: 1,
            Habit.PERCENT: 1,
            Habit.LOSES: 1,
            Habit.NO_DATA: 2,
            Habit.NO_END: 1,
            Habit.CLOSED: 2,
            Habit.SOFT: 1,
            Habit.TURNS_AWAY: 1,
            Habit.NO_MAIL: 1,
        },
        FIRST,
    )


def speakers(each: int) -> dict[IPv4Address, Habit]:
    """So many mail servers of each habit, on the addresses behind range A."""
    return _spread(dict.fromkeys(SPEAKING, each), FIRST + 16 * 256)


def _spread(numbers: dict[Habit, int], first: IPv4Address) -> dict[IPv4Address, Habit]:
    """The habits in an order that is random and always the same."""
    habits = [habit for habit, number in numbers.items() for _ in range(number)]
    Random(2002).shuffle(habits)
    return {first + offset: habit for offset, habit in enumerate(habits)}


# ------------------------------------------------------------------------------------------------ the servers

_SO_ATTACH_FILTER = 26
_DROP_ALL = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0 octets of the packet


def mute(address: str, port: int) -> socket.socket:
    """A listening socket on which no packet ever arrives."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(_DROP_ALL)))
    sock.listen(1)
    return sock


_ADDRESS = re.compile(rb"<(.*)>")
_TOKEN = rb"[a-z2-7]{34}"


class MailServer:
    """One simulated mail server."""

    farewell = b"221 bye\r\n"  #: the answer to QUIT

    def __init__(self, address: IPv4Address, habit: Habit, collector: int, said: str = "ESMTP") -> None:
        """`said` is what it greets with behind its name."""
        self.address, self.habit, self.collector = str(address), habit, collector
        self.name = f"mx{int(address) - int(FIRST)}.example.net".encode()
        self.said = said.encode()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(60):
                await self._talk(reader, writer)
        writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.habit is Habit.NO_MAIL:
            writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
            await reader.read(1)
            return
        refuses = self.habit is Habit.TURNS_AWAY
        writer.write(b"554 no mail from you\r\n" if refuses else b"220 " + self.name + b" " + self.said + b"\r\n")
        mail = rcpt = b""
        while line := await reader.readline():
            match line.split(b" ")[0].strip().upper():
                case b"QUIT":
                    writer.write(self.farewell)
                    return
                case _ if refuses:
                    writer.write(b"503 no\r\n")
                case b"EHLO" | b"HELO":
                    writer.write(b"250 " + self.name + b"\r\n")
                case b"MAIL":
                    mail = self._path(line)
                    writer.write(b"250 ok\r\n")
                case b"RCPT":
                    rcpt = self._path(line)
                    writer.write(self._recipient(mail, rcpt))
                case b"DATA" if self.habit is Habit.NO_DATA:
                    writer.write(b"554 no valid recipients\r\n")
                case b"DATA":
                    writer.write(b"354 go\r\n")
                    message = await reader.readuntil(b"\r\n.\r\n")
                    writer.write(b"550 relaying denied\r\n" if self.habit is Habit.NO_END else b"250 queued\r\n")
                    task = asyncio.create_task(self.pass_on(mail, rcpt, message))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                case _:
                    writer.write(b"250 ok\r\n")

    @staticmethod
    def _path(line: bytes) -> bytes:
        found = _ADDRESS.search(line)
        return found[1] if found else b""

    def _recipient(self, mail: bytes, rcpt: bytes) -> bytes:
        """The answer to RCPT, by who claims to send what to whom."""
        if rcpt.partition(b"@")[0].lower() == b"postmaster":
            return b"250 ok\r\n"
        here = (b"@" + self.name, f"@[{self.address}]".encode())
        match self.habit:
            case Habit.CLOSED | Habit.SOFT:
                takes = False
            case Habit.NULL:
                takes = not mail
            case Habit.LOCAL:
                takes = mail.endswith(here)
            case Habit.PERCENT:
                takes = (
                    rcpt.endswith(here)
                    and b"%" in rcpt
                    and b"@" not in rcpt.removesuffix(here[0]).removesuffix(here[1])
                )
            case _:
                takes = True
        if takes:
            return b"250 ok\r\n"
        return b"454 4.7.1 relay access denied\r\n" if self.habit is Habit.SOFT else b"550 5.7.1 relaying denied\r\n"

    async def pass_on(self, mail: bytes, rcpt: bytes, message: bytes) -> None:
        """What the server really does with what it has accepted."""
        if self.habit in OPEN:
            token = re.search(_TOKEN, rcpt)
            if token and COLLECTOR_DOMAIN.encode() in rcpt:
                await self.send(mail, token[0] + b"@" + COLLECTOR_DOMAIN.encode(), message)
        elif self.habit is Habit.BOUNCES and mail.endswith(OUR_DOMAINS):
            await self.send(b"", mail, _report(self.name, rcpt))

    async def send(self, mail: bytes, rcpt: bytes, message: bytes) -> None:
        """Hand a message to the collector; as a mail server's queue does, again when there is no place now."""
        for wait in QUEUE:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(30):
                    if await self._handed_in(mail, rcpt, message):
                        return
            await asyncio.sleep(wait)

    async def _handed_in(self, mail: bytes, rcpt: bytes, message: bytes) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.collector, local_addr=(self.address, 0))
        try:
            if not (await reader.readline()).startswith(b"220"):
                return False
            for line in (
                b"HELO " + self.name + b"\r\n",
                b"MAIL FROM:<" + mail + b">\r\n",
                b"RCPT TO:<" + rcpt + b">\r\n",
                b"DATA\r\n",
                message,
                b"QUIT\r\n",
            ):
                writer.write(line)
                await reader.readline()
        finally:
            writer.close()
        return True


def _report(name: bytes, rcpt: bytes) -> bytes:
    """A delivery status report (RFC 3464)."""
    return (
        b"From: MAILER-DAEMON@%(n)b\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; %(n)b\r\n\r\n"
        b"Final-Recipient: rfc822; %(r)b\r\nAction: failed\r\nStatus: 5.7.1\r\n--b--\r\n.\r\n"
    ) % {b"n": name, b"r": rcpt}


async def _slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that thinks before each reply, and puts every recipient off."""
    with contextlib.suppress(OSError):
        verb = b""
        while verb != b"QUIT":
            await asyncio.sleep(SLOWNESS)
            writer.write({b"": b"220 slow.example.net\r\n", b"RCPT": b"450 later\r\n"}.get(verb, b"250 ok\r\n"))
            verb = (await reader.readline())[:4].upper() or b"QUIT"
        writer.write(b"221 bye\r\n")
    writer.close()


async def serve(plan: dict[IPv4Address, Habit], port: int, collector: int) -> None:
    """Be the neighbourhood until standard input ends."""
    muted = [mute(str(address), port) for address, habit in plan.items() if habit in MUTED]
    muted.append(mute(MUTE, port))
    for address, habit in plan.items():
        if habit in SPEAKING:
            await asyncio.start_server(MailServer(address, habit, collector), str(address), port, backlog=64)
    await asyncio.start_server(_slowly, SLOW, port, backlog=4096)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for sock in muted:
        sock.close()


@contextlib.asynccontextmanager
async def apart(*words: str, told: str = "") -> AsyncIterator[None]:
    """Simulated servers in a process of their own, `python -m WORDS`, which is told this on its standard input and ends
    when that does. Raises SystemExit where they are not ready in time."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *words), cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(told.encode())
    try:
        if await asyncio.wait_for(child.stdout.readline(), READY) != b"ready\n":
            raise SystemExit("bench: the simulated servers did not start")
        yield
    finally:
        child.stdin.close()
        await child.wait()


def neighbourhood(
    plan: Mapping[IPv4Address, Habit], port: int, collector: int
) -> contextlib.AbstractAsyncContextManager[None]:
    """These addresses, at this port, each with its habit, in a process of their own."""
    return apart("bench.fleet", str(port), str(collector), told=to_lines(plan))


def to_lines(plan: Mapping[IPv4Address, Habit]) -> str:
    return "".join(f"{address} {habit.name}\n" for address, habit in plan.items()) + "\n"


def from_lines(lines: Sequence[str]) -> dict[IPv4Address, Habit]:
    return {IPv4Address(word[0]): Habit[word[1]] for word in (line.split() for line in lines)}


def _plan_lines() -> Iterator[str]:
    for line in sys.stdin:
        if not line.strip():
            return
        yield line


if __name__ == "__main__":
    from bench.limits import raise_file_limit

    raise_file_limit()
    asyncio.run(serve(from_lines(list(_plan_lines())), int(sys.argv[1]), int(sys.argv[2])))
