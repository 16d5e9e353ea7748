"""The vocabulary of a test: outcomes, flags, replies, limits, and what one conversation leaves behind.

Pure. Holds the reply grammar (RFC 5321 4.2) and the records that dialogue, verdict, caller and the list share.
Never opens a socket, never reads a clock: every time is an offset in seconds handed in by the caller.
Everything a server sent stays raw bytes; `escape` makes it fit to be shown. Over 400 lines, since words that all share
stand in one place.
"""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from tester.errors import ReplyFault
from tester.records import dataclass


class Outcome(StrEnum):
    """How one attempt ended, or where it waits. The names are shown, stored and tested as they stand."""

    CONN_REFUSED = "CONN_REFUSED"
    CONN_TIMEOUT = "CONN_TIMEOUT"
    CONN_UNREACH = "CONN_UNREACH"
    BANNER_TIMEOUT = "BANNER_TIMEOUT"
    BANNER_4XX = "BANNER_4XX"
    BANNER_5XX = "BANNER_5XX"
    BANNER_EOF = "BANNER_EOF"
    BANNER_GARBAGE = "BANNER_GARBAGE"
    BANNER_OVERSIZE = "BANNER_OVERSIZE"
    HELO_5XX = "HELO_5XX"
    HELO_4XX = "HELO_4XX"
    TLS_FAIL = "TLS_FAIL"
    TLS_INJECT = "TLS_INJECT"
    MAIL_5XX = "MAIL_5XX"
    MAIL_4XX = "MAIL_4XX"
    RCPT_5XX = "RCPT_5XX"
    RCPT_AUTH = "RCPT_AUTH"
    RCPT_4XX = "RCPT_4XX"
    RCPT_DENIED_SOFT = "RCPT_DENIED_SOFT"
    DEFERRED_FOREVER = "DEFERRED_FOREVER"
    DATA_CMD_4XX = "DATA_CMD_4XX"
    DATA_CMD_5XX = "DATA_CMD_5XX"
    DATA_END_4XX = "DATA_END_4XX"
    DATA_END_5XX = "DATA_END_5XX"
    ACCEPTED = "ACCEPTED"
    MAYBE_ACCEPTED = "MAYBE_ACCEPTED"
    EARLY_421 = "EARLY_421"
    PROTOCOL = "PROTOCOL"
    OVERSIZE = "OVERSIZE"
    UNSOLICITED = "UNSOLICITED"
    TIMEOUT = "TIMEOUT"
    DISCONNECTED = "DISCONNECTED"
    UNTRIED = "UNTRIED"
    SKIPPED = "SKIPPED"  # not tried on purpose: switched off, known to harm this software, or lacking a name
    # after the conversation, from what came back to the collector
    DELIVERED_SAME = "DELIVERED_SAME"
    DELIVERED_OTHER = "DELIVERED_OTHER"
    DELIVERED_SAME_LATE = "DELIVERED_SAME_LATE"
    DELIVERED_OTHER_LATE = "DELIVERED_OTHER_LATE"
    BOUNCED = "BOUNCED"
    BOUNCED_BY_US = "BOUNCED_BY_US"
    DSN_DELAYED = "DSN_DELAYED"  # the server says that it is still trying to pass it on
    HELD = "HELD"  # the server says that somebody has to agree first
    LOST = "LOST"


class Flag(StrEnum):
    """A remark on a session or an attempt that never decides by itself."""

    HELO_FALLBACK = "HELO_FALLBACK"
    TLS_NEEDED = "TLS_NEEDED"
    TLS_USED = "TLS_USED"
    RCPT_ODD = "RCPT_ODD"
    QUIT_ERR = "QUIT_ERR"
    TARPIT = "TARPIT"
    NUL = "NUL"
    EIGHTBIT = "EIGHTBIT"
    CTRL = "CTRL"
    LONG_REPLY = "LONG_REPLY"
    BARE_LF = "BARE_LF"
    ACCEPT_ALL = "ACCEPT_ALL"
    TESTER_SPECIFIC = "TESTER_SPECIFIC"
    PASSES_BARE_LF = "passes-bare-lf"  # it leaves a line feed by itself as it is, see `canary`
    PASSES_BARE_CR = "passes-bare-cr"
    NO_POSTMASTER = "NO_POSTMASTER"  # it takes no mail for its own postmaster (RFC 5321 4.5.1)


class Control(StrEnum):
    """The control dialogue: may we deliver to the server's own postmaster?"""

    NOT_RUN = "NOT_RUN"
    ACCEPTED = "ACCEPTED"
    ACCEPTED_BARE = "ACCEPTED_BARE"  # for `postmaster` alone, which servers take even from those whom they refuse
    REFUSED = "REFUSED"
    DEFERRED = "DEFERRED"


#: Accepted, and the server says that it has the letter still: what it will do with it is open, however long it takes.
KEPT = frozenset({Outcome.DSN_DELAYED, Outcome.HELD})
#: Accepted by the server, and the letter has come to nothing yet.
PENDING = frozenset({Outcome.ACCEPTED, Outcome.MAYBE_ACCEPTED}) | KEPT
#: The letter came back to our collector, proof and all.
DELIVERED = frozenset(outcome for outcome in Outcome if outcome.startswith("DELIVERED"))
#: To be tried again later with the same sender and recipient (greylisting and friends).
RETRY = frozenset(
    {
        Outcome.RCPT_4XX,
        Outcome.MAIL_4XX,
        Outcome.DATA_CMD_4XX,
        Outcome.DATA_END_4XX,
        Outcome.RCPT_DENIED_SOFT,
        Outcome.BANNER_4XX,
        Outcome.HELO_4XX,
        Outcome.EARLY_421,
    }
)
#: A clear no to this attempt. MAIL_5XX is among them: when it is only the tester who is refused, the control
#: dialogue, which bears the same sender, is refused as well.
REFUSED = frozenset(
    {
        Outcome.MAIL_5XX,
        Outcome.RCPT_5XX,
        Outcome.RCPT_AUTH,
        Outcome.RCPT_DENIED_SOFT,
        Outcome.DEFERRED_FOREVER,
        Outcome.DATA_CMD_5XX,
        Outcome.DATA_END_5XX,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one conversation may cost. Seconds and bytes."""

    connect: float = 30.0  #: seconds until the TCP connection stands
    banner: float = 60.0  #: seconds until the greeting is complete
    banner_second: float = 300.0  #: the same on the second connection, when the first brought none (RFC 5321 4.5.3.2.1)
    command: float = 120.0  #: seconds for the reply to EHLO, MAIL, RCPT, DATA
    final: float = 600.0  #: seconds for the reply to the final dot (RFC 5321 4.5.3.2.6)
    connection: float = 900.0  #: seconds for a whole connection
    line_expected: int = 512  #: octets of a reply line before it is flagged (RFC 5321 4.5.3.1.5)
    line: int = 4096  #: octets of a reply line before we hang up
    lines: int = 100  #: lines of one reply
    reply: int = 32 * 1024  #: octets of one reply
    total: int = 256 * 1024  #: octets received on one connection
    attempts: int = 4  #: attempts on one connection
    odd_attempts: int = 2  #: of these, syntactically odd ones
    attempt_gap: float = 2.0  #: seconds between two attempts
    connection_gap: float = 30.0  #: seconds between two connections
    connections: int = (
        20  #: connections of one test (the full profile needs 16); 1 also means that nothing is tried a second time
    )
    grace: float = 20.0  #: seconds to wait for a letter that was accepted before the next attempt is made


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One complete reply, as sent. `lines` are the texts after the code, without line ends."""

    code: int
    lines: tuple[bytes, ...]
    raw: bytes
    flags: frozenset[Flag] = frozenset()

    @property
    def text(self) -> str:
        """All lines joined by a blank, escaped, fit to be shown."""
        return escape(b" ".join(self.lines))

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 3463) at the start of the first line, or None."""
        found = _ENHANCED.match(self.lines[0])
        return found[1].decode("ascii") if found else None


class ReplyReader:
    """Takes bytes as they come and yields complete replies.

    Grammar: `DDD(SP|-)text` or `DDD` alone, first digit 2-5, the same code on every line, CRLF (a bare LF is
    accepted and flagged). Anything else raises `ReplyFault` carrying PROTOCOL or OVERSIZE, and the reader is
    finished: every later `feed` raises the same fault, while replies completed before it can still be taken.
    How the bytes are cut into pieces makes no difference. Memory is bounded by `limits.reply` plus one piece.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._partial = bytearray()  # the line that has no end yet
        self._lines: list[bytes] = []  # of the reply that is not complete yet: texts, and as sent
        self._raw = bytearray()
        self._code = 0
        self._flags: set[Flag] = set()
        self._ready: deque[Reply] = deque()
        self._held = 0  # octets of whole lines that nobody has taken yet
        self._fault: ReplyFault | None = None

    def feed(self, data: bytes) -> None:
        """Take what the socket gave. Raises ReplyFault."""
        if self._fault is not None:
            raise self._fault
        self._partial += data
        start, more = 0, True
        try:
            while more:  # line by line: a piece of nothing but line ends is never held as so many lines
                end = self._partial.find(b"\n", start) + 1
                more = end > 0
                if (end or len(self._partial)) - start > self._limits.line:
                    raise ReplyFault(Outcome.OVERSIZE, "A reply line is longer than we read.")
                if more:
                    self._take_line(bytes(self._partial[start:end]))
                    start = end
        except ReplyFault as fault:
            self._fault = fault
            del self._partial[start + self._limits.line :]
            raise
        finally:
            del self._partial[:start]

    def next_reply(self) -> Reply | None:
        """The next complete reply, or None when more bytes are needed."""
        if not self._ready:
            return None
        reply = self._ready.popleft()
        self._held -= len(reply.raw)
        return reply

    @property
    def holds_any(self) -> bool:
        """Whether there is any surplus."""
        return bool(self._ready or self._raw or self._partial)

    @property
    def holds_leave(self) -> bool:
        """Whether the surplus is a 421 and nothing else: the server hangs up (RFC 5321 3.8)."""
        return len(self._ready) == 1 and self._ready[0].code == 421 and not (self._raw or self._partial)

    @property
    def surplus(self) -> bytes:
        """What is buffered and not yet consumed; must be empty whenever we are about to speak."""
        return b"".join(r.raw for r in self._ready) + bytes(self._raw) + bytes(self._partial)

    def _take_line(self, line: bytes) -> None:
        self._held += len(line)
        if self._held > self._limits.reply:
            raise ReplyFault(Outcome.OVERSIZE, "A reply is longer than we read.")
        text = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        form = _LINE.fullmatch(text)
        if form is None:
            raise ReplyFault(Outcome.PROTOCOL, "A line is no SMTP reply.")
        code = int(form[1])
        if self._lines and code != self._code:
            raise ReplyFault(Outcome.PROTOCOL, "One reply carries two different codes.")
        if len(self._lines) == self._limits.lines:
            raise ReplyFault(Outcome.OVERSIZE, "A reply has more lines than we read.")
        self._code = code
        self._raw += line
        self._lines.append(form[3] or b"")
        if _ODD.search(text):
            self._flags |= {flag for flag, odd in _ODDITIES.items() if odd.search(text)}
        if len(line) > self._limits.line_expected:
            self._flags.add(Flag.LONG_REPLY)
        if not line.endswith(b"\r\n"):
            self._flags.add(Flag.BARE_LF)
        if form[2] != b"-":
            if len(self._ready) == self._limits.lines:
                raise ReplyFault(Outcome.OVERSIZE, "More replies wait than anybody will take.")
            lines, raw, flags = tuple(self._lines), bytes(self._raw), frozenset(self._flags)
            self._ready.append(Reply(code=code, lines=lines, raw=raw, flags=flags))
            self._lines, self._raw, self._flags = [], bytearray(), set()


#: One reply line without its end (RFC 5321 4.2). `DDD` alone is allowed there for old servers.
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(rb"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![^ ])")
_ODDITIES = {
    Flag.NUL: re.compile(rb"\x00"),
    Flag.EIGHTBIT: re.compile(rb"[\x80-\xff]"),
    Flag.CTRL: re.compile(rb"[\x01-\x08\x0a-\x1f\x7f]"),
}
_ODD = re.compile(b"|".join(odd.pattern for odd in _ODDITIES.values()))
_SHOWN = [chr(c) if 0x20 <= c < 0x7F else f"\\x{c:02x}" for c in range(256)]
for _byte, _name in {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x5C: "\\\\"}.items():
    _SHOWN[_byte] = _name


def escape(raw: bytes) -> str:
    """Hostile bytes as printable ASCII: controls, 8-bit and backslash come out as backslash escapes."""
    return "".join([_SHOWN[byte] for byte in raw])


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a server has said of itself before the first attempt."""

    name: str  #: T, what it calls itself, or its own name when it says none: fit for our own commands, or ""
    own: str  #: a name that is proven to be its own, or ""
    text: bytes  #: its greeting and its answer to EHLO, cut to a few KiB: raw


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """How a connection begins where a form asks for another one than everybody's; no other form shares it then."""

    before: bytes = b""  #: octets that are sent before the greeting is read, a PROXY header
    command: bytes = b""  #: a command after EHLO, CRLF left out, which a 220 and a new greeting follow: XCLIENT
    certificate: bool = False  #: whether the connection is turned into TLS with a client certificate of our own making
    source: str = ""  #: our own address to dial from; "": as always
    helo: bytes = b""  #: what we call ourselves on all of it; b"": as always
    remark: str = ""  #: as whom we come, one line for the transcript; "": as always

    @property
    def plain(self) -> bool:
        """Whether nothing but our names is unlike everybody's: what fails here fails as on any connection."""
        return not (self.before or self.command or self.certificate)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One transaction to be tried: MAIL, RCPT, DATA, as exact bytes."""

    vector: str  #: id in the catalogue
    token: str  #: the recipient token of its letter
    mail: bytes  #: reverse-path with its angle brackets, b"<s@B>"
    rcpt: bytes  #: forward-path with its angle brackets
    #: writes and signs the letter: CRLF lines, not yet dot-stuffed; most servers refuse before it is asked for
    write: Callable[[], bytes] = bytes
    odd: bool = False  #: syntactically odd, counts against limits.odd_attempts
    helo: bytes = b""  #: what we call ourselves for this one; b"": as always
    opening: Opening = Opening()
    stranger: int = 0  #: 1: the plain form, offered by another stranger; 2: by the same one, to a third domain
    skip: str = ""  #: why it is not to be made at all, one sentence; "" when it is


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of one attempt in the conversation."""

    vector: str
    token: str
    outcome: Outcome
    stage: str  #: CONNECT, EHLO, MAIL, TO, DATA, QUIT or OK (the labels of IMCR-013); "" when it was not made
    reply: str = ""  #: the deciding reply, "550 5.7.1 ..." escaped; of a skipped attempt the reason
    flags: frozenset[Flag] = frozenset()
    dot_at: float | None = None  #: offset in seconds from the session's start when the final dot went out


@dataclass(frozen=True, slots=True)
class Event:
    """One thing on the wire: what, when (seconds from the start), in which direction."""

    at: float
    kind: str  #: ">" sent, "<" received, "!" a remark of ours
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """Everything said on one connection, every byte with direction and offset; immutable."""

    target: str  #: the address that was dialled
    port: int
    source: str  #: our own end, "address:port", or "" when no connection came about
    started: float  #: epoch seconds
    target_name: str = ""  #: T, what the server calls itself (escaped)
    events: tuple[Event, ...] = ()
    results: tuple[Result, ...] = ()
    control: Control = Control.NOT_RUN
    control_reply: str = ""  #: how mail for the server's own postmaster was refused, "550 5.1.1 ..." escaped; or ""
    flags: frozenset[Flag] = frozenset()
    tls: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """A JSON document holding all of it; bytes as base64. Inverse of `from_json`."""
        return json.dumps(
            {
                "v": 1,
                "target": self.target,
                "port": self.port,
                "source": self.source,
                "started": self.started,
                "target_name": self.target_name,
                "events": [[e.at, e.kind, base64.b64encode(e.data).decode()] for e in self.events],
                "results": [
                    {
                        "vector": r.vector,
                        "token": r.token,
                        "outcome": r.outcome.value,
                        "stage": r.stage,
                        "reply": r.reply,
                        "flags": sorted(r.flags),
                        "dot_at": r.dot_at,
                    }
                    for r in self.results
                ],
                "control": self.control.value,
                "control_reply": self.control_reply,
                "flags": sorted(self.flags),
                "tls": dict(self.tls),
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Transcript:
        """Inverse of `to_json`. Raises ValueError or KeyError on a document of another make."""
        d: dict[str, Any] = json.loads(text)
        if d["v"] != 1:
            raise ValueError(f"transcript version {d['v']} is not known")
        return cls(
            target=d["target"],
            port=d["port"],
            source=d["source"],
            started=d["started"],
            target_name=d["target_name"],
            events=tuple(Event(at, kind, base64.b64decode(data)) for at, kind, data in d["events"]),
            results=tuple(
                Result(
                    vector=r["vector"],
                    token=r["token"],
                    outcome=Outcome(r["outcome"]),
                    stage=r["stage"],
                    reply=r["reply"],
                    flags=frozenset(Flag(f) for f in r["flags"]),
                    dot_at=r["dot_at"],
                )
                for r in d["results"]
            ),
            control=Control(d["control"]),
            control_reply=d.get("control_reply", ""),
            flags=frozenset(Flag(f) for f in d["flags"]),
            tls=d["tls"],
        )
