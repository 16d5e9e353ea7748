"""The simulated mail servers of the demo: each a real SMTP server on a loopback address, with one habit.

Only this file pretends. Everything that meets these servers is what runs in production. They send mail nowhere
but to the collector that they are given, from their own loopback addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
from collections.abc import Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any

import aiosmtplib
from aiosmtpd.smtp import SMTP, Envelope, Session

from tester.records import dataclass

#: Where the neighbourhood lives; nothing else on a machine uses these addresses.
NETWORK = "127.77.0.0/16"


@dataclass(frozen=True, slots=True)
class Resident:
    """One server of the neighbourhood."""

    address: str
    name: str
    story: str  #: what it does, for the tour
    expect: str  #: the verdict it deserves


RESIDENTS = (
    Resident("127.77.0.10", "open.demo", "relays for anybody", "OPEN"),
    Resident("127.77.0.20", "closed.demo", "refuses strangers", "CLOSED"),
    Resident("127.77.0.30", "bouncer.demo", "accepts, then bounces", "ACCEPTS_BOUNCES"),
    Resident("127.77.0.40", "hole.demo", "accepts, then silence", "ACCEPTS_LOSES"),
    Resident("127.77.0.50", "front.demo", "a second box delivers", "OPEN_MULTIHOP"),
    Resident("127.77.0.60", "grey.demo", "greylists, then relays", "OPEN"),
    Resident("127.77.0.70", "door.demo", "554 as its greeting", "REFUSES_TESTER"),
)
#: Servers as the papers of 2002 and 2012 have them, on closing relays; they are not of the tour.
PAPERS = (
    Resident("127.77.0.81", "prohibits.demo", "refuses as the telnet test of 2002 wants it", "CLOSED"),
    Resident(
        "127.77.0.82", "reflector.demo", "Exchange 5.5 that does not reroute: accepts, then a notice", "ACCEPTS_BOUNCES"
    ),
    Resident("127.77.0.83", "imcea.demo", "Exchange 5.5 before its patch: undoes encapsulated addresses", "OPEN"),
)
#: What each says of itself, where it is no nameless server.
IDENTS = {
    "reflector.demo": "ESMTP Server (Microsoft Exchange Internet Mail Service 5.5.2653.13) ready",
    "imcea.demo": "ESMTP Server (Microsoft Exchange Internet Mail Service 5.5.2232.9) ready",
}
#: The second box behind front.demo.
BACK = "127.77.0.51"
#: Where somebody reads mail who reports spam: his server hands in what he forwards, and takes the answers.
READER = "127.77.0.90"


#: How a stranger is refused where the papers are heeded.
PROHIBITED = "550 5.7.1 Relaying is prohibited"


class ReaderPost:
    """The aiosmtpd handler of the reader's server: it keeps what it gets."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.came = asyncio.Event()  #: set as soon as there is one

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content: Any = envelope.content
        self.mails.append(content)
        self.came.set()
        return "250 2.0.0 kept"


class Habits:
    """The aiosmtpd handler of one resident."""

    def __init__(
        self,
        resident: Resident,
        collector: Callable[[], tuple[str, int]],
        now: Callable[[], float],
        mended: Path | None = None,
        routes: Mapping[str, tuple[str, int]] | None = None,
    ) -> None:
        """`mended` is a folder where a file with the resident's name says that its owner has closed it; mail for the
        domains of `routes` goes to the place beside them, and not to the collector."""
        self.resident = resident
        self._mended = mended / resident.name if mended is not None else None
        self.closed = resident.name in ("closed.demo", "prohibits.demo")
        self._collector = collector
        self._routes = routes or {}
        self._now = now
        self._seen: dict[tuple[str, str], float] = {}
        self._errands: set[asyncio.Task[None]] = set()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.lower() in (f"postmaster@{self.resident.name}", "postmaster"):
            return "250 2.1.5 my own postmaster"
        closed = self.closed or (self._mended is not None and self._mended.exists())
        if self.resident.name == "imcea.demo" and not closed:
            hidden = unpacked(address, self.resident.name)
            if not hidden:
                return PROHIBITED
            address = hidden
        elif closed:
            return PROHIBITED if self.resident in PAPERS else "554 5.7.1 Relay access denied"
        if self.resident.name == "grey.demo":
            first = self._seen.setdefault((str(envelope.mail_from), address), self._now())
            if self._now() - first < 1.0:
                return "451 4.7.1 Greylisted, please come back"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        name = self.resident.name
        if name in ("open.demo", "grey.demo", "imcea.demo"):
            self._send(envelope, self.resident.address)
        elif name == "front.demo":
            self._send(envelope, BACK)
        elif name == "bouncer.demo":
            self._bounce(envelope)
        elif name == "reflector.demo":
            self._reflect(envelope)
        return "250 2.0.0 queued"

    def _send(self, envelope: Envelope, source: str) -> None:
        """Pass the message on, as this machine's queue would, from `source`."""
        trace = (
            f"Received: from [{self.resident.address}] (stranger [127.0.0.1])\r\n"
            f"\tby {self.resident.name} with ESMTP; {formatdate(self._now())}\r\n"
        )
        content: Any = envelope.content
        self._errand(envelope.mail_from or "", envelope.rcpt_tos, trace.encode() + content, source)

    def _bounce(self, envelope: Envelope) -> None:
        """Return the message to its envelope sender as an RFC 3464 report."""
        if not envelope.mail_from or envelope.mail_from == "<>":
            return
        name, to = self.resident.name, envelope.rcpt_tos[0]
        report = (
            f"From: Mail Delivery System <mailer-daemon@{name}>\r\nTo: {envelope.mail_from}\r\n"
            f"Subject: Undelivered Mail Returned to Sender\r\nDate: {formatdate(self._now())}\r\n"
            f"Message-ID: <{self._now()}@{name}>\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
            "--b\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"
            f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {name}\r\n\r\n"
            f"Final-Recipient: rfc822; {to}\r\nAction: failed\r\nStatus: 5.7.1\r\n"
            "Diagnostic-Code: smtp; 550 5.7.1 relaying denied\r\n--b--\r\n"
        )
        self._errand("", [envelope.mail_from], report.encode("ascii", "replace"), self.resident.address)

    def _reflect(self, envelope: Envelope) -> None:
        """Tell whoever the envelope names that the message has not arrived, as Exchange 5.5 does: in words alone."""
        if not envelope.mail_from or envelope.mail_from == "<>":
            return
        name, to, when = self.resident.name, envelope.rcpt_tos[0], formatdate(self._now())
        notice = (
            f"From: System Administrator <postmaster@{name}>\r\nTo: {envelope.mail_from}\r\n"
            f"Subject: Undeliverable: Open relay test\r\nDate: {when}\r\nMessage-ID: <{self._now()}@{name}>\r\n"
            "X-Mailer: Internet Mail Service (5.5.2653.13)\r\n\r\n"
            f"Your message\r\n\r\n  To:      {to}\r\n  Sent:    {when}\r\n\r\n"
            f"did not reach the following recipient(s):\r\n\r\n{to} on {when}\r\n"
            "    The recipient name is not recognized\r\n"
            "\tThe MTS-ID of the original message is: c=us;a= ;p=demo;l=REFLECTOR0\r\n"
            "    MSEXCH:IMS:Demo:Demo:REFLECTOR 0 (000C05A6) Unknown Recipient\r\n"
        )
        self._errand("", [envelope.mail_from], notice.encode("ascii", "replace"), self.resident.address)

    def _errand(self, sender: str, recipients: list[str], message: bytes, source: str) -> None:
        task = asyncio.create_task(self._deliver("" if sender == "<>" else sender, recipients, message, source))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _deliver(self, sender: str, recipients: list[str], message: bytes, source: str) -> None:
        host, port = self._routes.get(recipients[0].rpartition("@")[2].lower()) or self._collector()
        # a refusal by the collector is what the odd forms deserve: this server would bounce, the demo forgets it
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, ValueError):
            async with aiosmtplib.SMTP(
                hostname=host,
                port=port,
                source_address=(source, 0),
                local_hostname=self.resident.name,
                start_tls=False,
                timeout=10,
            ) as client:
                await client.ehlo()
                await client.execute_command(b"MAIL", f"FROM:<{sender}>".encode())
                for recipient in recipients:
                    await client.execute_command(b"RCPT", f"TO:<{recipient}>".encode())
                await client.data(message)

    async def quit(self) -> None:
        """Forget what is still to be delivered."""
        for task in self._errands:
            task.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)


class _Lenient(SMTP):
    """Takes MAIL from who has not said HELO, as people at a telnet do."""

    async def check_helo_needed(self, helo: str = "HELO") -> bool:
        return False


class Neighbourhood:
    """All residents, listening on one port of their own addresses."""

    def __init__(
        self,
        collector: Callable[[], tuple[str, int]],
        now: Callable[[], float],
        *,
        mended: Path | None = None,
        routes: Mapping[str, tuple[str, int]] | None = None,
    ) -> None:
        self.habits = {r.address: Habits(r, collector, now, mended, routes) for r in (*RESIDENTS, *PAPERS)}
        self.port = 0
        self.post = ReaderPost()  #: of the reader
        self._collector = collector
        self._servers: list[asyncio.Server] = []

    async def start(self) -> int:
        """Listen; returns the port, free on every address. Raises OSError."""
        for attempt in range(20):
            try:
                for resident in (*RESIDENTS, *PAPERS):
                    await self._open(resident, self.port)
                await self._open_post(self.port)
            except OSError:
                await self._shut()
                self.port = 0
                if attempt == 19:
                    raise
            else:
                break
        return self.port

    async def _open(self, resident: Resident, port: int) -> None:
        loop = asyncio.get_running_loop()
        if resident.name == "door.demo":
            server = await asyncio.start_server(_slam, resident.address, port)
        else:
            kind, ident = _Lenient if resident in PAPERS else SMTP, IDENTS.get(resident.name, "ESMTP")
            server = await loop.create_server(
                lambda: kind(self.habits[resident.address], hostname=resident.name, ident=ident, loop=loop),
                resident.address,
                port,
            )
        self._servers.append(server)
        self.port = server.sockets[0].getsockname()[1]

    async def _open_post(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._servers.append(
            await loop.create_server(
                lambda: SMTP(self.post, hostname="reader.demo", ident="ESMTP", loop=loop), READER, port
            )
        )

    async def forward(self, message: bytes, *, sender: str, to: str, source: str = READER) -> str:
        """Hand a mail of the reader's, or one from `source`, in to the collector; its last word. Raises SMTPException,
        OSError."""
        host, port = self._collector()
        async with aiosmtplib.SMTP(
            hostname=host, port=port, source_address=(source, 0), local_hostname="reader.demo", start_tls=False
        ) as client:
            _, said = await client.sendmail(sender, [to], message)
        return said

    def close_relay(self, address: str) -> None:
        """The owner mends the server: from now on it refuses strangers."""
        self.habits[address].closed = True

    async def stop(self) -> None:
        for habits in self.habits.values():
            await habits.quit()
        await self._shut()

    async def _shut(self) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()
        self._servers.clear()


def unpacked(address: str, name: str) -> str:
    """The address that one of Exchange 5.5's encapsulates at this host (IMCEASMTP-joe+40example+2Enet@HOST), or ""."""
    local, _, host = address.rpartition("@")
    if host.lower() != name or not local.upper().startswith("IMCEASMTP-"):
        return ""
    return re.sub(r"\+([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), local[len("IMCEASMTP-") :])


def free_port() -> int:
    """A port of loopback that is free for UDP and TCP, and that the kernel gives to no client. Raises OSError."""
    for port in random.sample(range(20000, 32768), 100):
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp, contextlib.suppress(OSError):
            udp.bind(("127.0.0.1", port))
            tcp.bind(("127.0.0.1", port))
            return port
    raise OSError("no port of loopback is free")


async def _slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"554 5.7.1 door.demo does not talk to testers\r\n")
    with contextlib.suppress(OSError):
        await writer.drain()
    writer.close()
