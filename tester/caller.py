"""Shell: dials one server and holds the conversation, on aiosmtplib's SMTPProtocol.

Records every byte, bounds bytes and seconds, aborts on surplus bytes, judges replies by our own grammar (the
library's reading is never used). What to say next is `dialogue`'s business.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Sequence
from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address, ip_address
from tempfile import NamedTemporaryFile
from typing import Protocol, cast

from aiosmtplib.errors import SMTPReadTimeoutError, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.response import SMTPResponse

from tester.approach import Approach
from tester.certificates import facts, throwaway
from tester.dialogue import Dialogue
from tester.errors import ReplyFault
from tester.knocking import CONNECT_ERRORS, Connected, Knocker
from tester.smtp import Attempt, Event, Outcome, Reply, ReplyReader, Said, Transcript
from tester.states import Action, AskOwn, AskProven, Close, Command, Expect, Pause, Send, SendBody, SendFirst, StartTls

Address = IPv4Address | IPv6Address

#: Of OpenSSL: servers without secure renegotiation are spoken to (RFC 5746 4.1); Python has a name for it since 3.12.
_LEGACY_SERVER_CONNECT = 0x4
_PIECES = 4096  #: pieces in which a server may deliver its bytes, so that dribbling does not swell the record


class Sequel(Enum):
    """What comes behind a connection."""

    ANOTHER = auto()  # the next one, after a pause and where it may be made
    END = auto()  # all that was to be said has been said
    CUT = auto()  # our own side has broken off


class Room(Protocol):
    """What a conversation needs from who holds the test."""

    @property
    def approach(self) -> Approach:
        """Whom to dial, and how."""

    def now(self) -> float:
        """The time, in epoch seconds."""

    def compose(self, said: Said) -> Sequence[Attempt]:
        """The attempts, in order. Asked once, after the greetings, with what the server says of itself; or, when it
        comes to no greeting, with nothing said."""

    async def may_dial(self) -> bool:
        """Asked right before every connection; a no ends the call with what there is."""

    def check_peer(self, address: Address) -> None:
        """Sees the address of the connected socket. Raises NotDialable, which is passed on."""

    async def own_name(self, names: tuple[str, ...]) -> str:
        """Which name is the server's own, given those that it says, or "" when none is known to be. Asked once, where
        the approach wants it asked."""

    async def proven(self, seconds: float) -> bool:
        """Wait up to so many seconds for a letter of this run to come back; when one has, we stop."""

    async def keep(self, transcript: Transcript, sequel: Sequel) -> None:
        """Awaited after every connection, before the next one, so that nothing said is lost by a crash; when the call
        is cancelled, also for the connection that is cut off. `sequel` is what comes behind it."""

    def show(self, event: Event) -> None:
        """Hears every byte, for whoever watches."""


async def call(room: Room, connected: Connected | None = None) -> tuple[Transcript, ...]:
    """Hold as many connections as the attempts need and return one Transcript each. Whoever has knocked already brings
    the first one `connected`, which is ours to close from then on.

    When nothing was accepted, the control dialogue (MAIL FROM the approach's bounce address, `RCPT TO:<postmaster@T>`,
    RSET) closes the last connection; when everything was, the approach's nonsense local part at T does, if it has one.
    Never raises for anything a server does: that is an Outcome; raises Undialled when our own machine cannot dial (a
    source address that is not ours, no sockets left, no route), and what the room raises.
    """
    transcripts: list[Transcript] = []
    dialogue: Dialogue | None = Dialogue(room.approach, room.compose)
    while dialogue is not None:
        if transcripts:
            await asyncio.sleep(room.approach.limits.connection_gap)
        if not await room.may_dial():
            if connected is not None:
                connected.close()
            break
        session, connected = _Session(dialogue, room, connected), None
        started = room.now()
        try:
            await session.run()
        except asyncio.CancelledError:
            session.cut()
            await room.keep(session.transcript(started), Sequel.CUT)
            raise
        finally:
            session.abort()
        transcripts.append(session.transcript(started))
        dialogue = dialogue.again()
        await room.keep(transcripts[-1], Sequel.ANOTHER if dialogue is not None else Sequel.END)
    return tuple(transcripts)


class _Session(SMTPProtocol):
    """One connection: the library moves the bytes; we record, bound and read them."""

    def __init__(self, dialogue: Dialogue, room: Room, connected: Connected | None = None) -> None:
        super().__init__()
        self._connected = connected
        self.events: list[Event] = []
        self.source = ""
        self.tls: dict[str, str] = {}
        self._dialogue = dialogue
        self._room = room
        self._path = room.approach.path
        self._limits = room.approach.limits
        self._reader = ReplyReader(self._limits)
        self._received = 0
        self._pieces = 0
        self._fault: Outcome | None = None
        self._reply: Reply | None = None
        self._peer: tuple[str, int] | None = None
        self._began = self._loop.time()
        self._due = 0.0  # until when a reply is waited for, on the loop's clock
        self._timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------------------ the conversation

    async def run(self) -> None:
        """Dial and talk until the dialogue has had enough."""
        command = self._dialogue.start(self._now())
        if self._dialogue.remark:
            self._remark(self._dialogue.remark)
        failed = await self._dial()
        if failed is not None:
            self._dialogue.fault(failed, self._now())
            return
        if self._peer is None:  # reset in the very moment: there is nobody whose address could be checked
            self._dialogue.fault(Outcome.DISCONNECTED, self._now())
            return
        self._room.check_peer(ip_address(self._peer[0]))
        if self._dialogue.wrapped:
            if not await self._shake_hands(self._limits.command):
                self.abort()
                self._dialogue.fault(Outcome.TLS_FAIL, self._now())
                return
            self._dialogue.encrypted()
        try:
            async with asyncio.timeout(self._limits.connection - self._now()) as cap:
                while not isinstance(command, Close):
                    command = await self._carry_out(command)
        except TimeoutError:
            if not cap.expired():
                raise
            self._remark("the connection took too long as a whole")
            while not isinstance(command, Close):  # a question about a proof may still come up; it has no time left
                if isinstance(command, AskProven):
                    command = self._dialogue.proven(False, self._now())
                elif isinstance(command, AskOwn):
                    command = self._dialogue.named("", self._now())
                else:
                    command = self._dialogue.fault(Outcome.TIMEOUT, self._now())

    async def _carry_out(self, command: Action) -> Command:
        """Do what the dialogue asks for and tell it what came of it."""
        match command:
            case Pause(seconds):
                await asyncio.sleep(seconds)
                return self._dialogue.elapsed(self._now())
            case AskProven(seconds):
                return self._dialogue.proven(await self._room.proven(seconds), self._now())
            case AskOwn(names, seconds):
                return self._dialogue.named(await self._ask_own(names, seconds), self._now())
            case StartTls(wait, certificate):
                if await self._shake_hands(wait, certificate):
                    return self._dialogue.tls_done(self._now())
                return self._dialogue.fault(Outcome.TLS_FAIL, self._now())
            case _:
                answer = await self._exchange(command)
        if isinstance(answer, Outcome):
            self._remark(f"gave up: {answer}")
            self.abort()
            return self._dialogue.fault(answer, self._now())
        return self._dialogue.reply(answer, self._now())

    async def _ask_own(self, names: tuple[str, ...], seconds: float) -> str:
        """The server's own name as far as it can be found out in time."""
        try:
            async with asyncio.timeout(seconds):
                own = await self._room.own_name(names)
        except TimeoutError:
            own = ""
        self._remark(f"its own name: {own or 'unknown'}")
        return own

    async def _dial(self) -> Outcome | None:
        """Connect; None when the connection stands."""
        path, found = self._path, self._connected or 0
        if not found:
            found = await Knocker(self._limits.connect).connect(path.address, path.port, self._dialogue.source)
        if isinstance(found, int):
            why = " in time" if found == errno.ETIMEDOUT else f": {errno.errorcode[found]}"
            self._remark(f"no connection{why}")
            return CONNECT_ERRORS[found]
        await self._loop.create_connection(lambda: self, sock=found)
        return None

    async def _exchange(self, command: Expect | SendFirst | Send | SendBody) -> Reply | Outcome:
        """Speak, unless the server spoke first, and take exactly one reply."""
        if self._fault is not None:
            return self._fault
        if not isinstance(command, Expect | SendFirst) and self._reader.holds_any:
            return Outcome.UNSOLICITED
        self._wait(command.wait)
        try:
            if isinstance(command, Send):
                # The library refuses control characters in a command: a second lock on our own envelopes.
                await self.execute_command(command.data.removesuffix(b"\r\n"))
            else:
                if isinstance(command, SendBody | SendFirst):
                    self.write(command.data)
                await self.read_response()
        except SMTPReadTimeoutError:
            return self._fault or Outcome.TIMEOUT
        except SMTPServerDisconnected:
            return self._fault or Outcome.DISCONNECTED
        # After QUIT the library invents a reply when the server just hangs up; ours is then still missing.
        reply, self._reply = self._reply, None
        if self._fault is not None or reply is None:
            return self._fault or Outcome.DISCONNECTED
        # Who has had enough says no and goodbye in one breath. Nothing is said after it, so it answers nothing else.
        parts = reply.code >= 400 and self._reader.holds_leave
        return Outcome.UNSOLICITED if self._reader.holds_any and not parts else reply

    def _wait(self, seconds: float) -> None:
        """Let no reply be waited for any longer. One timer serves the whole connection: most replies come long before
        it rings, and a timer for each would cost more than to read it."""
        self._due = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._due:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._loop.time() < self._due:
            self._set_timer()
        elif waiter := self._awaited():
            self._set_response_exception(waiter, SMTPReadTimeoutError("no reply in time"))

    def _awaited(self) -> asyncio.Future[SMTPResponse] | None:
        """What a reply would be put into, while one is waited for."""
        waiter = self._response_waiter
        return waiter if waiter is not None and self._response_pending and not waiter.done() else None

    async def _shake_hands(self, wait: float, certificate: bool = False) -> bool:
        """Turn the connection into TLS, of whatever age: who relays under TLS 1.0 relays. Certificates are recorded,
        not verified: the peer is a suspect anyway. One of our own making is shown where `certificate` says so."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one loads every authority: 27 ms, 860 KiB
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.options |= _LEGACY_SERVER_CONNECT
        context.set_ciphers("DEFAULT:ALL:@SECLEVEL=0")  # short keys and old hashes too
        if certificate:
            with NamedTemporaryFile() as file:  # the library reads them from a file alone
                file.write(throwaway(self._room.approach.helo, self._room.now()))
                file.flush()
                context.load_cert_chain(file.name)
        if not isinstance(self.transport, asyncio.WriteTransport):
            return False
        try:
            wrapped = await self._loop.start_tls(self.transport, self, context, ssl_handshake_timeout=wait)
        except OSError as error:  # ssl.SSLError and every connection error
            self._remark(f"no TLS: {type(error).__name__}")
            if getattr(error, "reason", "") == "WRONG_VERSION_NUMBER":  # no record of TLS at all
                self._dialogue.in_clear()
            return False
        if wrapped is None:  # lost in the very moment
            return False
        self.transport = wrapped
        tls = cast(ssl.SSLObject, wrapped.get_extra_info("ssl_object"))
        self.tls = {
            "version": tls.version() or "",
            "cipher": (tls.cipher() or ("",))[0],
            **facts(tls.getpeercert(binary_form=True) or b""),
        }
        return True

    # --------------------------------------------------------------------------- the library's methods

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._peer = transport.get_extra_info("peername")
        host, port = (transport.get_extra_info("sockname") or ("", 0))[:2]
        self.source = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def data_received(self, data: bytes) -> None:
        """Record, bound, read. Never the library's own reading: it takes `250-a`/`550 b` for one answer and
        pairs surplus replies with later commands."""
        if self._fault is not None:
            return
        self._received += len(data)
        self._pieces += 1
        room = max(0, len(data) - max(0, self._received - self._limits.total))
        self._record("<", data[:room])
        try:
            if self._received > self._limits.total or self._pieces > _PIECES:
                raise ReplyFault(Outcome.OVERSIZE)
            self._reader.feed(data)
        except ReplyFault as fault:
            self._fault = Outcome(fault.outcome)
            self.abort()
        waiter = self._awaited()
        if waiter is None:
            return  # it stays in the reader, and is surplus when we want to speak
        if self._fault is not None:
            self._set_response_exception(waiter, SMTPServerDisconnected("aborted"))
            return
        reply = self._reader.next_reply()
        if reply is not None:
            self._reply = reply
            waiter.set_result(SMTPResponse(reply.code, reply.text))

    def write(self, data: bytes) -> None:
        super().write(data)
        self._record(">", data)

    def cut(self) -> None:
        """Break off on our own account."""
        self._remark("broken off by us")
        self.abort()
        self._dialogue.cut()

    def abort(self) -> None:
        """Let go of the connection at once; nothing is ever left to be flushed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    # -------------------------------------------------------------------------------------- the record

    def transcript(self, started: float) -> Transcript:
        """What was said on this connection; `started` in epoch seconds."""
        dialogue = self._dialogue
        return Transcript(
            target=str(self._path.address),
            port=self._path.port,
            source=self.source,
            started=started,
            target_name=dialogue.target_name,
            events=tuple(self.events),
            results=tuple(dialogue.results),
            control=dialogue.control,
            control_reply=dialogue.control_reply,
            flags=frozenset(dialogue.flags),
            tls=self.tls,
        )

    def _now(self) -> float:
        return round(self._loop.time() - self._began, 6)

    def _record(self, kind: str, data: bytes) -> None:
        event = Event(self._now(), kind, bytes(data))
        self.events.append(event)
        self._room.show(event)

    def _remark(self, text: str) -> None:
        self._record("!", text.encode("ascii", "replace"))
